/* The groups of the configuration: each member's URI, and whether it is there. */
#include <stdlib.h>

#include "api/doctor.h"
#include "api/groups.h"

struct look {
	struct engine *e;
	const char *uri;
	size_t count;
	struct error err;
};

static int list_member(void *arg)
{
	struct look *l = arg;
	hsmime_key *list = NULL;
	int r = engine_keys(&list, &l->count, l->e, l->uri, false, &l->err);

	engine_keys_free(list, l->count);
	return r;
}

struct visit {
	struct doctor *d;
	struct engine *e;
};

static void tell(
    void *arg, const char *group, const char *uri, int shown, const struct error *wrong)
{
	struct visit *v = arg;
	struct look l = { .e = v->e, .uri = uri };

	if (wrong != NULL) {
		doctor_say(v->d, DOCTOR_GROUP_WRONG, group, "%.*s: %s", shown, uri, wrong->message);
		return;
	}
	if (doctor_question(v->d, list_member, &l, &l.err) == HSMIME_ENOKEY ||
	    (l.err.code == 0 && l.count == 0))
		doctor_say(v->d, DOCTOR_GROUP_ABSENT, group,
		    "nothing of %.*s is there, as far as it shows without a login", shown, uri);
}

void doctor_groups(struct doctor *d, struct engine *e)
{
	struct visit v = { d, e };

	groups_check(d->ctx->shared->groups, e, tell, &v);
}
