#include "api/groups.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/evp.h>

#include "api/group_internal.h"
#include "engine/log.h"
#include "engine/token_key.h"
#include "engine/zone.h"
#include "util/clock.h"

#define PREFIX "group:"
#define LOOK_AGAIN 30 /* seconds after a member was not there */

void groups_close(struct key_group *first)
{
	for (struct key_group *g = first; g != NULL; g = g->next)
		for (size_t i = 0; i < g->count; i++) {
			token_key_free(g->members[i].key);
			g->members[i].key = NULL;
		}
}

static void group_clear(struct key_group *g)
{
	for (size_t i = 0; i < g->count; i++) {
		gate_free(&g->members[i].looking);
		free(g->members[i].uri);
	}
	free(g->name);
	free(g);
}

void groups_free(struct key_group *first)
{
	while (first != NULL) {
		struct key_group *next = first->next;

		group_clear(first);
		first = next;
	}
}

static int add(struct key_group *g, const char *name, const char *const *uris, size_t count)
{
	g->name = strdup(name);
	if (g->name == NULL)
		return HSMIME_ENOMEM;
	for (; g->count < count; g->count++) {
		g->members[g->count].uri = strdup(uris[g->count]);
		if (g->members[g->count].uri == NULL)
			return HSMIME_ENOMEM;
		gate_init(&g->members[g->count].looking);
	}
	return 0;
}

static struct key_group *find(hsmime_ctx *ctx, const char *name)
{
	struct key_group *g = ctx->shared->groups;

	while (g != NULL && strcmp(g->name, name) != 0)
		g = g->next;
	return g;
}

static int add_pins(const struct key_group *g, struct engine *e, struct error *err)
{
	int status = 0;

	for (size_t i = 0; status == 0 && i < g->count; i++)
		status = engine_add_pin_source(e, g->members[i].uri, err);
	return status;
}

int groups_add_pins(const struct key_group *first, struct engine *e, struct error *err)
{
	int status = 0;

	for (const struct key_group *g = first; status == 0 && g != NULL; g = g->next)
		status = add_pins(g, e, err);
	return status;
}

static int check(
    hsmime_ctx *ctx, const char *name, const char *const *uris, size_t count, struct error *err)
{
	if (name[0] == '\0' || find(ctx, name) != NULL)
		return error_set(err, HSMIME_EUSAGE,
		    "there is a group \"%s\" already, or its name is empty", name);
	if (count == 0 || count > GROUP_MAX)
		return error_set(err, HSMIME_EUSAGE,
		    "the group \"%s\" has %zu keys; 1 to %d are possible", name, count, GROUP_MAX);
	for (size_t i = 0; i < count; i++)
		if (strncmp(uris[i], "pkcs11:", 7) != 0) {
			error_set(err, HSMIME_EUSAGE,
			    "\"%s\", in the group \"%s\", is no pkcs11: URI", uris[i], name);
			return error_hint(err, "name each place of the key by its URI, which "
					       "'hsmime keys' shows");
		}
	return 0;
}

int hsmime_ctx_add_group(hsmime_ctx *ctx, const char *name, const char *const *uris, size_t count)
{
	struct key_group *g = NULL;
	int status;

	error_clear(&ctx->err);
	status = check(ctx, name, uris, count, &ctx->err);
	if (status != 0)
		return status;
	g = calloc(1, sizeof(*g));
	if (g == NULL)
		return error_nomem(&ctx->err);
	status = add(g, name, uris, count);
	if (status == 0 && ctx->shared->engine != NULL)
		status = add_pins(g, ctx->shared->engine, &ctx->err);
	if (status != 0) {
		group_clear(g);
		return error_nomem(&ctx->err);
	}
	g->next = ctx->shared->groups;
	ctx->shared->groups = g;
	return 0;
}

static int no_group(hsmime_ctx *ctx, const char *name, struct error *err)
{
	error_set(err, HSMIME_EUSAGE, "there is no group \"%s\"", name);
	if (ctx->shared->groups == NULL)
		return error_hint(err, "a section [group NAME] of the configuration makes one");
	return error_hint(err, "there is for example \"%s\"", ctx->shared->groups->name);
}

static bool names_group(const char *key)
{
	return key != NULL && strncmp(key, PREFIX, strlen(PREFIX)) == 0;
}

/* A look at one place, in a thread of its own: a token that hangs is one that is not there. */
struct look {
	struct engine_found found;
	struct engine *e;
	const char *uri;
	enum engine_purpose purpose;
	struct error *err;
};

static int run_look(void *arg)
{
	struct look *l = arg;

	return engine_find_key(&l->found, l->e, l->uri, l->purpose, l->err);
}

static int find_apart(struct engine_found *found, struct member *m, hsmime_ctx *ctx,
    struct engine *e, enum engine_purpose purpose, struct error *err)
{
	struct look l = { .e = e, .uri = m->uri, .purpose = purpose, .err = err };
	int status = zone_run_apart(run_look, &l, ctx->shared->call_limit, err);

	memset(found, 0, sizeof(*found));
	if (status == 0)
		*found = l.found;
	if (status == 0 || status == HSMIME_EPIN)
		atomic_store(&m->refused, status != 0 && !err->pin_missing);
	return status;
}

static bool all_refused(const struct key_group *g)
{
	for (size_t i = 0; i < g->count; i++)
		if (!atomic_load(&g->members[i].refused))
			return false;
	return true;
}

/*
 * The group does without m for now: the log is told, and does not hear it again before m is due for
 * another look.
 */
static void go_on_without(struct member *m, const struct key_group *g, const struct error *why)
{
	time_t now = clock_seconds(CLOCK_MONOTONIC), before = atomic_exchange(&m->looked, now);
	bool said = before != 0 && now - before < LOOK_AGAIN;

	log_say(said ? 1 : 0, "the group %s goes on without %.*s%s: %s", g->name,
	    group_shown(m->uri), m->uri,
	    atomic_load(&m->refused) ? " and does not ask it again" : "", why->message);
}

/* That a key is not there says less than what else is wrong at another place: the first of that is kept. */
static int find_first(struct engine_found *found, struct key_group *g, hsmime_ctx *ctx,
    struct engine *e, enum engine_purpose purpose, struct error *err)
{
	struct error failed = { 0 };
	struct member *tried = NULL;
	int status = HSMIME_ENOKEY;
	bool all = all_refused(g);

	for (size_t i = 0; i < g->count && status != 0 && status != HSMIME_ENOMEM; i++) {
		if (atomic_load(&g->members[i].refused) && !all)
			continue;
		if (tried != NULL)
			go_on_without(tried, g, err);
		tried = &g->members[i];
		status = find_apart(found, tried, ctx, e, purpose, err);
		if (status != 0 && status != HSMIME_ENOKEY && failed.code == 0)
			failed = *err;
	}
	if (status != 0 && failed.code != 0)
		*err = failed;
	return status == 0 ? 0 : group_error(g, err);
}

int groups_find_key(struct engine_found *found, hsmime_ctx *ctx, struct engine *e, const char *key,
    enum engine_purpose purpose, struct error *err)
{
	struct key_group *g = NULL;

	if (!names_group(key))
		return engine_find_key(found, e, key, purpose, err);
	g = find(ctx, key + strlen(PREFIX));
	if (g == NULL)
		return no_group(ctx, key + strlen(PREFIX), err);
	return find_first(found, g, ctx, e, purpose, err);
}

static bool names_tokens(const struct key_group *g, struct engine *e)
{
	for (size_t i = 0; i < g->count; i++)
		if (!engine_names_token_only(e, g->members[i].uri))
			return false;
	return true;
}

size_t groups_tokens(const char **uris, hsmime_ctx *ctx, struct engine *e, const char *key)
{
	const struct key_group *g = names_group(key) ? find(ctx, key + strlen(PREFIX)) : NULL;

	if (g == NULL || !names_tokens(g, e))
		return 0;
	for (size_t i = 0; i < g->count; i++)
		uris[i] = g->members[i].uri;
	return g->count;
}

/* What groups_join is asked for. */
struct joining {
	hsmime_ctx *ctx;
	struct engine *e;
	const struct engine_found *found;
	enum engine_purpose purpose;
	struct key_group *group;
};

/* The place where a key was just found is there, whatever was known of it. */
static bool due(struct member *m, const struct joining *j)
{
	time_t looked = atomic_load(&m->looked);

	if (atomic_load(&m->key) != NULL)
		return false;
	if (engine_uri_names(j->e, m->uri, j->found->key))
		return true;
	return !atomic_load(&m->refused) &&
	       (looked == 0 || clock_seconds(CLOCK_MONOTONIC) - looked >= LOOK_AGAIN);
}

/* A key that is not there now may come later; what else is wrong with its URI does not go away. */
static int look(struct member *m, const struct joining *j, struct error *err)
{
	struct engine_found found = { 0 };
	struct error why = { 0 };
	int status = find_apart(&found, m, j->ctx, j->e, j->purpose, &why);

	if (status == 0)
		atomic_store(&m->key, token_key_up_ref(found.key));
	engine_found_free(&found);
	if (status == 0)
		return 0;
	if (status != HSMIME_ENOKEY && status != HSMIME_ETOKEN && status != HSMIME_EPIN) {
		*err = why;
		return group_error(j->group, err);
	}
	/* Given out behind the gate: who is told may use the group. */
	go_on_without(m, j->group, &why);
	return 0;
}

/*
 * Whoever is first looks, and may have to log in. Where the gate is broken somebody hangs there
 * who had no thread of his own.
 */
static int look_if_due(struct member *m, const struct joining *j, struct error *err)
{
	int status = 0;

	if (!due(m, j) || !gate_enter(&m->looking))
		return 0;
	if (due(m, j))
		status = look(m, j, err);
	gate_leave(&m->looking);
	return status;
}

static bool belongs(const struct key_group *g, struct engine *e, const struct engine_found *found)
{
	for (size_t i = 0; i < g->count; i++)
		if (engine_uri_names(e, g->members[i].uri, found->key))
			return true;
	return false;
}

static int gather(
    struct token_key **keys, size_t *count, const struct joining *j, struct error *err)
{
	struct key_group *g = j->group;
	int status = 0;

	*count = 0;
	for (size_t i = 0; i < g->count && status == 0; i++) {
		status = look_if_due(&g->members[i], j, err);
		if (status == 0 && atomic_load(&g->members[i].key) != NULL)
			keys[(*count)++] = g->members[i].key;
	}
	return status;
}

/* Each of many small groups and processes begins at another token. */
static int make_group(
    struct token_key **out, struct token_key *const *keys, size_t count, struct error *err)
{
	static atomic_uint groups;
	struct timespec now = { 0 };

	clock_gettime(CLOCK_REALTIME, &now);
	return token_key_group(
	    out, keys, count, (unsigned)(now.tv_nsec / 1000) + atomic_fetch_add(&groups, 1), err);
}

/* In no group by name, but found on several tokens all the same. */
static int join_found(
    struct token_key **out, hsmime_ctx *ctx, const struct engine_found *found, struct error *err)
{
	struct token_key *keys[GROUP_MAX] = { found->key };
	size_t count = 1;

	if (found->other_count == 0) {
		*out = token_key_up_ref(found->key);
		return 0;
	}
	for (size_t i = 0; i < found->other_count && count < GROUP_MAX; i++)
		keys[count++] = found->others[i];
	ctx_log(ctx, 1, "the key is on %zu tokens, which are used side by side", count);
	return make_group(out, keys, count, err);
}

/* The same key may be in several groups: one that was named is the one. */
static struct key_group *group_of(
    hsmime_ctx *ctx, struct engine *e, const struct engine_found *found, const char *key)
{
	struct key_group *g = ctx->shared->groups;

	if (names_group(key))
		return find(ctx, key + strlen(PREFIX));
	while (g != NULL && !belongs(g, e, found))
		g = g->next;
	return g;
}

int groups_join(struct token_key **out, hsmime_ctx *ctx, struct engine *e,
    const struct engine_found *found, const char *key, enum engine_purpose purpose,
    struct error *err)
{
	struct joining j = { ctx, e, found, purpose, group_of(ctx, e, found, key) };
	struct token_key *keys[GROUP_MAX];
	size_t count = 0;
	int status;

	*out = NULL;
	if (j.group == NULL || names_tokens(j.group, e))
		return join_found(out, ctx, found, err);
	status = gather(keys, &count, &j, err);
	if (status == 0)
		ctx_log(ctx, 1, "group %s: %zu of %zu keys are there", j.group->name, count,
		    j.group->count);
	/* It went again just now: what it was found as says so best. */
	if (status == 0 && count == 0)
		keys[count++] = found->key;
	return status != 0 ? status : make_group(out, keys, count, err);
}
