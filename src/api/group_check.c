/* What is wrong with groups: how it is told, and looked for. */
#include "api/group_internal.h"

#include <string.h>

int group_shown(const char *uri)
{
	size_t shown = strcspn(uri, "?");
	const char *pin = strstr(uri, "pin-value");

	if (pin != NULL && (size_t)(pin - uri) < shown)
		shown = (size_t)(pin - uri);
	return (int)shown;
}

/* Options make groups of their own, without a name that anybody gave. */
static bool is_configured(const struct key_group *g)
{
	return strncmp(g->name, "--", 2) != 0;
}

int group_error(const struct key_group *g, struct error *err)
{
	int status = err->code;

	if ((status != HSMIME_EUSAGE && status != HSMIME_EPOLICY) || !is_configured(g))
		return status;
	error_prefix(err, "the group %s", g->name);
	return error_hint(err,
	    "correct its keys in the configuration, or leave a pin-source out; 'hsmime config' "
	    "shows the groups, and 'hsmime doctor' what is wrong with each");
}

void groups_check(const struct key_group *first, struct engine *e, groups_visit *visit, void *arg)
{
	for (const struct key_group *g = first; g != NULL; g = g->next)
		for (size_t i = 0; i < g->count; i++) {
			const char *uri = g->members[i].uri;
			struct error err = { 0 };

			if (engine_check_uri(e, uri, &err) < 0)
				visit(arg, g->name, uri, group_shown(uri), &err);
			else
				visit(arg, g->name, uri, group_shown(uri), NULL);
		}
}
