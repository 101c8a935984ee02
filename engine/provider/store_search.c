#include "engine/provider/store_search.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/x509.h>

#include "engine/crypto.h"

static int take_octets(
    unsigned char **out, size_t *len, const OSSL_PARAM params[], const char *name)
{
	const OSSL_PARAM *p = OSSL_PARAM_locate_const(params, name);
	void *copy = NULL;

	if (p == NULL)
		return 1;
	if (!OSSL_PARAM_get_octet_string(p, &copy, 0, len))
		return 0;
	OPENSSL_free(*out);
	*out = copy;
	return 1;
}

static int take_text(char **out, const OSSL_PARAM params[], const char *name)
{
	const OSSL_PARAM *p = OSSL_PARAM_locate_const(params, name);
	char *copy = NULL;

	if (p == NULL)
		return 1;
	if (!OSSL_PARAM_get_utf8_string(p, &copy, 0))
		return 0;
	OPENSSL_free(*out);
	*out = copy;
	return 1;
}

static int take_number(
    unsigned char **out, size_t *len, const OSSL_PARAM params[], const char *name)
{
	const OSSL_PARAM *p = OSSL_PARAM_locate_const(params, name);
	BIGNUM *number = NULL;

	if (p == NULL)
		return 1;
	OPENSSL_free(*out);
	*out = NULL;
	if (!OSSL_PARAM_get_BN(p, &number))
		return 0;
	*out = OPENSSL_malloc((size_t)BN_num_bytes(number) + 1);
	*len = *out != NULL ? (size_t)BN_bn2bin(number, *out) : 0;
	BN_free(number);
	return *out != NULL;
}

int store_search_take(struct store_search *s, const OSSL_PARAM params[])
{
	return take_octets(&s->subject, &s->subject_len, params, OSSL_STORE_PARAM_SUBJECT) &&
	       take_octets(&s->issuer, &s->issuer_len, params, OSSL_STORE_PARAM_ISSUER) &&
	       take_number(&s->serial, &s->serial_len, params, OSSL_STORE_PARAM_SERIAL) &&
	       take_octets(
		   &s->fingerprint, &s->fingerprint_len, params, OSSL_STORE_PARAM_FINGERPRINT) &&
	       take_text(&s->digest, params, OSSL_STORE_PARAM_DIGEST) &&
	       take_text(&s->label, params, OSSL_STORE_PARAM_ALIAS);
}

/* By the canonical forms, as OpenSSL compares names. */
static bool is_name(const unsigned char *der, size_t len, const X509_NAME *name)
{
	const unsigned char *at = der;
	X509_NAME *wanted = d2i_X509_NAME(NULL, &at, (long)len);
	bool same = wanted != NULL && X509_NAME_cmp(wanted, name) == 0;

	X509_NAME_free(wanted);
	return same;
}

static bool is_serial(const struct store_search *s, const X509 *cert)
{
	const ASN1_INTEGER *serial = X509_get0_serialNumber(cert);
	const unsigned char *octets = ASN1_STRING_get0_data(serial);
	size_t len = (size_t)ASN1_STRING_length(serial);

	if (len == 1 && octets[0] == 0)
		len = 0;
	return len == s->serial_len && (len == 0 || memcmp(octets, s->serial, len) == 0);
}

static bool is_fingerprint(const struct store_search *s, const X509 *cert)
{
	EVP_MD *md = EVP_MD_fetch(crypto_context(), s->digest != NULL ? s->digest : "SHA1", NULL);
	unsigned char value[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	bool same = md != NULL && X509_digest(cert, md, value, &len) == 1 &&
		    len == s->fingerprint_len && memcmp(value, s->fingerprint, len) == 0;

	EVP_MD_free(md);
	return same;
}

static bool asks_for_certificate(const struct store_search *s)
{
	return s->subject != NULL || s->issuer != NULL || s->serial != NULL ||
	       s->fingerprint != NULL;
}

bool store_search_any(const struct store_search *s)
{
	return asks_for_certificate(s) || s->label != NULL;
}

static bool certificate_fits(const struct store_search *s, const X509 *cert)
{
	if (!asks_for_certificate(s))
		return true;
	return cert != NULL &&
	       (s->subject == NULL ||
		   is_name(s->subject, s->subject_len, X509_get_subject_name(cert))) &&
	       (s->issuer == NULL ||
		   is_name(s->issuer, s->issuer_len, X509_get_issuer_name(cert))) &&
	       (s->serial == NULL || is_serial(s, cert)) &&
	       (s->fingerprint == NULL || is_fingerprint(s, cert));
}

bool store_search_fits(const struct store_search *s, const hsmime_key *k)
{
	return certificate_fits(s, k->certificate) &&
	       (s->label == NULL || (k->label != NULL && strcmp(s->label, k->label) == 0));
}

void store_search_clear(struct store_search *s)
{
	OPENSSL_free(s->subject);
	OPENSSL_free(s->issuer);
	OPENSSL_free(s->serial);
	OPENSSL_free(s->fingerprint);
	OPENSSL_free(s->digest);
	OPENSSL_free(s->label);
	memset(s, 0, sizeof(*s));
}
