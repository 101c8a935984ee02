/* The groups of the configuration: each member's URI, whether it is there, and whether all are one key. */
#include <stdlib.h>
#include <string.h>

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

/* The first member of the group at hand whose key is known. */
struct comparison {
	struct doctor *d;
	struct engine *e;
	const char *group, *uri;
	int shown;
	EVP_PKEY **keys;
	size_t count;
};

/* A URI may name several keys, of which an operation takes the one that fits it. */
static bool share_a_key(const struct comparison *c, EVP_PKEY *const *keys, size_t count)
{
	for (size_t i = 0; i < c->count; i++)
		for (size_t j = 0; j < count; j++)
			if (EVP_PKEY_eq(c->keys[i], keys[j]) == 1)
				return true;
	return false;
}

static void begin_group(struct comparison *c, const char *group)
{
	diagnose_public_free(c->keys, c->count);
	c->keys = NULL;
	c->count = 0;
	c->group = group;
}

/* Of what does not show, or is not there, nothing is said here. */
static void compare(
    void *arg, const char *group, const char *uri, int shown, const struct error *wrong)
{
	struct comparison *c = arg;
	struct error err = { 0 };
	EVP_PKEY **keys = NULL;
	size_t count = 0;

	if (c->group == NULL || strcmp(c->group, group) != 0)
		begin_group(c, group);
	if (wrong != NULL || diagnose_public(&keys, &count, c->e, uri, &err) != 0 || count == 0)
		return;
	if (c->count == 0) {
		c->uri = uri;
		c->shown = shown;
		c->keys = keys;
		c->count = count;
		return;
	}
	if (!share_a_key(c, keys, count))
		doctor_say(c->d, DOCTOR_GROUP_DIFFERENT, group,
		    "%.*s and %.*s are not the same key", c->shown, c->uri, shown, uri);
	diagnose_public_free(keys, count);
}

void doctor_group_keys(struct doctor *d, struct engine *e)
{
	struct comparison c = { .d = d, .e = e };

	groups_check(d->ctx->shared->groups, e, compare, &c);
	begin_group(&c, NULL);
}
