/* The modules that p11-kit is configured with, each by itself. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <p11-kit/p11-kit.h>

#include "engine/configured.h"
#include "engine/configured_files.h"
#include "engine/diagnose.h"
#include "engine/recovery.h"
#include "engine/watch.h"
#include "engine/zone.h"

struct start {
	CK_FUNCTION_LIST *module;
	CK_RV rv;
};

static int start(void *arg)
{
	struct start *s = arg;
	CK_RV rv = configured_try(s->module);

	s->rv = rv;
	return 0;
}

/* "NAME (FILE)"; NULL: no memory. */
static char *text_of(const char *name, const char *file)
{
	size_t size = strlen(name) + strlen(file) + 4;
	char *text = malloc(size);

	if (text != NULL)
		snprintf(text, size, "%s (%s)", name, file);
	return text;
}

static int add(struct diagnosis_configured **list, size_t *count, const char *name,
    const char *file, struct error *err)
{
	struct diagnosis_configured *more = realloc(*list, (*count + 1) * sizeof(*more));

	if (more == NULL)
		return error_nomem(err);
	*list = more;
	memset(&more[*count], 0, sizeof(*more));
	more[*count].text = text_of(name, file);
	return more[(*count)++].text != NULL ? 0 : error_nomem(err);
}

static int add_module(struct diagnosis_configured **list, size_t *count,
    struct configured_files *left, CK_FUNCTION_LIST *module, struct error *err)
{
	char *name = p11_kit_module_get_name(module);
	char *file = p11_kit_module_get_filename(module);
	int r = add(list, count, name != NULL ? name : "?", file != NULL ? file : "?", err);

	if (name != NULL)
		configured_files_drop(left, name);
	free(name);
	free(file);
	return r;
}

/* How it starts is what p11-kit's proxy doesn't tell: it goes on without those that fail. */
static void try_each(struct diagnosis_configured *list, CK_FUNCTION_LIST **modules)
{
	for (size_t i = 0; modules != NULL && modules[i] != NULL; i++) {
		struct start s = { modules[i], CKR_OK };

		/* Whoever comes after one that hangs might wait for it. */
		if (zone_run_apart(start, &s, zone_limit(), &list[i].stuck) < 0)
			return;
		if (s.rv != CKR_OK)
			recovery_name(s.rv, list[i].refusal, sizeof(list[i].refusal));
	}
}

static int add_unloaded(struct diagnosis_configured **list, size_t *count,
    const struct configured_files *left, struct error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < left->count; i++) {
		r = add(list, count, left->files[i].name, left->files[i].path, err);
		if (r == 0)
			(*list)[*count - 1].unloaded = true;
	}
	return r;
}

int diagnose_configured(struct diagnosis_configured **list, size_t *count, struct error *err)
{
	CK_FUNCTION_LIST **modules = configured_load();
	struct configured_files left = { 0 };
	int r = 0;

	*list = NULL;
	*count = 0;
	if (configured_stuck())
		return watch_stuck(err, NULL);
	if (configured_files_list(&left) < 0)
		r = error_nomem(err);
	for (size_t i = 0; r == 0 && modules != NULL && modules[i] != NULL; i++)
		r = add_module(list, count, &left, modules[i], err);
	if (r == 0)
		try_each(*list, modules);
	if (r == 0)
		r = add_unloaded(list, count, &left, err);
	configured_release(modules);
	configured_files_free(&left);
	if (r == 0)
		return 0;
	diagnose_configured_free(*list, *count);
	*list = NULL;
	*count = 0;
	return r;
}

void diagnose_configured_free(struct diagnosis_configured *list, size_t count)
{
	for (size_t i = 0; list != NULL && i < count; i++)
		free(list[i].text);
	free(list);
}
