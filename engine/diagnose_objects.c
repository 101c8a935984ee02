#include <stdlib.h>
#include <string.h>

#include "engine/diagnose_names.h"
#include "engine/engine_internal.h"
#include "engine/module.h"
#include "engine/public_key.h"
#include "engine/search.h"

/* The list while it grows. */
struct gathering {
	const struct names *names;
	size_t *found; /* of struct diagnosis_keys */
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

static bool is_named(
    const struct gathering *g, const struct token *t, const struct object *o, X509 *cert)
{
	bool named = g->names->count == 0;

	for (size_t i = 0; i < g->names->count; i++)
		if (names_object(g->names, i, t, o, cert)) {
			named = true;
			if (g->found != NULL)
				g->found[i]++;
		}
	return named;
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
	d->supported = object_supported(o);
	for (enum engine_purpose p = ENGINE_SIGN; p <= ENGINE_DECRYPT; p++)
		d->may[p] = g->kind != DIAGNOSIS_PRIVATE || search_fits(o, p);
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
	     t != NULL && r == 0 && s->passed.count == 0 && g->kind <= DIAGNOSIS_CERTIFICATE;
	     g->kind++)
		r = search_public(s, t, login, classes[g->kind], NULL, 0, note, g, NULL);
	return r == 0 ? search_failed(s, NULL) : r;
}

static int list_objects(struct diagnosis_object **list, size_t *count, struct gathering *g,
    struct search *s, bool login)
{
	struct token *t = engine_token_first(s->e, &s->uri);
	int r = t != NULL ? names_pin(&s->uri_pin, g->names, t, s->e->pin, s->err) : 0;

	s->listing = true;
	if (r == 0)
		r = gather(g, s, login);
	if (r < 0) {
		diagnose_objects_free(g->list, g->count);
		return r;
	}
	*list = g->list;
	*count = g->count;
	return 0;
}

/* The arguments, for the thread that does it. */
struct call {
	struct diagnosis_object **list;
	size_t *count;
	struct engine *e;
	const char *token;
	const struct diagnosis_keys *keys;
	bool login;
	struct error *err;
};

static int run(void *arg)
{
	struct call *c = arg;
	struct names names;
	struct gathering g = { .names = &names, .found = c->keys->found };
	struct search s;
	int r = names_read(&names, c->keys, c->e->module, c->err);

	for (size_t i = 0; r == 0 && i < c->keys->count; i++)
		engine_tell_ignored(c->e, c->keys->names[i]);

	if (r < 0)
		return r;
	r = search_begin(&s, c->e, c->token, ENGINE_SIGN, c->err);
	if (r == 0) {
		r = list_objects(c->list, c->count, &g, &s, c->login);
		search_end(&s);
	}
	names_free(&names);
	return r;
}

int diagnose_objects(struct diagnosis_object **list, size_t *count, struct engine *e,
    const char *token, const struct diagnosis_keys *keys, bool login, struct error *err)
{
	struct call c = { list, count, e, token, keys, login, err };

	*list = NULL;
	*count = 0;
	return engine_run(e, run, &c, err);
}
