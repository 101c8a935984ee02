/*
 * Which journal a job has: journal.sqlite in its folder, or one in a database, which journal.postgresql there names:
 * its URI, which has no password, and in the next line what it is called in the database.
 */
#include "archive/job.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "archive/drafts.h"
#include "util/hex.h"
#include "util/output.h"

#define IN_FOLDER "journal.sqlite"
#define IN_DATABASE "journal.postgresql"
#define NAMED_MAX 4096 /* octets of that file */
#define CHANCE 8       /* octets that make the name in the database unlike every other */

static bool is_there(const struct job *j, const char *name)
{
	char *path = NULL;
	bool is = job_folder_path(&path, j, name) == 0 && access(path, F_OK) == 0;

	free(path);
	return is;
}

bool job_folder_is_new(const struct job *j)
{
	return !is_there(j, IN_FOLDER) && !is_there(j, IN_DATABASE);
}

bool job_is_shared(const struct job *j)
{
	if (j->options.dry_run)
		return false; /* it has a journal of its own */
	return j->journal != NULL ? j->journal->kind->shared : j->options.journal != NULL;
}

/* The first line of what the file has ends where *name begins. */
static bool split(char *text, char **name)
{
	char *end = strchr(text, '\n');

	if (end == NULL)
		return false;
	*end = '\0';
	*name = end + 1;
	(*name)[strcspn(*name, "\n")] = '\0';
	return *text != '\0' && **name != '\0' && strchr(*name, '#') == NULL;
}

static int read_named(char **uri, char **name, const char *path, struct error *err)
{
	FILE *in = fopen(path, "re");
	char *text = calloc(1, NAMED_MAX + 1);
	size_t len;

	*uri = text;
	*name = NULL;
	if (in == NULL || text == NULL) {
		int status = text == NULL ? error_nomem(err) : error_errno(err, "reading", path);

		if (in != NULL)
			fclose(in);
		return status;
	}
	len = fread(text, 1, NAMED_MAX, in);
	text[len] = '\0';
	fclose(in);
	if (split(text, name))
		return 0;
	return error_set(err, HSMIME_EFORMAT, "%s does not say which journal the job has", path);
}

static int make_name(char *out, size_t room, const struct job *j, struct error *err)
{
	unsigned char chance[CHANCE];
	char digits[2 * CHANCE + 1];

	if (getentropy(chance, sizeof(chance)) != 0)
		return error_set(err, HSMIME_EINTERNAL, "the system gives no random octets");
	hex_lower(digits, chance, sizeof(chance));
	snprintf(out, room, "hsmime_%s_%s", j->name, digits);
	return 0;
}

/* A whole file, by the first of those that begin the job at the same time. */
static int write_named(const struct job *j, const char *path, struct error *err)
{
	char name[64], *draft = NULL;
	int fd = -1, status = make_name(name, sizeof(name), j, err);

	if (status == 0 && asprintf(&draft, "%s-XXXXXX", path) < 0) {
		draft = NULL;
		status = error_nomem(err);
	}
	if (status == 0)
		fd = mkostemp(draft, O_CLOEXEC);
	if (fd >= 0) {
		if (dprintf(fd, "%s\n%s\n", j->options.journal, name) < 0 || fsync(fd) != 0 ||
		    (link(draft, path) != 0 && errno != EEXIST))
			status = error_errno(err, "writing", path);
		close(fd);
		unlink(draft);
	} else if (status == 0) {
		status = error_errno(err, "writing", path);
	}
	free(draft);
	return status == 0 ? folder_sync(path, path_folder(path), err) : status;
}

static int other_journal(const struct job *j, struct error *err)
{
	error_set(err, HSMIME_EUSAGE, "the job in %s was begun with another journal", j->folder);
	return error_hint(
	    err, "give the same --journal as then, or name another place for a new job");
}

/* The whole name of one in a database. */
static int name_in_database(char **out, const struct job *j, const char *path, struct error *err)
{
	const char *asked = j->options.journal;
	char *uri = NULL, *name = NULL;
	int status = 0;

	if (access(path, F_OK) != 0)
		status = write_named(j, path, err);
	if (status == 0)
		status = read_named(&uri, &name, path, err);
	if (status == 0 && asked != NULL && strcmp(asked, uri) != 0)
		status = other_journal(j, err);
	if (status == 0 && asprintf(out, "%s#%s", uri, name) < 0) {
		*out = NULL;
		status = error_nomem(err);
	}
	free(uri);
	return status;
}

int job_journal_name(char **out, const struct job *j, struct error *err)
{
	bool in_folder = is_there(j, IN_FOLDER), in_database = is_there(j, IN_DATABASE);
	char *path = NULL;
	int status;

	*out = NULL;
	if (in_folder && j->options.journal != NULL)
		return other_journal(j, err);
	if (!in_folder && (in_database || j->options.journal != NULL)) {
		status = job_folder_path(&path, j, IN_DATABASE);
		status = status == 0 ? name_in_database(out, j, path, err) : error_nomem(err);
		free(path);
		return status;
	}
	return job_folder_path(out, j, IN_FOLDER) == 0 ? 0 : error_nomem(err);
}

int job_journal_check(const struct job *j, struct error *err)
{
	const char *name = j->options.journal;

	if (name == NULL)
		return 0;
	if (strncmp(name, "postgresql://", 13) != 0 && strncmp(name, "postgres://", 11) != 0) {
		error_set(
		    err, HSMIME_EUSAGE, "a journal of several hosts is in a PostgreSQL database");
		return error_hint(err, "write --journal postgresql://HOST/DATABASE");
	}
	if (strchr(name, '#') != NULL || strchr(name, '\n') != NULL)
		return error_set(
		    err, HSMIME_EUSAGE, "a journal's URI has no # and no line end in it");
	return journal_check(name, job_folder_is_new(j), err);
}

static void say(void *arg, const char *words)
{
	const struct job *j = arg;

	ctx_log(j->ctx, 0, "%s", words);
}

static bool is_over(void *arg)
{
	struct job *j = arg;

	return atomic_load(&j->wanted_over);
}

int job_journal_open(struct job *j, const char *settings, struct error *err)
{
	struct journal_totals totals;
	char *name = NULL;
	int status = job_journal_name(&name, j, err);

	if (status == 0)
		status = journal_open(&j->journal, name, settings, err);
	if (status == 0) {
		j->journal->watch =
		    (struct journal_watch){ j->options.journal_wait, say, is_over, j };
		status = j->journal->kind->totals(&totals, j->journal, err);
	}
	if (status == 0) {
		j->committed = totals.committed;
		atomic_store(&j->listed, totals.listed);
	}
	free(name);
	return status;
}
