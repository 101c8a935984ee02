#include "database.h"

#include <string.h>

#define GO_ON "see to the server and go on: what was recorded is there"

/* What the server says, by the first octets of its SQLSTATE (PostgreSQL's appendix A); the first that fits. */
static const struct {
	const char *code;
	int status;
	const char *words;
	const char *hint;
} rows[] = {
	{ "40001", DATABASE_AGAIN, "another one was in the way", NULL },
	{ "40P01", DATABASE_AGAIN, "another one was in the way", NULL },
	{ "08", DATABASE_AGAIN, "the connection was lost", NULL },
	{ "42501", HSMIME_EIO, "this role has no right to do that",
	    "let it make a schema: GRANT CREATE ON DATABASE … TO …; a job goes on by the role that "
	    "began it" },
	{ "53100", HSMIME_EIO, "no space is left on the server",
	    "free some space there and go on: what was recorded is there" },
	{ "53200", HSMIME_EIO, "the server has no memory left", GO_ON },
	{ "53", HSMIME_EIO, "the server has too much to do", GO_ON },
	{ "25006", HSMIME_EIO, "the server can't be written: it is a copy of another one",
	    "name the one that it is a copy of" },
	{ "58", HSMIME_EIO, "the server can't read or write its disk", GO_ON },
	{ "XX", HSMIME_EFORMAT, "it is damaged",
	    "take it from a backup, or begin a new job: it writes the same outputs again" },
	{ "42P01", HSMIME_EFORMAT, "it is no journal, or damaged", "name another place" },
	{ "42703", HSMIME_EFORMAT, "it is no journal, or damaged", "name another place" },
	{ "3F000", HSMIME_EFORMAT, "it is no journal, or damaged", "name another place" },
};

/* The words in one line: of several that are the reason that libpq knows of. */
static const char *first_line(char *out, size_t room, const char *text)
{
	size_t len = strcspn(text, "\n");

	if (len >= room)
		len = room - 1;
	memcpy(out, text, len);
	out[len] = '\0';
	return out;
}

static int not_connected(struct link *l, struct error *err)
{
	char words[256];

	error_set(err, HSMIME_EIO, "the journal %.200s: %s", l->d->uri,
	    first_line(words, sizeof(words), PQerrorMessage(l->connection)));
	if (PQconnectionNeedsPassword(l->connection) || PQconnectionUsedPassword(l->connection))
		error_hint(err,
		    "put the role's password into ~/.pgpass, which has to be yours alone "
		    "(or PGPASSFILE, or PGSERVICE)");
	else
		error_hint(err, "see to the server, and to the host, database and role of the URI");
	return HSMIME_EIO;
}

int database_failed(struct link *l, const PGresult *r, struct error *err)
{
	const char *code = r != NULL ? PQresultErrorField(r, PG_DIAG_SQLSTATE) : NULL;
	char words[256];

	memset(l->code, 0, sizeof(l->code));
	if (code == NULL && r == NULL)
		return not_connected(l, err);
	l->broken = code == NULL || PQstatus(l->connection) != CONNECTION_OK ||
		    strncmp(code, "57P", 3) == 0 || strncmp(code, "25P03", 5) == 0;
	if (l->broken) {
		error_set(
		    err, HSMIME_EIO, "the journal %.200s: the connection was lost", l->d->uri);
		return DATABASE_AGAIN;
	}
	memcpy(l->code, code, 5);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (strncmp(code, rows[i].code, strlen(rows[i].code)) != 0)
			continue;
		error_set(err, rows[i].status < 0 ? rows[i].status : HSMIME_EIO,
		    "the journal %.200s: %s", l->d->uri, rows[i].words);
		if (rows[i].hint != NULL)
			error_hint(err, "%s", rows[i].hint);
		return rows[i].status;
	}
	return error_set(err, HSMIME_EINTERNAL, "the journal %.200s: %s", l->d->uri,
	    first_line(words, sizeof(words), PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY)));
}
