#include "engine/diagnose_names.h"

#include <stdlib.h>
#include <string.h>

#include "engine/engine_internal.h"
#include "engine/pin.h"
#include "engine/pin_memory.h"
#include "engine/token_pins.h"

int names_read(
    struct names *n, const struct diagnosis_keys *keys, const struct module *m, struct error *err)
{
	int r = 0;

	memset(n, 0, sizeof(*n));
	n->list = calloc(keys->count + 1, sizeof(*n->list));
	if (n->list == NULL)
		return error_nomem(err);
	for (; r == 0 && n->count < keys->count; n->count++) {
		struct name *name = &n->list[n->count];

		r = selector_parse(&name->selector, keys->names[n->count], err);
		if (r == 0 && name->selector.kind == SELECTOR_URI)
			r = uri_parse(&name->uri, keys->names[n->count], m, err);
	}
	if (r < 0)
		names_free(n);
	return r;
}

void names_free(struct names *n)
{
	for (size_t i = 0; i < n->count; i++) {
		selector_free(&n->list[i].selector);
		uri_free(&n->list[i].uri);
	}
	free(n->list);
	memset(n, 0, sizeof(*n));
}

bool names_object(
    const struct names *n, size_t index, const struct token *t, const struct object *o, X509 *cert)
{
	const struct name *name = &n->list[index];

	if (name->selector.kind != SELECTOR_URI)
		return cert != NULL && selector_grade(&name->selector, cert) != SELECTOR_OTHER;
	return uri_matches_token(&name->uri, t) &&
	       object_matches(o, CKA_ID, uri_attribute(&name->uri, CKA_ID)) &&
	       object_matches(o, CKA_LABEL, uri_attribute(&name->uri, CKA_LABEL));
}

static bool is_for(const struct name *name, const struct token *t)
{
	return name->selector.kind == SELECTOR_URI && uri_matches_token(&name->uri, t);
}

int names_pin(struct pin_source **out, const struct names *n, const struct token *t,
    const struct pin_source *base, struct error *err)
{
	*out = NULL;
	for (size_t i = 0; i < n->count; i++)
		if (n->list[i].uri.pin_source != NULL && is_for(&n->list[i], t))
			return pin_source_from_uri(out, n->list[i].uri.pin_source, base, err);
	return 0;
}

/* What is asked, for the thread that does it. */
struct question {
	const struct diagnosis_keys *keys;
	struct engine *e; /* NULL: there is none */
	const char *token;
	const char *query;
	enum diagnosis_reach reach;
	struct error *err;
};

/* Nobody's PIN is read. */
static int check_pin_sources(const struct names *n, struct error *err)
{
	static const struct pin_source nobody;
	int r = 0;

	for (size_t i = 0; r == 0 && i < n->count; i++) {
		struct pin_source *p = NULL;

		if (n->list[i].uri.pin_source != NULL)
			r = pin_source_from_uri(&p, n->list[i].uri.pin_source, &nobody, err);
		pin_source_free(p);
	}
	return r;
}

static int check(void *arg)
{
	struct question *q = arg;
	struct names n;
	int r = names_read(&n, q->keys, q->e != NULL ? q->e->module : NULL, q->err);

	if (r == 0)
		r = check_pin_sources(&n, q->err);
	names_free(&n);
	return r;
}

int diagnose_keys(const struct diagnosis_keys *keys, struct engine *e, struct error *err)
{
	struct question q = { .keys = keys, .e = e, .err = err };

	return e != NULL ? engine_run(e, check, &q, err) : check(&q);
}

static int look_at_source(const struct question *q, const struct names *n, const struct token *t)
{
	struct pin_source *own = NULL;
	struct pin_try ignored;
	int r = names_pin(&own, n, t, q->e->pin, q->err);
	const struct pin_source *source = own != NULL ? own : token_pins_of(q->e, t);

	if (r == 0 && !pin_attended(source))
		r = pin_memory_look(&ignored, source, t, HSMIME_PIN_USER, q->err);
	pin_source_free(own);
	return r;
}

static int look_at_pin(void *arg)
{
	const struct question *q = arg;
	const struct token *t;
	struct names n;
	struct uri u;
	int r = uri_parse(&u, q->token, q->e->module, q->err);

	if (r < 0)
		return r;
	t = engine_token_first(q->e, &u);
	r = names_read(&n, q->keys, q->e->module, q->err);
	if (r == 0 && t != NULL)
		r = look_at_source(q, &n, t);
	names_free(&n);
	uri_free(&u);
	return r;
}

int diagnose_pin(
    struct engine *e, const char *token, const struct diagnosis_keys *keys, struct error *err)
{
	struct question q = { .keys = keys, .e = e, .token = token, .err = err };

	return engine_run(e, look_at_pin, &q, err);
}

char *diagnose_pin_file(const char *key)
{
	static const struct pin_source nobody;
	const struct diagnosis_keys keys = { .names = &key, .count = 1 };
	struct pin_source *p = NULL;
	struct error ignored = { 0 };
	struct names n;
	char *path = NULL;

	if (names_read(&n, &keys, NULL, &ignored) == 0 && n.list[0].uri.pin_source != NULL &&
	    pin_source_from_uri(&p, n.list[0].uri.pin_source, &nobody, &ignored) == 0)
		path = strdup(p->name);
	pin_source_free(p);
	names_free(&n);
	return path;
}

static void reach(struct question *q, const struct names *n, const struct token *t)
{
	q->reach = n->count == 0 ? DIAGNOSIS_ALLOWED : DIAGNOSIS_EXCLUDED;
	for (size_t i = 0; i < n->count; i++) {
		if (is_for(&n->list[i], t))
			q->reach = DIAGNOSIS_ALLOWED;
		else if (n->list[i].selector.kind != SELECTOR_URI && q->reach == DIAGNOSIS_EXCLUDED)
			q->reach = DIAGNOSIS_BY_CERTIFICATE;
		if (is_for(&n->list[i], t) && q->query == NULL && n->list[i].uri.pin_source != NULL)
			q->query = strchr(q->keys->names[i], '?');
	}
}

static int ask_reach(void *arg)
{
	struct question *q = arg;
	struct names n;
	struct uri u = { 0 };
	struct token *t = NULL;
	int r = names_read(&n, q->keys, q->e->module, q->err);

	if (r == 0)
		r = uri_parse(&u, q->token, q->e->module, q->err);
	if (r == 0)
		t = engine_token_first(q->e, &u);
	if (t != NULL)
		reach(q, &n, t);
	uri_free(&u);
	names_free(&n);
	return r;
}

int diagnose_reach(enum diagnosis_reach *out, const char **query, struct engine *e,
    const char *token, const struct diagnosis_keys *keys, struct error *err)
{
	struct question q = {
		.keys = keys, .e = e, .token = token, .reach = DIAGNOSIS_ALLOWED, .err = err
	};
	int r = engine_run(e, ask_reach, &q, err);

	*out = q.reach;
	*query = q.query;
	return r;
}
