/* What belongs to a private key that was found: its certificate and its public key. */
#include "engine/certificate.h"
#include "engine/public_key.h"
#include "engine/search.h"
#include "engine/slot.h"

/* Whose certificate is looked for, and what for. */
struct taking {
	struct hit *hit;
	enum engine_purpose purpose;
};

static bool preferred(const struct taking *t, X509 *cert)
{
	int rank = certificate_rank(cert, t->purpose);
	int kept = certificate_rank(t->hit->certificate, t->purpose);

	if (t->hit->certificate == NULL || rank != kept)
		return t->hit->certificate == NULL || rank > kept;
	return certificate_better(cert, t->hit->certificate);
}

/* Keep the certificate that fits, is valid and newest of those that belong to the key. */
static int take_certificate(void *arg, struct token *t, const struct object *o)
{
	const struct taking *taking = arg;
	struct hit *hit = taking->hit;
	X509 *cert = object_certificate(o);
	EVP_PKEY *key = cert != NULL ? public_key_of_certificate(cert) : NULL;
	bool fits =
	    key != NULL && (hit->public_key == NULL || EVP_PKEY_eq(key, hit->public_key) == 1);

	(void)t;
	if (fits && preferred(taking, cert)) {
		X509_free(hit->certificate);
		hit->certificate = cert;
		cert = NULL;
	}
	EVP_PKEY_free(key);
	X509_free(cert);
	return 0;
}

static int take_public_key(void *arg, struct token *t, const struct object *o)
{
	struct hit *hit = arg;

	(void)t;
	hit->public_key = public_key_of_object(o);
	return hit->public_key != NULL ? SEARCH_STOP : 0;
}

/* What the public key objects that bear one private key's names say. */
struct named {
	EVP_PKEY *key;
	bool differ;
};

static int take_named_key(void *arg, struct token *t, const struct object *o)
{
	struct named *n = arg;
	EVP_PKEY *key = public_key_of_object(o);

	(void)t;
	n->differ |= key != NULL && n->key != NULL && EVP_PKEY_eq(key, n->key) != 1;
	if (key != NULL && n->key == NULL) {
		n->key = key;
		key = NULL;
	}
	EVP_PKEY_free(key);
	return 0;
}

/* CKA_ID ties a key to its certificate and public key; without one the label has to do. */
static size_t belonging(CK_ATTRIBUTE *template, const struct object *key)
{
	const CK_ATTRIBUTE *id = object_get(key, CKA_ID);
	const CK_ATTRIBUTE *label = object_get(key, CKA_LABEL);

	if (id == NULL && label == NULL)
		return 0;
	*template = id != NULL ? *id : *label;
	return 1;
}

int search_public_key(struct search *s, struct hit *hit)
{
	static const CK_ATTRIBUTE_TYPE names[] = { CKA_ID, CKA_LABEL, CKA_KEY_TYPE };
	CK_ATTRIBUTE template[3];
	struct named n = { NULL, false };
	size_t count = 0;
	int r = 0;

	for (size_t i = 0; i < 3; i++)
		if (object_get(&hit->key, names[i]) != NULL)
			template[count++] = *object_get(&hit->key, names[i]);
	if (count > 1)
		r = search_public(s, hit->token, false, CKO_PUBLIC_KEY, template, count,
		    take_named_key, &n, NULL);
	if (r < 0 || n.differ)
		EVP_PKEY_free(n.key);
	else
		hit->public_key = n.key;
	return r;
}

static CK_KEY_TYPE type_of(const struct hit *hit)
{
	return object_ulong(&hit->key, CKA_KEY_TYPE, CKK_RSA);
}

static bool type_fits(const struct hit *hit, const EVP_PKEY *key)
{
	return EVP_PKEY_is_a(key, type_of(hit) == CKK_RSA ? "RSA" : "EC");
}

/* An EC private key shows no point: what has its CKA_ID must at least be of its type. */
static void public_from_certificate(struct hit *hit)
{
	if (hit->public_key != NULL || hit->certificate == NULL)
		return;
	hit->public_key = public_key_of_certificate(hit->certificate);
	if (hit->public_key == NULL || type_fits(hit, hit->public_key))
		return;
	EVP_PKEY_free(hit->public_key);
	X509_free(hit->certificate);
	hit->public_key = NULL;
	hit->certificate = NULL;
}

static int no_public_key(struct search *s, const struct hit *hit)
{
	int r = search_failed(s, hit->token);

	if (r < 0)
		return r;
	error_set(s->err, HSMIME_ENOKEY, "token \"%s\" shows no public key for the private key",
	    hit->token->label);
	return error_hint(
	    s->err, "store its certificate or its public key on the token, with the same ID");
}

int search_complete(struct search *s, struct hit *hit)
{
	CK_ATTRIBUTE template[2];
	struct taking taking = { hit, s->purpose };
	CK_KEY_TYPE type = type_of(hit);
	size_t n = belonging(template, &hit->key);
	int r = 0;

	if (hit->public_key == NULL)
		hit->public_key = public_key_of_object(&hit->key);
	/* The URI chose one of several, or others were left out: the ID may be that of several. */
	if (hit->public_key == NULL && (uri_attribute(&s->uri, CKA_LABEL) != NULL || s->unfit > 0))
		r = search_public_key(s, hit);
	if (r == 0 && n > 0 && hit->certificate == NULL)
		r = search_public(s, hit->token, false, CKO_CERTIFICATE, template, n,
		    take_certificate, &taking, NULL);
	public_from_certificate(hit);
	template[1] = (CK_ATTRIBUTE){ CKA_KEY_TYPE, &type, sizeof(type) };
	if (r == 0 && n > 0 && hit->public_key == NULL)
		r = search_public(
		    s, hit->token, false, CKO_PUBLIC_KEY, template, 2, take_public_key, hit, NULL);
	if (r == 0 && hit->public_key == NULL)
		r = no_public_key(s, hit);
	return r;
}

void search_peek(struct search *s, struct hit *hit)
{
	struct error *err = s->err, dropped = { 0 };

	s->err = &dropped;
	(void)search_complete(s, hit);
	s->err = err;
}
