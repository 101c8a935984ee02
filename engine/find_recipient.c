#include <string.h>

#include "engine/candidates.h"
#include "engine/choice.h"
#include "engine/engine_internal.h"
#include "engine/find.h"
#include "engine/selector.h"

#define BY_NAMES_MAX 16 /* candidates that are looked up one by one */

/* Whether the certificate is among those that may be chosen, whatever the message names. */
static bool allowed(const struct choice *c, const struct object *o, X509 *cert)
{
	if (c->selector->kind != SELECTOR_URI)
		return selector_grade(c->selector, cert) != SELECTOR_OTHER;
	return object_matches(o, CKA_ID, uri_attribute(c->uri, CKA_ID)) &&
	       object_matches(o, CKA_LABEL, uri_attribute(c->uri, CKA_LABEL));
}

static int choose_candidate(void *arg, struct token *t, const struct object *o)
{
	struct choice *c = arg;
	X509 *cert = object_certificate(o);
	size_t index = 0;
	int r = 0;

	if (cert != NULL && candidates_find(&index, c->candidates, cert) && allowed(c, o, cert))
		r = choice_add(c, t, o, cert, index);
	X509_free(cert);
	return r;
}

/* One candidate after the other, by what tokens index. */
static int by_candidates(
    struct search *s, struct choice *c, const struct engine_candidate *all, size_t count)
{
	struct token *t = NULL;
	int r = 0;

	for (size_t i = 0; r == 0 && i < count; i++) {
		for (t = engine_token_first(s->e, &s->uri); r == 0 && t != NULL;
		     t = engine_token_after(s->e, &s->uri, t))
			r = choice_by_names(s, t, &all[i], choose_candidate, c);
	}
	return r;
}

/* The same key on further tokens. */
static int follow_others(struct search *s, struct choice *c)
{
	int r = 0;

	for (size_t i = 0; r == 0 && s->count == 1 && i < c->count; i++) {
		struct hit *found = &s->hits[0];

		if (c->items[i].followed || c->items[i].token == found->token ||
		    found->public_key == NULL ||
		    X509_cmp(c->items[i].cert, found->certificate) != 0 ||
		    !find_further(s, c->items[i].token))
			continue;
		r = choice_follow(s, &c->items[i]);
		if (r == 0 && s->count == 2 && s->hits[1].public_key != NULL &&
		    EVP_PKEY_eq(found->public_key, s->hits[1].public_key) == 1)
			search_set_apart(s, 1);
		while (s->count > 1)
			search_drop(s, s->count - 1);
	}
	return r;
}

static bool before(const struct chosen *a, const struct chosen *b)
{
	if (a->candidate != b->candidate)
		return a->candidate < b->candidate;
	return find_order(a->token) < find_order(b->token);
}

static int follow_first(struct search *s, struct choice *c, size_t *match)
{
	int r = 0;

	for (size_t n = 0; r == 0 && n < c->count && s->count == 0; n++) {
		size_t next = c->count;

		for (size_t i = 0; i < c->count; i++)
			if (!c->items[i].followed &&
			    (next == c->count || before(&c->items[i], &c->items[next])))
				next = i;
		c->items[next].followed = true;
		*match = c->items[next].candidate;
		r = choice_follow(s, &c->items[next]);
	}
	return r == 0 && s->count == 1 ? follow_others(s, c) : r;
}

static int no_recipient(struct search *s)
{
	int r = find_no_token(s);

	if (r < 0)
		return r;
	error_set(s->err, HSMIME_ENOKEY, "none of the message's recipients has its key on a token");
	return error_hint(s->err,
	    "insert the recipient's token, or name the recipient's certificate "
	    "with --cert");
}

/*
 * By their names first, then among all certificates: some tokens don't index names, and a name
 * may be written in more than one way. Many candidates cost more calls than the certificates.
 */
static int look(struct search *s, struct choice *c, const struct engine_candidate *all,
    size_t count, size_t *match)
{
	int r = count <= BY_NAMES_MAX ? by_candidates(s, c, all, count) : 0;

	if (r == 0)
		r = follow_first(s, c, match);
	/* Where a PIN failed nobody is asked for it again. */
	if (r < 0 || s->count > 0 || s->unfit > 0 || passed_pin(&s->passed))
		return r;
	choice_free(c);
	r = choice_over(s, c, choose_candidate);
	return r == 0 ? follow_first(s, c, match) : r;
}

static int find(struct engine_found *found, struct engine *e, const struct selector *selector,
    const struct engine_candidate *candidates, size_t count, struct error *err)
{
	const char *uri = selector->kind == SELECTOR_URI ? selector->text : NULL;
	struct search s;
	struct choice c = { .selector = selector, .uri = &s.uri };
	size_t match = 0;
	int r = search_begin(&s, e, uri, ENGINE_DECRYPT, err);

	if (r < 0)
		return r;
	s.passes_pin = true;
	c.candidates = candidates_new(candidates, count);
	r = c.candidates != NULL ? look(&s, &c, candidates, count, &match) : error_nomem(err);
	if (r == 0 && s.count == 0 && s.unfit == 0 && s.passed.count == 0)
		r = no_recipient(&s);
	if (r == 0)
		r = find_finish(found, &s);
	if (r == 0)
		found->match = match;
	choice_free(&c);
	candidates_free(c.candidates);
	search_end(&s);
	return r;
}

int engine_find_recipient(struct engine_found *found, struct engine *e, const char *key,
    const struct engine_candidate *candidates, size_t count, struct error *err)
{
	struct selector selector;
	int r = selector_parse(&selector, key, err);

	memset(found, 0, sizeof(*found));
	if (r == 0)
		r = find(found, e, &selector, candidates, count, err);
	selector_free(&selector);
	return r;
}
