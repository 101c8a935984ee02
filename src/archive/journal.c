#include "archive/journal.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "archive/plugin.h"

/* A name that begins so is of that kind; the last is that of every other name. */
static const struct {
	const char *start;
	const char *kind;
} kinds[] = {
	{ "postgresql://", "postgresql" },
	{ "postgres://", "postgresql" },
	{ "", "sqlite" },
};

static const char *kind_of(const char *name)
{
	size_t i = 0;

	while (strncmp(name, kinds[i].start, strlen(kinds[i].start)) != 0)
		i++;
	return kinds[i].kind;
}

static int load(struct journal *j, const char *kind, struct error *err)
{
	const void *symbol;
	int status = plugin_load(&j->library, &symbol, kind, JOURNAL_SYMBOL, err);

	if (status != 0)
		return status;
	j->kind = symbol;
	if (j->kind->interface == JOURNAL_INTERFACE)
		return 0;
	j->kind = NULL;
	(void)plugin_missing(kind, "its module is of another version", err);
	return HSMIME_EUNSUPPORTED;
}

int journal_open(struct journal **out, const char *name, const char *settings, struct error *err)
{
	struct journal *j = calloc(1, sizeof(*j));
	int status;

	*out = NULL;
	if (j == NULL)
		return error_nomem(err);
	status = load(j, kind_of(name), err);
	if (status == 0)
		status = j->kind->open(j, name, settings, err);
	if (status != 0) {
		journal_close(j);
		return status;
	}
	*out = j;
	return 0;
}

int journal_check(const char *name, bool reach, struct error *err)
{
	struct journal *j = calloc(1, sizeof(*j));
	int status;

	if (j == NULL)
		return error_nomem(err);
	status = load(j, kind_of(name), err);
	if (status == 0 && j->kind->check != NULL)
		status = j->kind->check(name, reach, err);
	journal_close(j);
	return status;
}

void journal_close(struct journal *j)
{
	if (j == NULL)
		return;
	if (j->kind != NULL)
		j->kind->close(j);
	if (j->library != NULL)
		dlclose(j->library);
	free(j);
}
