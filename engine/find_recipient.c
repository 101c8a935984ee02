#include <string.h>

#include "engine/certificate.h"
#include "engine/choice.h"
#include "engine/engine_internal.h"
#include "engine/find.h"

static int choose_candidate(void *arg, struct token *t, const struct object *o)
{
	struct choice *c = arg;
	X509 *cert = object_certificate(o);

	for (size_t i = 0; cert != NULL && i < c->candidate_count; i++)
		if (certificate_is(cert, &c->candidates[i])) {
			choice_add(c, t, o, cert, i);
			break;
		}
	X509_free(cert);
	return 0;
}

/* One candidate after the other, by what tokens index. */
static int by_candidates(struct search *s, struct choice *c)
{
	const struct engine_candidate *all = c->candidates;
	size_t count = c->candidate_count;
	struct token *t = NULL;
	int r = 0;

	for (size_t i = 0; r == 0 && i < count; i++) {
		for (t = engine_token_first(s->e, &s->uri); r == 0 && t != NULL;
		     t = engine_token_after(s->e, &s->uri, t))
			r = choice_by_names(s, t, &all[i], choose_candidate, c);
	}
	return r;
}

static int follow_first(struct search *s, struct choice *c, size_t *match)
{
	int r = 0;

	for (size_t k = 0; k < c->candidate_count; k++)
		for (size_t i = 0; r == 0 && i < c->count && s->count == 0; i++) {
			if (c->items[i].candidate != k)
				continue;
			*match = k;
			r = choice_follow(s, &c->items[i]);
		}
	return r;
}

static int no_recipient(struct search *s)
{
	error_set(s->err, HSMIME_ENOKEY, "none of the message's recipients has its key on a token");
	return error_hint(s->err,
	    "insert the recipient's token, or name the recipient's certificate "
	    "with --cert");
}

int engine_find_recipient(struct engine_found *found, struct engine *e, const char *uri,
    const struct engine_candidate *candidates, size_t count, struct error *err)
{
	struct choice c = { .candidates = candidates, .candidate_count = count };
	struct search s;
	size_t match = 0;
	int r = search_begin(&s, e, uri, ENGINE_DECRYPT, err);

	memset(found, 0, sizeof(*found));
	if (r < 0)
		return r;
	r = by_candidates(&s, &c);
	if (r == 0)
		r = follow_first(&s, &c, &match);
	if (r == 0 && s.count == 0 && c.count == 0) {
		r = choice_over(&s, &c, choose_candidate);
		if (r == 0)
			r = follow_first(&s, &c, &match);
	}
	if (r == 0 && s.count == 0 && s.unfit == 0 && s.failed.code == 0)
		r = no_recipient(&s);
	if (r == 0)
		r = find_finish(found, &s);
	if (r == 0)
		found->match = match;
	choice_free(&c);
	search_end(&s);
	return r;
}
