#include "api/recipient_names.h"

#include <string.h>

#include <openssl/sha.h>
#include <openssl/x509v3.h>

#include "engine/token_key.h"

bool recipient_is_for_key(const struct recipient *r)
{
	return r->kind == RECIPIENT_RSA || r->kind == RECIPIENT_EC;
}

static bool same_octets(const unsigned char *a, size_t a_len, const unsigned char *b, size_t b_len)
{
	return a != NULL && b != NULL && a_len == b_len && memcmp(a, b, a_len) == 0;
}

/* X509_NAME_cmp is made for names in memory; the recipient's is DER, which may differ in form. */
static bool same_name(const struct recipient *r, X509 *cert)
{
	const unsigned char *p = r->issuer;
	X509_NAME *name = d2i_X509_NAME(NULL, &p, (long)r->issuer_len);
	bool same = name != NULL && X509_NAME_cmp(name, X509_get_issuer_name(cert)) == 0;

	X509_NAME_free(name);
	return same;
}

static bool same_serial(const struct recipient *r, X509 *cert)
{
	const unsigned char *p = r->serial;
	ASN1_INTEGER *serial = d2i_ASN1_INTEGER(NULL, &p, (long)r->serial_len);
	bool same = serial != NULL && ASN1_INTEGER_cmp(serial, X509_get0_serialNumber(cert)) == 0;

	ASN1_INTEGER_free(serial);
	return same;
}

bool recipient_is(const struct recipient *r, X509 *cert)
{
	const ASN1_OCTET_STRING *key_id;

	if (r->issuer != NULL)
		return same_serial(r, cert) && same_name(r, cert);
	key_id = X509_get0_subject_key_id(cert);
	return key_id != NULL &&
	       same_octets(r->key_id, r->key_id_len, ASN1_STRING_get0_data(key_id),
		   (size_t)ASN1_STRING_length(key_id));
}

/* RFC 5280 section 4.2.1.2, method 1: SHA-1 of the public key's BIT STRING. */
static bool names_public_key(const struct recipient *r, EVP_PKEY *public, OSSL_LIB_CTX *libctx)
{
	unsigned char id[SHA_DIGEST_LENGTH];
	X509_PUBKEY *spki = NULL;
	const unsigned char *bits = NULL;
	int len = 0;
	size_t id_len = 0;
	bool same = false;

	if (!recipient_is_for_key(r) || r->key_id == NULL)
		return false;
	if (X509_PUBKEY_set(&spki, public) == 1 &&
	    X509_PUBKEY_get0_param(NULL, &bits, &len, NULL, spki) == 1 &&
	    EVP_Q_digest(libctx, "SHA1", NULL, bits, (size_t)len, id, &id_len) == 1)
		same = same_octets(r->key_id, r->key_id_len, id, sizeof(id));
	X509_PUBKEY_free(spki);
	return same;
}

bool recipient_names_any(
    const struct recipient *recipients, size_t count, X509 *cert, size_t *index)
{
	for (size_t i = 0; i < count; i++) {
		if (recipient_is_for_key(&recipients[i]) && recipient_is(&recipients[i], cert)) {
			*index = i;
			return true;
		}
	}
	return false;
}

static enum recipient_kind kind_of(const struct engine_found *found)
{
	return token_key_type(found->key) == TOKEN_KEY_RSA ? RECIPIENT_RSA : RECIPIENT_EC;
}

/* A key without a certificate: by its identifier, else as the only recipient of its kind. */
bool recipient_names_key(const struct recipient *recipients, size_t count,
    const struct engine_found *found, OSSL_LIB_CTX *libctx, size_t *index)
{
	size_t fitting = 0;

	for (size_t i = 0; i < count; i++) {
		if (names_public_key(&recipients[i], token_key_public(found->key), libctx)) {
			*index = i;
			return true;
		}
	}
	for (size_t i = 0; i < count; i++) {
		if (recipients[i].kind == kind_of(found)) {
			*index = i;
			fitting++;
		}
	}
	return fitting == 1;
}
