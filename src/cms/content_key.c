#include "cms/content_key.h"

#include <pthread.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/params.h>
#include <openssl/x509.h>

#include "cms/asn1_enveloped.h"

static int mac_init(EVP_MAC_CTX *mac, const unsigned char *secret)
{
	char digest[] = "SHA256";
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_end(),
	};

	return EVP_MAC_init(mac, secret, CONTENT_KEY_SECRET, params);
}

/*
 * SubjectPublicKeyInfo of an RSA key, always under rsaEncryption. i2d_PUBKEY, which
 * gives the same, takes as long as the private-key operation of an elliptic curve.
 */
static int encode_public_key(unsigned char **der, EVP_PKEY *key)
{
	ENV_RSA_PUBLIC_KEY rsa = { NULL, NULL };
	X509_PUBKEY *spki = X509_PUBKEY_new();
	unsigned char *inner = NULL;
	BIGNUM *n = NULL;
	BIGNUM *e = NULL;
	int inner_len = 0;
	int len = -1;

	if (spki != NULL && EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &n) == 1 &&
	    EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &e) == 1 &&
	    (rsa.modulus = BN_to_ASN1_INTEGER(n, NULL)) != NULL &&
	    (rsa.exponent = BN_to_ASN1_INTEGER(e, NULL)) != NULL)
		inner_len = i2d_ENV_RSA_PUBLIC_KEY(&rsa, &inner);
	if (inner_len > 0 && X509_PUBKEY_set0_param(spki, OBJ_nid2obj(NID_rsaEncryption),
				 V_ASN1_NULL, NULL, inner, inner_len) == 1) {
		inner = NULL;
		len = i2d_X509_PUBKEY(spki, der);
	}
	OPENSSL_free(inner);
	ASN1_INTEGER_free(rsa.modulus);
	ASN1_INTEGER_free(rsa.exponent);
	BN_free(n);
	BN_free(e);
	X509_PUBKEY_free(spki);
	return len;
}

/* An EVP_PKEY's own copy; of another key it is not, as each has its own. */
struct kept_key {
	BIGNUM *n;
	unsigned char *der;
	int len;
};

static int kept_index = -1;

static const struct kept_key *kept_of(EVP_PKEY *key)
{
	return kept_index >= 0 ? EVP_PKEY_get_ex_data(key, kept_index) : NULL;
}

/*
 * The number that the token decrypts: messages that only write it in another way (zeros in front
 * left out, the modulus added) get the same substitute, as they get the same answer.
 */
static int mac_number(EVP_MAC_CTX *mac, EVP_PKEY *key, const struct content_key_input *in)
{
	const struct kept_key *kept = kept_of(key);
	size_t size = (size_t)EVP_PKEY_get_size(key);
	unsigned char *octets = OPENSSL_zalloc(size);
	BIGNUM *n = NULL;
	BIGNUM *number = BN_bin2bn(in->encrypted, (int)in->encrypted_len, NULL);
	BN_CTX *ctx = BN_CTX_new();
	int good = octets != NULL && number != NULL && ctx != NULL &&
		   (kept != NULL || EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &n) == 1) &&
		   BN_nnmod(number, number, kept != NULL ? kept->n : n, ctx) == 1 &&
		   BN_bn2binpad(number, octets, (int)size) == (int)size &&
		   EVP_MAC_update(mac, octets, size) == 1;

	OPENSSL_free(octets);
	BN_free(n);
	BN_free(number);
	BN_CTX_free(ctx);
	return good;
}

static pthread_once_t kept_once = PTHREAD_ONCE_INIT;

static void free_kept(
    void *parent, void *kept, CRYPTO_EX_DATA *data, int index, long argl, void *argp)
{
	struct kept_key *k = kept;

	(void)parent;
	(void)data;
	(void)index;
	(void)argl;
	(void)argp;
	if (k != NULL) {
		BN_free(k->n);
		OPENSSL_free(k->der);
	}
	OPENSSL_free(k);
}

static void make_index(void)
{
	kept_index =
	    CRYPTO_get_ex_new_index(CRYPTO_EX_INDEX_EVP_PKEY, 0, NULL, NULL, NULL, free_kept);
}

void content_key_prepare(EVP_PKEY *key)
{
	struct kept_key *k = NULL;

	pthread_once(&kept_once, make_index);
	if (kept_index < 0 || EVP_PKEY_is_a(key, "RSA") != 1 ||
	    EVP_PKEY_get_ex_data(key, kept_index) != NULL)
		return;
	k = OPENSSL_zalloc(sizeof(*k));
	if (k != NULL)
		k->len = encode_public_key(&k->der, key);
	if (k != NULL &&
	    (k->len <= 0 || EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &k->n) != 1 ||
		EVP_PKEY_set_ex_data(key, kept_index, k) != 1))
		free_kept(NULL, k, NULL, 0, 0, NULL);
	error_forget();
}

/* *made is the caller's to free; NULL where it is kept. */
static int public_key(const unsigned char **der, unsigned char **made, EVP_PKEY *key)
{
	const struct kept_key *k = kept_index >= 0 ? EVP_PKEY_get_ex_data(key, kept_index) : NULL;
	int len;

	if (k != NULL) {
		*der = k->der;
		return k->len;
	}
	len = encode_public_key(made, key);
	*der = *made;
	return len;
}

static int mac_input(EVP_MAC_CTX *mac, EVP_PKEY *key, const struct content_key_input *in)
{
	const unsigned char *spki = NULL;
	unsigned char *made = NULL;
	unsigned char *oid = NULL;
	int spki_len = public_key(&spki, &made, key);
	int oid_len = i2d_ASN1_OBJECT(in->cipher, &oid);
	int good = spki_len > 0 && oid_len > 0 &&
		   EVP_MAC_update(mac, spki, (size_t)spki_len) == 1 && mac_number(mac, key, in) &&
		   EVP_MAC_update(mac, oid, (size_t)oid_len) == 1;

	OPENSSL_free(made);
	OPENSSL_free(oid);
	return good;
}

static int substitute(
    unsigned char *out, EVP_PKEY *key, const struct content_key_input *in, struct cms_env *env)
{
	EVP_MAC *hmac = EVP_MAC_fetch(env->libctx, OSSL_MAC_NAME_HMAC, NULL);
	EVP_MAC_CTX *mac = hmac == NULL ? NULL : EVP_MAC_CTX_new(hmac);
	size_t len = 0;
	int status = 0;

	if (mac == NULL || mac_init(mac, in->secret) != 1 || mac_input(mac, key, in) != 1 ||
	    EVP_MAC_final(mac, out, &len, CONTENT_KEY_SECRET) != 1 || len != CONTENT_KEY_SECRET)
		status = error_openssl(env->err, HSMIME_EINTERNAL, "the substitute content key");
	EVP_MAC_CTX_free(mac);
	EVP_MAC_free(hmac);
	return status;
}

/* Whether the key chooses by itself: 1 (and it has the substitute now), 0, or -1. */
static int hand_over(EVP_PKEY_CTX *ctx, unsigned char *instead, size_t len)
{
	const OSSL_PARAM *known = EVP_PKEY_CTX_settable_params(ctx);
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_octet_string(CONTENT_KEY_SUBSTITUTE, instead, len),
		OSSL_PARAM_construct_end(),
	};

	if (known == NULL || OSSL_PARAM_locate_const(known, CONTENT_KEY_SUBSTITUTE) == NULL)
		return 0;
	return EVP_PKEY_CTX_set_params(ctx, params) > 0 ? 1 : -1;
}

/* 1 where a == b, else 0, without a branch. */
static unsigned same(size_t a, size_t b)
{
	size_t x = a ^ b;

	return 1 ^ (unsigned)((x | (0 - x)) >> (sizeof(x) * 8 - 1));
}

static int decrypt_once(struct secret *out, EVP_PKEY_CTX *ctx, struct secret *plain,
    const unsigned char *instead, int chooses, const struct content_key_input *in,
    struct cms_env *env)
{
	size_t len = plain->room;
	unsigned good;
	int done;

	ERR_set_mark();
	done = EVP_PKEY_decrypt(ctx, plain->data, &len, in->encrypted, in->encrypted_len);
	if (chooses == 1 && done <= 0) {
		ERR_clear_last_mark();
		return error_openssl(env->err, HSMIME_ETOKEN, "the token could not decrypt");
	}
	ERR_pop_to_mark();
	good = same((size_t)(unsigned)done, 1) & same(len, in->key_len);
	secret_select(out->data, plain->data, instead, in->key_len, good);
	out->len = in->key_len;
	return 0;
}

/* instead has room for CONTENT_KEY_SECRET octets. */
static int make_substitute(
    unsigned char *instead, EVP_PKEY *key, const struct content_key_input *in, struct cms_env *env)
{
	if (in->secret == NULL)
		return error_set(
		    env->err, HSMIME_EUSAGE, "no secret for substitute keys was given");
	if (EVP_PKEY_get_size(key) < CONTENT_KEY_SECRET || in->key_len > CONTENT_KEY_SECRET)
		return error_set(env->err, HSMIME_EINTERNAL, "a key of unknown size");
	return substitute(instead, key, in, env);
}

int content_key_choose(struct secret *out, EVP_PKEY_CTX *ctx, EVP_PKEY *key,
    const struct content_key_input *in, struct cms_env *env)
{
	unsigned char instead[CONTENT_KEY_SECRET];
	struct secret plain = { 0 };
	int size = EVP_PKEY_get_size(key);
	int chooses;
	int status;

	memset(out, 0, sizeof(*out));
	status = make_substitute(instead, key, in, env);
	if (status != 0)
		return status;
	chooses = hand_over(ctx, instead, in->key_len);
	if (chooses < 0) {
		status = error_openssl(env->err, HSMIME_EINTERNAL, "the token's key");
		goto out;
	}
	if (secret_new(&plain, (size_t)size) != 0 || secret_new(out, in->key_len) != 0) {
		status = error_nomem(env->err);
		goto out;
	}
	status = decrypt_once(out, ctx, &plain, instead, chooses, in, env);
out:
	if (status != 0)
		secret_free(out);
	secret_free(&plain);
	OPENSSL_cleanse(instead, sizeof(instead));
	return status;
}

int content_key_unwrap(struct content_key *out, const struct content_unwrapper *unwrapper,
    EVP_PKEY *key, struct content_wrapped *wrapped, const struct content_key_input *in,
    struct cms_env *env)
{
	unsigned char instead[CONTENT_KEY_SECRET];
	int status = make_substitute(instead, key, in, env);

	memset(out, 0, sizeof(*out));
	wrapped->encrypted = in->encrypted;
	wrapped->encrypted_len = in->encrypted_len;
	wrapped->substitute = instead;
	if (status == 0)
		status = unwrapper->unwrap(unwrapper->arg, out, wrapped, env->err);
	wrapped->substitute = NULL;
	OPENSSL_cleanse(instead, sizeof(instead));
	return status;
}

int content_key_refuse(struct cms_env *env)
{
	error_set(env->err, HSMIME_EINVALID, "the message could not be decrypted");
	error_hint(
	    env->err, "it was damaged or altered on its way, or was not encrypted for this key");
	return HSMIME_EINVALID;
}
