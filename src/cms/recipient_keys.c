#include "cms/recipient_keys.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/params.h>

/*
 * A SubjectPublicKeyInfo as OpenSSL reads it: with rsaEncryption in place of
 * id-RSAES-OAEP, which names the same kind of key (RFC 4055 section 1.2).
 * Returns the octets of *der, which the caller frees; 0 or less: failed.
 */
static int spki_for_openssl(unsigned char **der, X509_PUBKEY *written)
{
	int len = i2d_X509_PUBKEY(written, der);
	const unsigned char *p = *der;
	X509_PUBKEY *spki;
	X509_ALGOR *id = NULL;

	if (len <= 0 || X509_PUBKEY_get0_param(NULL, NULL, NULL, &id, written) != 1 ||
	    OBJ_obj2nid(id->algorithm) != NID_rsaesOaep)
		return len;
	/* Not X509_PUBKEY_dup(): it loses the zero octets that a key may end with. */
	spki = d2i_X509_PUBKEY(NULL, &p, len);
	OPENSSL_free(*der);
	*der = NULL;
	len = -1;
	if (spki != NULL && X509_PUBKEY_get0_param(NULL, NULL, NULL, &id, spki) == 1) {
		X509_ALGOR_set0(id, OBJ_nid2obj(NID_rsaEncryption), V_ASN1_NULL, NULL);
		len = i2d_X509_PUBKEY(spki, der);
	}
	X509_PUBKEY_free(spki);
	return len;
}

static EVP_PKEY *decode(X509 *cert, OSSL_LIB_CTX *libctx)
{
	unsigned char *der = NULL;
	int len = spki_for_openssl(&der, X509_get_X509_PUBKEY(cert));
	const unsigned char *p = der;
	EVP_PKEY *key = NULL;

	if (len > 0)
		key = d2i_PUBKEY_ex(NULL, &p, len, libctx, NULL);
	OPENSSL_free(der);
	return key;
}

/* key's numbers as a key of that kind in libctx, or NULL: 5 µs, where decoding takes 100. */
static EVP_PKEY *copy(const EVP_PKEY *key, const char *kind, OSSL_LIB_CTX *libctx)
{
	OSSL_PARAM *numbers = NULL;
	EVP_PKEY_CTX *ctx = NULL;
	EVP_PKEY *made = NULL;

	ERR_set_mark();
	if (EVP_PKEY_todata(key, EVP_PKEY_PUBLIC_KEY, &numbers) == 1)
		ctx = EVP_PKEY_CTX_new_from_name(libctx, kind, NULL);
	if (ctx != NULL && EVP_PKEY_fromdata_init(ctx) == 1 &&
	    EVP_PKEY_fromdata(ctx, &made, EVP_PKEY_PUBLIC_KEY, numbers) != 1)
		made = NULL;
	ERR_pop_to_mark();
	EVP_PKEY_CTX_free(ctx);
	OSSL_PARAM_free(numbers);
	return made;
}

/* The certificate's public key in our library context; OpenSSL has decoded it with the certificate. */
static EVP_PKEY *public_key(X509 *cert, OSSL_LIB_CTX *libctx)
{
	static const char *const kinds[] = { "RSA", "EC" };
	EVP_PKEY *known;
	EVP_PKEY *key = NULL;

	ERR_set_mark();
	known = X509_get0_pubkey(cert);
	ERR_pop_to_mark();
	for (size_t i = 0; known != NULL && key == NULL && i < 2; i++) {
		if (EVP_PKEY_is_a(known, kinds[i]))
			key = copy(known, kinds[i], libctx);
	}
	return key != NULL ? key : decode(cert, libctx);
}

static EVP_PKEY *find(const struct recipient_keys *keys, const X509 *cert)
{
	for (size_t i = 0; i < RECIPIENT_KEYS_MAX; i++) {
		if (keys->known[i].cert == cert)
			return keys->known[i].key;
	}
	return NULL;
}

static void forget(struct recipient_keys *keys, size_t i)
{
	X509_free(keys->known[i].cert);
	EVP_PKEY_free(keys->known[i].key);
	keys->known[i].cert = NULL;
	keys->known[i].key = NULL;
}

static void remember(struct recipient_keys *keys, X509 *cert, EVP_PKEY *key)
{
	size_t i = keys->next++ % RECIPIENT_KEYS_MAX;

	forget(keys, i);
	if (X509_up_ref(cert) != 1)
		return;
	keys->known[i].cert = cert;
	keys->known[i].key = key;
	EVP_PKEY_up_ref(key);
}

EVP_PKEY *recipient_keys_get(struct recipient_keys *keys, X509 *cert, OSSL_LIB_CTX *libctx)
{
	EVP_PKEY *key = keys != NULL ? find(keys, cert) : NULL;

	if (key != NULL) {
		EVP_PKEY_up_ref(key);
		return key;
	}
	key = public_key(cert, libctx);
	if (key != NULL && keys != NULL)
		remember(keys, cert, key);
	return key;
}

void recipient_keys_clear(struct recipient_keys *keys)
{
	for (size_t i = 0; i < RECIPIENT_KEYS_MAX; i++)
		forget(keys, i);
}
