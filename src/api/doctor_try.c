/* One signature and one decryption with a private key, checked with its public key in software. */
#include "api/doctor.h"

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>

#include "engine/crypto.h"
#include "engine/token_key.h"

#define DIGEST 32   /* octets of SHA-256 */
#define OCTETS 2048 /* of what a key makes at most */

static bool verifies(OSSL_LIB_CTX *libctx, EVP_PKEY *key, const unsigned char *signature,
    size_t len, const unsigned char digest[DIGEST])
{
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_pkey(libctx, key, CRYPTO_SOFTWARE);
	EVP_MD *md = EVP_MD_fetch(libctx, "SHA256", NULL);
	bool good = c != NULL && md != NULL && EVP_PKEY_verify_init(c) == 1 &&
		    EVP_PKEY_CTX_set_signature_md(c, md) == 1 &&
		    EVP_PKEY_verify(c, signature, len, digest, DIGEST) == 1;

	EVP_MD_free(md);
	EVP_PKEY_CTX_free(c);
	return good;
}

/* EC: the public key comes from the certificate, so that one of another key shows here. */
static void try_signature(struct doctor *d, struct engine_found *found, const char *uri)
{
	OSSL_LIB_CTX *libctx = d->ctx->shared->libctx;
	bool rsa = token_key_type(found->key) == TOKEN_KEY_RSA;
	unsigned char digest[DIGEST], signature[OCTETS];
	size_t len = sizeof(signature);
	struct token_sign request = { .scheme = rsa ? TOKEN_SIGN_RSA_PKCS1 : TOKEN_SIGN_ECDSA,
		.digest = "SHA256",
		.data = digest,
		.len = sizeof(digest) };
	struct error err = { 0 };

	if (RAND_bytes_ex(libctx, digest, sizeof(digest), 0) != 1)
		return;
	if (token_key_sign(found->key, signature, &len, &request, &err) != 0)
		doctor_fail(d, DOCTOR_KEY_SIGN_FAILED, uri, &err);
	else if (verifies(libctx, token_key_public(found->key), signature, len, digest))
		doctor_say(d, DOCTOR_KEY_SIGNS, uri,
		    "the key signs, and the signature fits its public key");
	else if (rsa)
		doctor_say(d, DOCTOR_KEY_SIGN_FAILED, uri,
		    "the key signs, but what it makes is no signature");
	else
		doctor_say(d, DOCTOR_KEY_MISMATCH, uri,
		    "the certificate or public key with the key's ID is another key's: a signature "
		    "does not fit it");
}

/* PKCS #1 v1.5, which all tokens do. 0, HSMIME_EINVALID where the secret does not come out, or why it failed. */
static int try_rsa(struct token_key *key, OSSL_LIB_CTX *libctx, struct error *err)
{
	EVP_PKEY_CTX *c =
	    EVP_PKEY_CTX_new_from_pkey(libctx, token_key_public(key), CRYPTO_SOFTWARE);
	unsigned char secret[DIGEST], sealed[OCTETS], opened[OCTETS];
	size_t len = sizeof(sealed), opened_len = sizeof(opened);
	struct token_decrypt request = { .scheme = TOKEN_DECRYPT_RSA_PKCS1, .data = sealed };
	int status = HSMIME_EINTERNAL;

	if (c != NULL && RAND_bytes_ex(libctx, secret, sizeof(secret), 0) == 1 &&
	    EVP_PKEY_encrypt_init(c) == 1 &&
	    EVP_PKEY_CTX_set_rsa_padding(c, RSA_PKCS1_PADDING) == 1 &&
	    EVP_PKEY_encrypt(c, sealed, &len, secret, sizeof(secret)) == 1) {
		request.len = len;
		status = token_key_decrypt(key, opened, &opened_len, &request, err);
	}
	if (status == 0 &&
	    (opened_len != sizeof(secret) || memcmp(opened, secret, opened_len) != 0))
		status = HSMIME_EINVALID;
	EVP_PKEY_CTX_free(c);
	return status;
}

static EVP_PKEY *ephemeral(OSSL_LIB_CTX *libctx, EVP_PKEY *like)
{
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_name(libctx, "EC", CRYPTO_SOFTWARE);
	EVP_PKEY *key = NULL;
	char group[80];
	size_t len = 0;

	if (c == NULL || EVP_PKEY_get_group_name(like, group, sizeof(group), &len) != 1 ||
	    EVP_PKEY_keygen_init(c) != 1 || EVP_PKEY_CTX_set_group_name(c, group) != 1 ||
	    EVP_PKEY_keygen(c, &key) != 1)
		key = NULL;
	EVP_PKEY_CTX_free(c);
	return key;
}

static bool agree(
    unsigned char *out, size_t *len, OSSL_LIB_CTX *libctx, EVP_PKEY *key, EVP_PKEY *peer)
{
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_pkey(libctx, key, CRYPTO_SOFTWARE);
	bool good = c != NULL && EVP_PKEY_derive_init(c) == 1 &&
		    EVP_PKEY_derive_set_peer(c, peer) == 1 && EVP_PKEY_derive(c, out, len) == 1;

	EVP_PKEY_CTX_free(c);
	return good;
}

/* Both sides of an ECDH have to come to the same. Returns as try_rsa. */
static int try_ecdh(struct token_key *key, OSSL_LIB_CTX *libctx, struct error *err)
{
	EVP_PKEY *other = ephemeral(libctx, token_key_public(key));
	unsigned char point[OCTETS], ours[OCTETS], its[OCTETS];
	size_t point_len = 0, ours_len = sizeof(ours), its_len = sizeof(its);
	int status = HSMIME_EINTERNAL;

	if (other != NULL &&
	    EVP_PKEY_get_octet_string_param(
		other, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, point, sizeof(point), &point_len) == 1 &&
	    agree(ours, &ours_len, libctx, other, token_key_public(key)))
		status = token_key_derive(key, its, &its_len, point, point_len, err);
	if (status == 0 && (its_len != ours_len || memcmp(its, ours, its_len) != 0))
		status = HSMIME_EINVALID;
	EVP_PKEY_free(other);
	return status;
}

static void try_decryption(struct doctor *d, struct engine_found *found, const char *uri)
{
	OSSL_LIB_CTX *libctx = d->ctx->shared->libctx;
	bool rsa = token_key_type(found->key) == TOKEN_KEY_RSA;
	struct error err = { 0 };
	int status = (rsa ? try_rsa : try_ecdh)(found->key, libctx, &err);

	if (status == 0)
		doctor_say(d, DOCTOR_KEY_DECRYPTS, uri,
		    "the key decrypts what is encrypted for its public key");
	else if (status == HSMIME_EINVALID)
		doctor_say(d, rsa ? DOCTOR_KEY_DECRYPT_FAILED : DOCTOR_KEY_MISMATCH, uri,
		    "what is encrypted for the key's public key does not come out");
	else
		doctor_fail(d, DOCTOR_KEY_DECRYPT_FAILED, uri, &err);
}

void doctor_try(struct doctor *d, struct engine *e, const char *uri, unsigned usage)
{
	static const struct {
		unsigned usage;
		enum engine_purpose purpose;
		enum doctor_kind failed;
		void (*run)(struct doctor *d, struct engine_found *found, const char *uri);
	} rows[] = {
		{ HSMIME_KEY_SIGN, ENGINE_SIGN, DOCTOR_KEY_SIGN_FAILED, try_signature },
		{ HSMIME_KEY_DECRYPT | HSMIME_KEY_DERIVE, ENGINE_DECRYPT, DOCTOR_KEY_DECRYPT_FAILED,
		    try_decryption },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct engine_found found = { 0 };
		struct error err = { 0 };

		if ((usage & rows[i].usage) == 0)
			continue;
		if (engine_find_key(&found, e, uri, rows[i].purpose, &err) != 0)
			doctor_fail(d, rows[i].failed, uri, &err);
		else
			rows[i].run(d, &found, uri);
		engine_found_free(&found);
		error_forget();
	}
}
