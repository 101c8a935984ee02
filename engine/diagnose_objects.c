#include <stdlib.h>
#include <string.h>

#include "engine/diagnose.h"
#include "engine/engine_internal.h"
#include "engine/module.h"
#include "engine/public_key.h"
#include "engine/search.h"
#include "engine/selector.h"

/* The list while it grows. */
struct gathering {
	const struct selector *selector;
	struct uri key; /* where the selector is one */
	enum diagnosis_kind kind;
	struct diagnosis_object *list;
	size_t count, room;
};

static const CK_OBJECT_CLASS classes[] = {
	[DIAGNOSIS_PRIVATE] = CKO_PRIVATE_KEY,
	[DIAGNOSIS_PUBLIC] = CKO_PUBLIC_KEY,
	[DIAGNOSIS_CERTIFICATE] = CKO_CERTIFICATE,
};

static void clear(struct diagnosis_object *d)
{
	free(d->id);
	free(d->label);
	free(d->uri);
	EVP_PKEY_free(d->public_key);
	X509_free(d->certificate);
}

void diagnose_objects_free(struct diagnosis_object *list, size_t count)
{
	for (size_t i = 0; list != NULL && i < count; i++)
		clear(&list[i]);
	free(list);
}

static bool same(const CK_ATTRIBUTE *wanted, const CK_ATTRIBUTE *has)
{
	return wanted == NULL || (has != NULL && wanted->ulValueLen == has->ulValueLen &&
				     memcmp(wanted->pValue, has->pValue, has->ulValueLen) == 0);
}

static bool is_named(
    const struct gathering *g, const struct token *t, const struct object *o, X509 *cert)
{
	if (g->selector->kind != SELECTOR_URI)
		return cert != NULL && selector_grade(g->selector, cert) != SELECTOR_OTHER;
	return uri_matches_token(&g->key, t) &&
	       same(uri_attribute(&g->key, CKA_ID), object_get(o, CKA_ID)) &&
	       same(uri_attribute(&g->key, CKA_LABEL), object_get(o, CKA_LABEL));
}

static struct diagnosis_object *add(struct gathering *g)
{
	if (g->count == g->room) {
		size_t room = g->room == 0 ? 16 : g->room * 2;
		struct diagnosis_object *larger = realloc(g->list, room * sizeof(*larger));

		if (larger == NULL)
			return NULL;
		g->list = larger;
		g->room = room;
	}
	memset(&g->list[g->count], 0, sizeof(*g->list));
	return &g->list[g->count++];
}

static void *copy(const CK_ATTRIBUTE *a)
{
	char *octets = calloc(1, (a != NULL ? a->ulValueLen : 0) + 1);

	if (octets != NULL && a != NULL)
		memcpy(octets, a->pValue, a->ulValueLen);
	return octets;
}

static int fill(
    struct diagnosis_object *d, const struct gathering *g, struct token *t, const struct object *o)
{
	const CK_ATTRIBUTE *id = object_get(o, CKA_ID), *label = object_get(o, CKA_LABEL);

	d->kind = g->kind;
	if (g->kind == DIAGNOSIS_CERTIFICATE)
		d->certificate = object_certificate(o);
	d->public_key = d->certificate != NULL ? public_key_of_certificate(d->certificate)
			: g->kind != DIAGNOSIS_CERTIFICATE ? public_key_of_object(o)
							   : NULL;
	d->named = is_named(g, t, o, d->certificate);
	d->rsa = object_ulong(o, CKA_KEY_TYPE, CKK_EC) == CKK_RSA;
	d->always_authenticate = object_bool(o, CKA_ALWAYS_AUTHENTICATE, false);
	d->usage = object_usage(o);
	d->id = copy(id);
	d->id_len = id != NULL ? id->ulValueLen : 0;
	d->label = copy(label);
	if (d->id == NULL || d->label == NULL ||
	    uri_format(&d->uri, t, id, label, classes[g->kind]) < 0)
		return HSMIME_ENOMEM;
	return 0;
}

static int note(void *arg, struct token *t, const struct object *o)
{
	struct gathering *g = arg;
	struct diagnosis_object *d = add(g);

	return d != NULL ? fill(d, g, t, o) : HSMIME_ENOMEM;
}

static int gather(struct gathering *g, struct search *s, bool login)
{
	struct token *t = engine_token_first(s->e, &s->uri);
	int r = 0;

	for (g->kind = DIAGNOSIS_PRIVATE;
	     t != NULL && r == 0 && s->failed.code == 0 && g->kind <= DIAGNOSIS_CERTIFICATE;
	     g->kind++)
		r = search_public(s, t, login, classes[g->kind], NULL, 0, note, g, NULL);
	return r == 0 && s->failed.code < 0 ? search_failed(s) : r;
}

static int list_objects(struct diagnosis_object **list, size_t *count, struct engine *e,
    const char *token, const char *key, bool login, struct error *err)
{
	struct selector selector;
	struct gathering g = { .selector = &selector };
	struct search s;
	int r = selector_parse(&selector, key, err);

	*list = NULL;
	*count = 0;
	if (r == 0 && selector.kind == SELECTOR_URI)
		r = uri_parse(&g.key, key, e->module, err);
	if (r == 0)
		r = search_begin(&s, e, token, ENGINE_SIGN, err);
	if (r == 0) {
		s.listing = true;
		r = gather(&g, &s, login);
		search_end(&s);
	}
	uri_free(&g.key);
	selector_free(&selector);
	if (r < 0) {
		diagnose_objects_free(g.list, g.count);
		return r;
	}
	*list = g.list;
	*count = g.count;
	return 0;
}

/* The arguments, for the thread that does it. */
struct call {
	struct diagnosis_object **list;
	size_t *count;
	struct engine *e;
	const char *token, *key;
	bool login;
	struct error *err;
};

static int run(void *arg)
{
	struct call *c = arg;

	return list_objects(c->list, c->count, c->e, c->token, c->key, c->login, c->err);
}

int diagnose_objects(struct diagnosis_object **list, size_t *count, struct engine *e,
    const char *token, const char *key, bool login, struct error *err)
{
	struct call c = { list, count, e, token, key, login, err };

	*list = NULL;
	*count = 0;
	return engine_run(e, run, &c, err);
}
