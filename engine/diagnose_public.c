/* The public keys of what a URI names, to compare the keys of one group. */
#include <stdlib.h>

#include <openssl/x509v3.h>

#include "engine/diagnose.h"
#include "engine/engine_internal.h"
#include "engine/module.h"
#include "engine/public_key.h"
#include "engine/search.h"

#define KEYS_MAX 16 /* whoever names one key does not mean more */

/* The list while it grows. */
struct gathering {
	EVP_PKEY **list;
	size_t count;
	bool many;
};

void diagnose_public_free(EVP_PKEY **list, size_t count)
{
	for (size_t i = 0; list != NULL && i < count; i++)
		EVP_PKEY_free(list[i]);
	free(list);
}

static bool has(const struct gathering *g, const EVP_PKEY *key)
{
	for (size_t i = 0; i < g->count; i++)
		if (EVP_PKEY_eq(g->list[i], key) == 1)
			return true;
	return false;
}

/* Takes key over. */
static int add(struct gathering *g, EVP_PKEY *key)
{
	EVP_PKEY **larger = realloc(g->list, (g->count + 1) * sizeof(*larger));

	if (larger == NULL) {
		EVP_PKEY_free(key);
		return HSMIME_ENOMEM;
	}
	g->list = larger;
	g->list[g->count++] = key;
	return 0;
}

/* The certificates of authorities are beside the same URIs on several tokens, and nobody's keys. */
static EVP_PKEY *key_of(const struct object *o)
{
	X509 *cert;
	EVP_PKEY *key = NULL;

	if (object_ulong(o, CKA_CLASS, CKO_PUBLIC_KEY) != CKO_CERTIFICATE)
		return public_key_of_object(o);
	cert = object_certificate(o);
	if (cert != NULL && (X509_get_extension_flags(cert) & EXFLAG_CA) == 0)
		key = public_key_of_certificate(cert);
	X509_free(cert);
	return key;
}

static int note(void *arg, struct token *t, const struct object *o)
{
	struct gathering *g = arg;
	EVP_PKEY *key = key_of(o);

	(void)t;
	if (key == NULL || has(g, key)) {
		EVP_PKEY_free(key);
		return 0;
	}
	g->many = g->count == KEYS_MAX;
	if (!g->many)
		return add(g, key);
	EVP_PKEY_free(key);
	return SEARCH_STOP;
}

static int gather_token(struct gathering *g, struct search *s, struct token *t)
{
	static const CK_OBJECT_CLASS classes[] = { CKO_PRIVATE_KEY, CKO_PUBLIC_KEY,
		CKO_CERTIFICATE };
	const CK_ATTRIBUTE *id = uri_attribute(&s->uri, CKA_ID);
	const CK_ATTRIBUTE *label = uri_attribute(&s->uri, CKA_LABEL);
	CK_ATTRIBUTE template[2];
	size_t n = 0;
	int r = 0;

	if (id != NULL)
		template[n++] = *id;
	if (label != NULL)
		template[n++] = *label;
	for (size_t i = 0; r == 0 && s->passed.count == 0 && !g->many && i < 3; i++)
		r = search_public(s, t, false, classes[i], template, n, note, g, NULL);
	return r;
}

/* The arguments, for the thread that does it. */
struct call {
	struct gathering found;
	struct engine *e;
	const char *uri;
	struct error *err;
};

static int run(void *arg)
{
	struct call *c = arg;
	struct search s;
	int r = search_begin(&s, c->e, c->uri, ENGINE_SIGN, c->err);

	if (r < 0)
		return r;
	s.listing = true;
	for (struct token *t = engine_token_first(c->e, &s.uri); r == 0 && t != NULL;
	     t = engine_token_after(c->e, &s.uri, t))
		r = gather_token(&c->found, &s, t);
	if (r == 0)
		r = search_failed(&s, NULL);
	search_end(&s);
	return r;
}

int diagnose_public(
    EVP_PKEY ***list, size_t *count, struct engine *e, const char *uri, struct error *err)
{
	struct call c = { .e = e, .uri = uri, .err = err };
	int r = engine_run(e, run, &c, err);

	if (r != 0 || c.found.many) {
		diagnose_public_free(c.found.list, c.found.count);
		c.found = (struct gathering){ .list = NULL };
	}
	*list = c.found.list;
	*count = c.found.count;
	return r;
}
