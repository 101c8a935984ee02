#include <stdlib.h>
#include <string.h>

#include <openssl/asn1.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include "engine/certificate.h"
#include "engine/crypto.h"
#include "engine/engine_internal.h"
#include "engine/find.h"
#include "engine/key.h"
#include "engine/public_key.h"
#include "engine/search.h"
#include "engine/slot.h"

/* Whether the private key may be cert's: an EC private key shows nothing to compare. */
static bool belongs(const struct hit *hit, const EVP_PKEY *of_cert)
{
	EVP_PKEY *own = public_key_of_object(&hit->key);
	CK_ULONG type = object_ulong(&hit->key, CKA_KEY_TYPE, CK_UNAVAILABLE_INFORMATION);
	bool same = own != NULL ? EVP_PKEY_eq(own, of_cert) == 1
				: EVP_PKEY_is_a(of_cert, type == CKK_RSA ? "RSA" : "EC");

	EVP_PKEY_free(own);
	return same;
}

/* Of the hits from before on, keep the first that is cert's, and give it cert. */
static int keep_owner(struct search *s, size_t before, X509 *cert)
{
	EVP_PKEY *key = public_key_of_certificate(cert);
	size_t kept = before;

	for (size_t i = before; i < s->count; i++) {
		struct hit *hit = &s->hits[i];

		if (key != NULL && kept == before && belongs(hit, key)) {
			EVP_PKEY_up_ref(key);
			hit->public_key = key;
			X509_up_ref(cert);
			hit->certificate = cert;
			s->hits[kept++] = *hit;
		} else
			object_free(&hit->key);
	}
	s->count = kept;
	EVP_PKEY_free(key);
	return 0;
}

/* The private key of a certificate that is on t, by its CKA_ID or, for RSA without one, its modulus. */
static int private_of(struct search *s, struct token *t, X509 *cert, const CK_ATTRIBUTE *id)
{
	unsigned char modulus[KEY_SIZE_MAX];
	size_t len = sizeof(modulus), before = s->count;
	CK_ATTRIBUTE template = { CKA_MODULUS, modulus, 0 };
	EVP_PKEY *key = NULL;
	int r;

	if (id != NULL)
		template = *id;
	else {
		key = public_key_of_certificate(cert);
		if (key == NULL || !public_key_modulus(modulus, &len, key))
			len = 0;
		template.ulValueLen = len;
		EVP_PKEY_free(key);
	}
	if (template.ulValueLen == 0)
		return 0;
	r = search_private(s, t, &template, 1);
	return r < 0 ? r : keep_owner(s, before, cert);
}

/* Certificates that were chosen, to be followed to their keys. */
#define CHOSEN_MAX 16

struct chosen {
	struct token *token;
	X509 *cert;
	unsigned char id[256];
	size_t id_len;
	size_t candidate;
};

struct choice {
	const char *email;
	enum engine_purpose purpose;
	X509 *cert;
	const struct engine_candidate *candidates;
	size_t candidate_count;
	struct chosen items[CHOSEN_MAX];
	size_t count;
	size_t unfit; /* named the address, but are not valid or not for the purpose */
};

static void choice_free(struct choice *c)
{
	for (size_t i = 0; i < c->count; i++)
		X509_free(c->items[i].cert);
	c->count = 0;
}

static struct chosen *same_key(struct choice *c, const struct token *t, const CK_ATTRIBUTE *id)
{
	for (size_t i = 0; id != NULL && i < c->count; i++)
		if (c->items[i].token == t && c->items[i].id_len == id->ulValueLen &&
		    memcmp(c->items[i].id, id->pValue, id->ulValueLen) == 0)
			return &c->items[i];
	return NULL;
}

/* Of several certificates of one key the best is kept. */
static void choose(
    struct choice *c, struct token *t, const struct object *o, X509 *cert, size_t candidate)
{
	const CK_ATTRIBUTE *id = object_get(o, CKA_ID);
	struct chosen *item = same_key(c, t, id);

	if (item != NULL && (item->candidate != candidate || !certificate_better(cert, item->cert)))
		return;
	if (item == NULL && c->count == CHOSEN_MAX)
		return;
	if (item == NULL)
		item = &c->items[c->count++];
	X509_free(item->cert);
	X509_up_ref(cert);
	item->cert = cert;
	item->token = t;
	item->candidate = candidate;
	item->id_len = 0;
	if (id != NULL && id->ulValueLen <= sizeof(item->id)) {
		memcpy(item->id, id->pValue, id->ulValueLen);
		item->id_len = id->ulValueLen;
	}
}

static int choose_by_email(void *arg, struct token *t, const struct object *o)
{
	struct choice *c = arg;
	X509 *cert = object_certificate(o);

	if (cert != NULL && certificate_names_email(cert, c->email)) {
		if (certificate_valid_now(cert) && certificate_fits(cert, c->purpose))
			choose(c, t, o, cert, 0);
		else
			c->unfit++;
	}
	X509_free(cert);
	return 0;
}

static int choose_same(void *arg, struct token *t, const struct object *o)
{
	struct choice *c = arg;
	X509 *cert = object_certificate(o);

	if (cert != NULL && X509_cmp(cert, c->cert) == 0)
		choose(c, t, o, cert, 0);
	X509_free(cert);
	return 0;
}

static int choose_candidate(void *arg, struct token *t, const struct object *o)
{
	struct choice *c = arg;
	X509 *cert = object_certificate(o);

	for (size_t i = 0; cert != NULL && i < c->candidate_count; i++)
		if (certificate_is(cert, &c->candidates[i])) {
			choose(c, t, o, cert, i);
			break;
		}
	X509_free(cert);
	return 0;
}

/* Look at the certificates of every token; then, with a login, at those of tokens that hide all. */
static int over_certificates(struct search *s, struct choice *c, search_each each)
{
	struct token *t = NULL;
	int r = 0;

	for (int login = 0; login < 2 && r == 0 && c->count == 0; login++)
		for (t = engine_token_first(s->e, &s->uri); r == 0 && t != NULL;
		     t = engine_token_after(s->e, &s->uri, t)) {
			size_t shown = 0;

			if (login != 0 && token_needs_login(t))
				r = search_public(
				    s, t, false, CKO_CERTIFICATE, NULL, 0, find_any, NULL, &shown);
			if (login == 0 || (token_needs_login(t) && shown == 0 && r == 0))
				r = search_public(
				    s, t, login != 0, CKO_CERTIFICATE, NULL, 0, each, c, NULL);
		}
	return r;
}

static int follow(struct search *s, const struct chosen *item)
{
	CK_ATTRIBUTE id = { CKA_ID, (void *)item->id, item->id_len };

	return private_of(s, item->token, item->cert, item->id_len > 0 ? &id : NULL);
}

static int no_email(struct search *s, const struct choice *c)
{
	if (c->unfit > 0)
		error_set(s->err, HSMIME_ENOKEY,
		    "the certificates for %s on the tokens are not valid now or not for this use",
		    c->email);
	else if (c->count > 0)
		error_set(
		    s->err, HSMIME_ENOKEY, "the private key for %s is not on its token", c->email);
	else
		error_set(s->err, HSMIME_ENOKEY, "no certificate on the tokens names %s", c->email);
	return error_hint(s->err, "'hsmime keys' lists the certificates; choose a key with -k");
}

int engine_find_by_email(struct engine_found *found, struct engine *e, const char *email,
    enum engine_purpose purpose, struct error *err)
{
	struct choice c = { .email = email, .purpose = purpose };
	struct search s;
	int r = search_begin(&s, e, NULL, purpose, err);

	memset(found, 0, sizeof(*found));
	if (r < 0)
		return r;
	r = over_certificates(&s, &c, choose_by_email);
	for (size_t i = 0; r == 0 && i < c.count; i++)
		r = follow(&s, &c.items[i]);
	if (r == 0 && s.count == 0 && s.unfit == 0 && s.failed.code == 0)
		r = no_email(&s, &c);
	if (r == 0)
		r = find_finish(found, &s);
	choice_free(&c);
	search_end(&s);
	return r;
}

static int by_names(struct search *s, struct token *t, bool login, const struct engine_candidate *n,
    search_each each, struct choice *c)
{
	CK_ATTRIBUTE template[] = { { CKA_ISSUER, (void *)n->issuer, n->issuer_len },
		{ CKA_SERIAL_NUMBER, (void *)n->serial, n->serial_len } };
	CK_ATTRIBUTE id = { CKA_ID, (void *)n->key_id, n->key_id_len };

	if (n->issuer != NULL && n->serial != NULL)
		return search_public(s, t, login, CKO_CERTIFICATE, template, 2, each, c, NULL);
	if (n->key_id != NULL && n->key_id_len > 0)
		return search_public(s, t, login, CKO_CERTIFICATE, &id, 1, each, c, NULL);
	return 0;
}

/* The certificate itself is on a token. */
static int by_own_certificate(struct search *s, X509 *cert)
{
	struct choice c = { .cert = cert };
	unsigned char *issuer = NULL, *serial = NULL;
	int issuer_len = i2d_X509_NAME(X509_get_issuer_name(cert), &issuer);
	int serial_len = i2d_ASN1_INTEGER(X509_get_serialNumber(cert), &serial);
	struct engine_candidate n = { issuer, (size_t)issuer_len, serial, (size_t)serial_len, NULL,
		0 };
	struct token *t = NULL;
	int r = issuer_len > 0 && serial_len > 0 ? 0 : error_nomem(s->err);

	for (t = engine_token_first(s->e, &s->uri); r == 0 && t != NULL;
	     t = engine_token_after(s->e, &s->uri, t))
		r = by_names(s, t, false, &n, choose_same, &c);
	for (size_t i = 0; r == 0 && i < c.count && s->count == 0; i++)
		r = follow(s, &c.items[i]);
	choice_free(&c);
	OPENSSL_free(issuer);
	OPENSSL_free(serial);
	return r;
}

/* A public key object with the certificate's key is on a token; arg collects its CKA_ID. */
static int by_public_key(struct search *s, X509 *cert, const CK_ATTRIBUTE *template)
{
	struct token *t = NULL;
	int r = 0;

	for (t = engine_token_first(s->e, &s->uri); r == 0 && t != NULL && s->count == 0;
	     t = engine_token_after(s->e, &s->uri, t)) {
		struct find_ids ids = { .count = 0 };

		r = search_public(
		    s, t, false, CKO_PUBLIC_KEY, template, 1, find_note_id, &ids, NULL);
		for (size_t i = 0; r == 0 && i < ids.count && s->count == 0; i++) {
			CK_ATTRIBUTE id = { CKA_ID, ids.items[i].octets, ids.items[i].len };

			r = private_of(s, t, cert, &id);
		}
	}
	return r;
}

static int by_private_key(struct search *s, X509 *cert, const CK_ATTRIBUTE *template)
{
	struct token *t = NULL;
	int r = 0;

	for (t = engine_token_first(s->e, &s->uri); r == 0 && t != NULL && s->count == 0;
	     t = engine_token_after(s->e, &s->uri, t))
		r = private_of(s, t, cert, template);
	return r;
}

static bool public_key_sha1(unsigned char *out, const X509 *cert)
{
	const ASN1_BIT_STRING *bits = X509_get0_pubkey_bitstr(cert);
	size_t len = 0;

	return bits != NULL &&
	       EVP_Q_digest(crypto_context(), "SHA1", NULL, ASN1_STRING_get0_data(bits),
		   (size_t)ASN1_STRING_length(bits), out, &len) == 1;
}

/* Many tools set CKA_ID to the SHA-1 of the public key, which the extension usually holds too. */
static int by_key_identifier(struct search *s, X509 *cert)
{
	const ASN1_OCTET_STRING *extension = X509_get0_subject_key_id(cert);
	unsigned char sha1[20];
	CK_ATTRIBUTE id = { CKA_ID, sha1, sizeof(sha1) };
	int r = 0;

	if (extension != NULL) {
		CK_ATTRIBUTE ski = { CKA_ID, (void *)ASN1_STRING_get0_data(extension),
			(CK_ULONG)ASN1_STRING_length(extension) };

		r = by_private_key(s, cert, &ski);
	}
	if (r == 0 && s->count == 0 && public_key_sha1(sha1, cert))
		r = by_private_key(s, cert, &id);
	return r;
}

static int by_rsa_key(struct search *s, X509 *cert, EVP_PKEY *key)
{
	unsigned char modulus[KEY_SIZE_MAX];
	size_t len = sizeof(modulus);
	CK_ATTRIBUTE template = { CKA_MODULUS, modulus, 0 };
	int r;

	if (!public_key_modulus(modulus, &len, key))
		return 0;
	template.ulValueLen = len;
	r = by_public_key(s, cert, &template);
	return r == 0 && s->count == 0 ? by_private_key(s, cert, &template) : r;
}

static int by_ec_key(struct search *s, X509 *cert, EVP_PKEY *key)
{
	unsigned char point[PUBLIC_POINT_MAX], *der = NULL;
	size_t len = sizeof(point);
	CK_ATTRIBUTE bare = { CKA_EC_POINT, point, 0 }, wrapped = { CKA_EC_POINT, NULL, 0 };
	ASN1_OCTET_STRING *string = ASN1_OCTET_STRING_new();
	int n = -1, r = 0;

	if (string != NULL && public_key_point(point, &len, key) &&
	    ASN1_OCTET_STRING_set(string, point, (int)len) == 1)
		n = i2d_ASN1_OCTET_STRING(string, &der);
	if (n > 0) {
		wrapped.pValue = der;
		wrapped.ulValueLen = (CK_ULONG)n;
		bare.ulValueLen = len;
		r = by_public_key(s, cert, &wrapped);
		if (r == 0 && s->count == 0)
			r = by_public_key(s, cert, &bare);
	}
	OPENSSL_free(der);
	ASN1_OCTET_STRING_free(string);
	return r;
}

static int by_key(struct search *s, X509 *cert)
{
	EVP_PKEY *key = public_key_of_certificate(cert);
	int r = 0;

	if (key != NULL && EVP_PKEY_is_a(key, "RSA"))
		r = by_rsa_key(s, cert, key);
	else if (key != NULL && EVP_PKEY_is_a(key, "EC"))
		r = by_ec_key(s, cert, key);
	EVP_PKEY_free(key);
	return r;
}

int engine_find_by_certificate(struct engine_found *found, struct engine *e, X509 *cert,
    enum engine_purpose purpose, struct error *err)
{
	struct search s;
	int r = search_begin(&s, e, NULL, purpose, err);

	memset(found, 0, sizeof(*found));
	if (r < 0)
		return r;
	r = by_own_certificate(&s, cert);
	if (r == 0 && s.count == 0)
		r = by_key(&s, cert);
	if (r == 0 && s.count == 0)
		r = by_key_identifier(&s, cert);
	if (r == 0)
		r = find_finish(found, &s);
	search_end(&s);
	return r;
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
			r = by_names(s, t, false, &all[i], choose_candidate, c);
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
			r = follow(s, &c->items[i]);
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
		r = over_certificates(&s, &c, choose_candidate);
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

static int push_certificate(void *arg, struct token *t, const struct object *o)
{
	STACK_OF(X509) *list = arg;
	X509 *cert = object_certificate(o);

	(void)t;
	if (cert != NULL && sk_X509_push(list, cert) <= 0) {
		X509_free(cert);
		return HSMIME_ENOMEM;
	}
	return 0;
}

/* CKA_SUBJECT, which PKCS#11 demands of every certificate; 0 without a name. */
static size_t subject_template(CK_ATTRIBUTE *template, const X509_NAME *subject)
{
	const unsigned char *der = NULL;
	size_t len = 0;

	if (subject == NULL || X509_NAME_get0_der(subject, &der, &len) != 1)
		return 0;
	*template = (CK_ATTRIBUTE){ CKA_SUBJECT, (void *)der, len };
	return 1;
}

int engine_certificates(
    STACK_OF(X509) **out, struct engine *e, const X509_NAME *subject, struct error *err)
{
	STACK_OF(X509) *list = sk_X509_new_null();
	struct search s;
	struct token *t = NULL;
	CK_ATTRIBUTE template;
	size_t n = subject_template(&template, subject);
	int r = search_begin(&s, e, NULL, ENGINE_SIGN, err);

	*out = NULL;
	if (r == 0 && list == NULL)
		r = error_nomem(err);
	if (r == 0)
		for (t = engine_token_first(e, NULL); r == 0 && t != NULL;
		     t = engine_token_after(e, NULL, t))
			r = search_public(&s, t, false, CKO_CERTIFICATE, &template, n,
			    push_certificate, list, NULL);
	search_end(&s);
	if (r < 0)
		sk_X509_pop_free(list, X509_free);
	else
		*out = list;
	return r;
}
