#include "engine/group.h"

#include <stdatomic.h>
#include <stdlib.h>

#include <openssl/evp.h>

#include "engine/engine_internal.h"
#include "engine/health.h"
#include "engine/key.h"
#include "engine/log.h"
#include "engine/slot.h"
#include "engine/zone.h"

struct group {
	size_t count;
	atomic_uint turn; /* which one comes first among those that are equally free */
	atomic_size_t last;
	struct token_key *keys[];
};

static int check_same(struct token_key *const *keys, size_t count, struct error *err)
{
	for (size_t i = 1; i < count; i++)
		if (EVP_PKEY_eq(keys[0]->public_key, keys[i]->public_key) != 1) {
			error_set(err, HSMIME_EUSAGE, "%s and %s are not the same key",
			    keys[0]->uri, keys[i]->uri);
			return error_hint(err, "a group is one key that several tokens hold; "
					       "'hsmime keys' lists what there is");
		}
	return 0;
}

int group_new(struct group **out, struct token_key *const *keys, size_t count, unsigned turn,
    struct error *err)
{
	struct group *g = NULL;
	int r = 0;

	*out = NULL;
	if (count == 0 || count > GROUP_MAX)
		return error_set(
		    err, HSMIME_EUSAGE, "a key can be used on 1 to %d tokens", GROUP_MAX);
	r = check_same(keys, count, err);
	if (r < 0)
		return r;
	g = calloc(1, sizeof(*g) + count * sizeof(g->keys[0]));
	if (g == NULL)
		return error_nomem(err);
	g->count = count;
	atomic_init(&g->turn, turn);
	atomic_init(&g->last, turn % count);
	for (size_t i = 0; i < count; i++)
		g->keys[i] = token_key_up_ref(keys[i]);
	*out = g;
	return 0;
}

void group_free(struct group *g)
{
	if (g == NULL)
		return;
	for (size_t i = 0; i < g->count; i++)
		token_key_free(g->keys[i]);
	free(g);
}

/* What is set aside comes last: better tried than nothing. What only unwraps does less, in more calls. */
static unsigned burden(struct token_key *k)
{
	const unsigned aside = 1u << 31, unwraps = 1u << 30;

	if (health_aside(k->token))
		return aside;
	return (k->unwraps ? unwraps : 0) + health_load(k->token);
}

/* Whose PIN failed is not asked again, unless there is nothing else. */
static unsigned without_pin(const struct group *g)
{
	unsigned set = 0;
	size_t n = 0;

	for (size_t i = 0; i < g->count; i++)
		if (health_no_pin(g->keys[i]->token)) {
			set |= 1u << i;
			n++;
		}
	return n < g->count ? set : 0;
}

/* g->count: none is left. */
static size_t choose(struct group *g, unsigned tried)
{
	unsigned turn = atomic_fetch_add(&g->turn, 1), least = 0;
	size_t best = g->count;

	for (size_t n = 0; n < g->count; n++) {
		size_t i = (turn + n) % g->count;
		unsigned b;

		if ((tried >> i & 1) != 0)
			continue;
		b = burden(g->keys[i]);
		if (best == g->count || b < least) {
			best = i;
			least = b;
		}
	}
	return best;
}

struct token_key *group_last(const struct group *g)
{
	return g->keys[atomic_load(&g->last)];
}

struct trial {
	struct token_key *key;
	enum probe kind;
	struct error err;
};

static int try_out(void *arg)
{
	struct trial *t = arg;

	return probe_run(t->key, t->kind, &t->err);
}

static int look(void *arg)
{
	struct trial *t = arg;

	return health_look(t->key->token, &t->err);
}

/*
 * Those whose time has come; one caller of many does that, the others go on. Nobody is asked for a
 * PIN for that: such a key comes last until it did something again.
 */
static void try_out_due(struct group *g, enum probe kind)
{
	for (size_t i = 0; i < g->count; i++) {
		struct trial t = { .key = g->keys[i], .kind = kind };

		if (!health_due(t.key->token, kind != PROBE_SIGN))
			continue;
		if (health_no_pin(t.key->token))
			(void)zone_run_apart(look, &t, t.key->engine->call_limit, &t.err);
		else if (key_asks(t.key))
			continue;
		else if (zone_run_apart(try_out, &t, t.key->engine->call_limit, &t.err) == 0)
			health_good(t.key->token);
		else
			health_failed(t.key->token, &t.err);
	}
}

int group_try(struct group *g, enum probe kind, struct error *err)
{
	int status = 0;

	for (size_t i = 0; i < g->count; i++) {
		struct trial t = { .key = g->keys[i], .kind = kind };
		int r;

		if (health_aside(t.key->token) || key_asks(t.key))
			continue;
		r = zone_run_apart(try_out, &t, t.key->engine->call_limit, &t.err);
		if (r != 0)
			health_failed(t.key->token, &t.err);
		if (r != 0 && status == 0) {
			status = r;
			*err = t.err;
		}
	}
	return status;
}

static bool tokens_fault(int status, const struct error *err)
{
	return (status == HSMIME_ETOKEN || status == HSMIME_EPIN || status == HSMIME_ENOKEY) &&
	       !err->incapable;
}

static bool another_may(int status, const struct error *err)
{
	return tokens_fault(status, err) || (status != 0 && err->incapable);
}

/* A signature was verified; a decryption says nothing of its token (SECURITY.md), whatever came of it. */
static int run_on(struct token_key *k, enum probe kind, struct token_key **key,
    int (*run)(void *arg), void *arg, struct error *err)
{
	struct token *t = k->token;
	int r;

	*key = k;
	health_begin(t);
	r = zone_run_apart(run, arg, k->engine->call_limit, err);
	health_end(t);
	if (tokens_fault(r, err))
		health_failed(t, err);
	else if (r == 0 && kind == PROBE_SIGN)
		health_good(t);
	return r;
}

int group_run(struct group *g, enum probe kind, struct token_key **key, int (*run)(void *arg),
    void *arg, struct error *err)
{
	struct error failure = { 0 };
	unsigned tried;
	int r = HSMIME_ETOKEN;

	try_out_due(g, kind);
	tried = without_pin(g);
	while (another_may(r, err)) {
		size_t at = choose(g, tried);

		if (at == g->count)
			break;
		error_clear(err);
		if (failure.code != 0 && kind == PROBE_SIGN)
			log_say(
			    1, "the signature is made again on another token: it may exist twice");
		tried |= 1u << at;
		atomic_store(&g->last, at);
		r = run_on(g->keys[at], kind, key, run, arg, err);
		if (tokens_fault(r, err))
			failure = *err;
	}
	if (r == 0 || !err->incapable || failure.code == 0)
		return r;
	*err = failure;
	return failure.code;
}
