#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/ec.h>
#include <openssl/rsa.h>

#include "chaos_keys.h"
#include "engine/public_key.h"
#include "operate.h"

static struct engine *engine;
static struct token_key *rsa, *signs, *agrees, *careful;
static EVP_PKEY *peer;
static unsigned char peer_point[PUBLIC_POINT_MAX], shared[66];
static size_t peer_point_len, shared_len;

/* The secret for rsa, in each padding. */
static struct {
	enum token_decrypt_scheme scheme;
	const char *digest;
	unsigned char data[512];
	size_t len;
} ciphertexts[] = { { .scheme = TOKEN_DECRYPT_RSA_PKCS1 },
	{ .scheme = TOKEN_DECRYPT_RSA_OAEP, .digest = "SHA1" },
	{ .scheme = TOKEN_DECRYPT_RSA_OAEP, .digest = "SHA256" } };
#define CIPHERTEXTS (sizeof(ciphertexts) / sizeof(ciphertexts[0]))

void chaos_keys_make(struct softtoken *st)
{
	EVP_PKEY_free(softtoken_rsa(st, 1, "rsa", 1024, KEY_SIGN | KEY_DECRYPT));
	EVP_PKEY_free(softtoken_ec(st, 2, "ec", "P-256", KEY_SIGN | KEY_DERIVE));
	EVP_PKEY_free(softtoken_ec(st, 3, "careful", "P-256", KEY_SIGN | KEY_ALWAYS_AUTHENTICATE));
}

static void encrypt_all(void)
{
	for (size_t i = 0; i < CIPHERTEXTS; i++) {
		const char *digest = ciphertexts[i].digest;
		unsigned char *data = ciphertexts[i].data;

		ciphertexts[i].len = digest != NULL ? operate_encrypt_oaep(data, rsa, digest)
						    : operate_encrypt(data, rsa);
	}
}

void chaos_keys_open(struct engine *e)
{
	EVP_PKEY_CTX *ctx = NULL;

	engine = e;
	rsa = operate_key(e, "pkcs11:token=Chaos;id=%01", ENGINE_DECRYPT);
	signs = operate_key(e, "pkcs11:token=Chaos;id=%02", ENGINE_SIGN);
	agrees = operate_key(e, "pkcs11:token=Chaos;id=%02", ENGINE_DECRYPT);
	careful = operate_key(e, "pkcs11:token=Chaos;id=%03", ENGINE_SIGN);
	encrypt_all();
	peer = EVP_EC_gen("P-256");
	peer_point_len = sizeof(peer_point);
	assert_true(public_key_point(peer_point, &peer_point_len, peer));
	ctx = EVP_PKEY_CTX_new(peer, NULL);
	shared_len = sizeof(shared);
	assert_int_equal(EVP_PKEY_derive_init(ctx), 1);
	assert_int_equal(EVP_PKEY_derive_set_peer(ctx, token_key_public(signs)), 1);
	assert_int_equal(EVP_PKEY_derive(ctx, shared, &shared_len), 1);
	EVP_PKEY_CTX_free(ctx);
}

void chaos_keys_close(void)
{
	token_key_free(rsa);
	token_key_free(signs);
	token_key_free(agrees);
	token_key_free(careful);
	EVP_PKEY_free(peer);
	peer = NULL;
}

static bool signature_holds(struct token_key *k, enum token_sign_scheme scheme,
    const unsigned char *sig, size_t len, const unsigned char *digest)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(token_key_public(k), NULL);
	bool good = EVP_PKEY_verify_init(ctx) == 1 &&
		    (scheme != TOKEN_SIGN_RSA_PSS ||
			EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1) &&
		    EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) == 1 &&
		    EVP_PKEY_verify(ctx, sig, len, digest, 32) == 1;

	EVP_PKEY_CTX_free(ctx);
	return good;
}

/* Each operation: a status, and whether what came out is right (or nothing, where it failed). */
static int sign(bool *right, struct token_key *k, enum token_sign_scheme scheme, struct error *err)
{
	unsigned char digest[32], sig[512];
	size_t len = sizeof(sig);
	struct token_sign q = { .scheme = scheme,
		.digest = "SHA256",
		.salt_len = scheme == TOKEN_SIGN_RSA_PSS ? 32 : 0,
		.data = digest,
		.len = 32 };
	int r;

	for (size_t i = 0; i < sizeof(digest); i++)
		digest[i] = (unsigned char)chaos_random(256);
	r = token_key_sign(k, sig, &len, &q, err);
	*right = r == 0 ? signature_holds(k, scheme, sig, len, digest) : len == 0;
	return r;
}

static int sign_ec(bool *right, struct chaos_operation *o, struct error *err)
{
	(void)o;
	return sign(right, signs, TOKEN_SIGN_ECDSA, err);
}

/* A login between the start of the operation and the operation. */
static int sign_carefully(bool *right, struct chaos_operation *o, struct error *err)
{
	(void)o;
	return sign(right, careful, TOKEN_SIGN_ECDSA, err);
}

static int sign_rsa(bool *right, struct chaos_operation *o, struct error *err)
{
	(void)o;
	return sign(
	    right, rsa, chaos_random(2) == 0 ? TOKEN_SIGN_RSA_PKCS1 : TOKEN_SIGN_RSA_PSS, err);
}

static int agree(bool *right, struct chaos_operation *o, struct error *err)
{
	unsigned char out[66];
	size_t len = sizeof(out);
	int r = token_key_derive(agrees, out, &len, peer_point, peer_point_len, err);

	(void)o;
	*right = r == 0 ? len == shared_len && memcmp(out, shared, len) == 0 : len == 0;
	return r;
}

static struct token_decrypt one_of_the_ciphertexts(void)
{
	size_t i = chaos_random(CIPHERTEXTS);

	return (struct token_decrypt){ .scheme = ciphertexts[i].scheme,
		.digest = ciphertexts[i].digest,
		.data = ciphertexts[i].data,
		.len = ciphertexts[i].len };
}

static int decrypt(bool *right, struct chaos_operation *o, struct error *err)
{
	unsigned char out[512];
	size_t len = sizeof(out);
	struct token_decrypt q = one_of_the_ciphertexts();
	int r;

	o->decrypts = true;
	r = token_key_decrypt(rsa, out, &len, &q, err);
	*right = r == 0 ? len == OPERATE_SECRET && memcmp(out, operate_secret, len) == 0 : len == 0;
	return r;
}

/* A failure that is a verdict on the ciphertext gives the substitute. */
static int decrypt_or_substitute(bool *right, struct chaos_operation *o, struct error *err)
{
	static const unsigned char substitute[OPERATE_SECRET] = "the substitute";
	unsigned char out[512];
	size_t len = sizeof(out);
	struct token_decrypt q = one_of_the_ciphertexts();
	bool replaced;
	int r;

	q.substitute = substitute;
	q.substitute_len = OPERATE_SECRET;
	r = token_key_decrypt(rsa, out, &len, &q, err);
	replaced = len == OPERATE_SECRET && memcmp(out, substitute, len) == 0;

	*right = r == 0 ? len == OPERATE_SECRET &&
			      (memcmp(out, operate_secret, len) == 0 ||
				  (replaced && (o->in_decrypt || chaos_disturbed(o))))
			: len == 0;
	return r;
}

/* Each finds the key anew. */
static int find(bool *right, struct chaos_operation *o, struct error *err)
{
	struct engine_found found = { 0 };
	int r = engine_find_key(&found, engine, "pkcs11:token=Chaos;id=%02", ENGINE_SIGN, err);

	(void)o;
	*right = (r == 0) == (found.key != NULL);
	if (r == 0)
		*right &= EVP_PKEY_eq(token_key_public(found.key), token_key_public(signs)) == 1;
	engine_found_free(&found);
	return r;
}

/*
 * Mostly what is quick. What agrees comes last, so that no other operation closes a session with a secret
 * left in it.
 */
const struct chaos_kind chaos_kinds[] = {
	{ "sign EC", sign_ec, 5 },
	{ "sign carefully", sign_carefully, 1 },
	{ "sign RSA", sign_rsa, 1 },
	{ "decrypt", decrypt, 1 },
	{ "decrypt or substitute", decrypt_or_substitute, 1 },
	{ "find", find, 1 },
	{ "agree", agree, 3 },
};

const size_t chaos_kind_count = sizeof(chaos_kinds) / sizeof(chaos_kinds[0]);

const struct chaos_kind *chaos_kind(void)
{
	const struct chaos_kind *k = chaos_kinds;
	unsigned all = 0, lot;

	for (size_t i = 0; i < chaos_kind_count; i++)
		all += chaos_kinds[i].times;
	for (lot = chaos_random(all); lot >= k->times; k++)
		lot -= k->times;
	return k;
}
