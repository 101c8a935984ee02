#include <string.h>

#include <openssl/asn1.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include "engine/choice.h"
#include "engine/crypto.h"
#include "engine/engine_internal.h"
#include "engine/find.h"
#include "engine/key.h"
#include "engine/public_key.h"

static int choose_same(void *arg, struct token *t, const struct object *o)
{
	struct choice *c = arg;
	X509 *cert = object_certificate(o);
	int r = 0;

	if (cert != NULL && X509_cmp(cert, c->cert) == 0)
		r = choice_add(c, t, o, cert, 0);
	X509_free(cert);
	return r;
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
		r = choice_by_names(s, t, &n, choose_same, &c);
	for (size_t i = 0; r == 0 && i < c.count && s->count == 0; i++)
		r = choice_follow(s, &c.items[i]);
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

			r = choice_private(s, t, cert, &id);
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
		r = choice_private(s, t, cert, template);
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
