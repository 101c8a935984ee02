#include "engine/probe.h"

#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include "engine/ciphertext.h"
#include "engine/content_on_token.h"
#include "engine/crypto.h"
#include "engine/key.h"
#include "engine/module.h"
#include "engine/public_key.h"
#include "engine/slot.h"
#include "engine/token_key.h"
#include "engine/verify.h"
#include "util/buffer.h"
#include "util/sink.h"

#define SECRET 32 /* octets */
/* Outcomes beside a status: */
#define REFUSED 1 /* a token failed before it gave an answer: it may do it in another way */
#define WRONG 2   /* it answers, but wrongly */

static int wrong(const struct token_key *k, struct error *err, const char *what)
{
	error_set(err, HSMIME_ETOKEN, "the key %s answers wrongly: %s", k->uri, what);
	error_hint(err, "have the token checked; what it answered lately may be wrong too");
	return WRONG;
}

/* HSMIME_ETOKEN is a refusal, unless the token hangs or is gone: then another way is of no use. */
static int outcome(const struct token_key *k, int r)
{
	const struct token *t = k->token;
	bool there = atomic_load(&t->present) && atomic_load(&t->stuck) == 0 &&
		     atomic_load(&t->module->stuck) == 0;

	return r == HSMIME_ETOKEN && there ? REFUSED : r;
}

/* Of several refusals the first one is told; it stays in err where another way does it. */
static void note(struct error *err, const struct error *own, int r)
{
	if (r < 0 || r == WRONG || err->code == 0)
		*err = *own;
}

static int unable(struct error *err)
{
	return error_openssl(err, HSMIME_EINTERNAL, "can't make data to try a key out with");
}

static int sign_by(struct token_key *k, const struct token_sign *way, struct error *err)
{
	unsigned char digest[32], sig[KEY_SIZE_MAX];
	size_t len = sizeof(sig);
	struct token_sign q = *way;
	int r;

	if (RAND_bytes_ex(crypto_context(), digest, sizeof(digest), 0) != 1)
		return unable(err);
	q.data = digest;
	q.len = sizeof(digest);
	r = token_key_sign(k, sig, &len, &q, err);
	if (r == 0 && !verify_signature(k, &q, sig, len))
		return wrong(k, err, "its signature does not verify");
	return outcome(k, r);
}

/* A key may be allowed one padding only (CKA_ALLOWED_MECHANISMS), or its token lack the other. */
static int sign(struct token_key *k, struct error *err)
{
	static const struct token_sign ec = { .scheme = TOKEN_SIGN_ECDSA, .digest = "SHA256" };
	static const struct token_sign rsa[] = {
		{ .scheme = TOKEN_SIGN_RSA_PKCS1, .digest = "SHA256" },
		{ .scheme = TOKEN_SIGN_RSA_PSS, .digest = "SHA256", .salt_len = 32 },
	};
	const struct token_sign *ways = k->type == TOKEN_KEY_RSA ? rsa : &ec;
	size_t count = k->type == TOKEN_KEY_RSA ? sizeof(rsa) / sizeof(rsa[0]) : 1;
	int r = REFUSED;

	for (size_t i = 0; r == REFUSED && i < count; i++) {
		struct error own = { 0 };

		r = sign_by(k, &ways[i], &own);
		note(err, &own, r);
	}
	return r;
}

/* SECRET octets, made here, so that way decrypts them. */
static bool encrypt(unsigned char *out, size_t *len, const struct token_key *k,
    const struct token_decrypt *way, unsigned char *secret)
{
	return RAND_bytes_ex(crypto_context(), secret, SECRET, 0) == 1 &&
	       ciphertext_make(out, len, k->public_key, way, secret, SECRET);
}

static const unsigned char zeros[SECRET];

/* A content key that stays on the token decrypts a block of zeros. */
static int use(struct token_content_key *c, const struct token_key *k, const unsigned char *secret,
    struct error *err)
{
	static const struct token_content_end end = { NULL, NULL, 0 };
	struct token_content_params params = { zeros, CRYPTO_BLOCK, 0 };
	unsigned char encrypted[2 * CRYPTO_BLOCK];
	size_t len = 0;
	struct buffer plain;
	hsmime_sink sink;
	int r;

	if (!crypto_encrypt_zeros(encrypted, &len, "AES-256-CBC", secret))
		return unable(err);
	buffer_init(&plain, sizeof(encrypted));
	sink_buffer(&sink, &plain);
	r = token_content_begin(c, &params, &sink, err);
	if (r == 0)
		r = token_content_update(c, encrypted, len, err);
	if (r == 0)
		r = token_content_finish(c, &end, err);
	if (r == 0 && (plain.len != len || memcmp(plain.data, zeros, len) != 0))
		r = wrong(k, err, "the key that it unwraps decrypts to something else");
	buffer_free(&plain);
	return r;
}

/* A key that unwraps only: the octets, or a content key that does what they would do. */
static int unwrap_by(struct token_key *k, const struct token_decrypt *way, struct error *err)
{
	unsigned char secret[SECRET], data[KEY_SIZE_MAX], out[KEY_SIZE_MAX];
	size_t len = sizeof(data), out_len = sizeof(out);
	struct token_decrypt q = *way;
	struct token_content_key *c = NULL;
	int r;

	if (!encrypt(data, &len, k, way, secret))
		return unable(err);
	q.data = data;
	q.len = len;
	q.substitute = zeros;
	q.substitute_len = SECRET;
	r = token_key_unwrap(&c, out, &out_len, k, &q, TOKEN_CONTENT_AES_CBC, err);
	r = outcome(k, r);
	if (r == 0 && c != NULL)
		r = use(c, k, secret, err);
	else if (r == 0 && CRYPTO_memcmp(out, secret, sizeof(secret)) != 0)
		r = wrong(k, err, "it unwraps to something else");
	token_content_free(c);
	OPENSSL_cleanse(out, sizeof(out));
	OPENSSL_cleanse(secret, sizeof(secret));
	return r;
}

static int decrypt_by(struct token_key *k, const struct token_decrypt *way, struct error *err)
{
	unsigned char secret[SECRET], data[KEY_SIZE_MAX], out[KEY_SIZE_MAX];
	size_t len = sizeof(data), out_len = sizeof(out);
	struct token_decrypt q = *way;
	int r;

	if (!encrypt(data, &len, k, way, secret))
		return unable(err);
	q.data = data;
	q.len = len;
	r = token_key_decrypt(k, out, &out_len, &q, err);
	r = outcome(k, r);
	if (r == HSMIME_EINVALID)
		r = wrong(k, err, "it does not decrypt");
	else if (r == 0 &&
		 (out_len != sizeof(secret) || CRYPTO_memcmp(out, secret, sizeof(secret)) != 0))
		r = wrong(k, err, "it decrypts to something else");
	OPENSSL_cleanse(out, sizeof(out));
	OPENSSL_cleanse(secret, sizeof(secret));
	return r;
}

/* As with signatures. A token may know OAEP with SHA-1 alone, or refuse SHA-1. */
static int decrypt(struct token_key *k, struct error *err)
{
	static const struct token_decrypt ways[] = {
		{ .scheme = TOKEN_DECRYPT_RSA_PKCS1 },
		{ .scheme = TOKEN_DECRYPT_RSA_OAEP, .digest = "SHA256" },
		{ .scheme = TOKEN_DECRYPT_RSA_OAEP, .digest = "SHA1" },
	};
	int r = REFUSED;

	for (size_t i = 0; r == REFUSED && i < sizeof(ways) / sizeof(ways[0]); i++) {
		struct error own = { 0 };

		r = k->unwraps ? unwrap_by(k, &ways[i], &own) : decrypt_by(k, &ways[i], &own);
		note(err, &own, r);
	}
	return r;
}

/* The other side of a key agreement, with a key made for it. */
static bool agree(
    unsigned char *out, size_t *len, unsigned char *point, size_t *point_len, EVP_PKEY *public_key)
{
	EVP_PKEY_CTX *maker = EVP_PKEY_CTX_new_from_pkey(crypto_context(), public_key, NULL);
	EVP_PKEY_CTX *c = NULL;
	EVP_PKEY *own = NULL;
	bool done = maker != NULL && EVP_PKEY_keygen_init(maker) == 1 &&
		    EVP_PKEY_generate(maker, &own) == 1 && public_key_point(point, point_len, own);

	if (done)
		c = EVP_PKEY_CTX_new_from_pkey(crypto_context(), own, NULL);
	done = done && c != NULL && EVP_PKEY_derive_init(c) == 1 &&
	       EVP_PKEY_derive_set_peer(c, public_key) == 1 && EVP_PKEY_derive(c, out, len) == 1;
	EVP_PKEY_CTX_free(c);
	EVP_PKEY_CTX_free(maker);
	EVP_PKEY_free(own);
	return done;
}

static int derive(struct token_key *k, struct error *err)
{
	unsigned char expected[KEY_SIZE_MAX], got[KEY_SIZE_MAX], point[PUBLIC_POINT_MAX];
	size_t len = sizeof(expected), got_len = sizeof(got), point_len = sizeof(point);
	int r;

	if (!agree(expected, &len, point, &point_len, k->public_key))
		return unable(err);
	r = token_key_derive(k, got, &got_len, point, point_len, err);
	if (r == 0 && (got_len != len || CRYPTO_memcmp(got, expected, len) != 0))
		r = wrong(k, err, "it agrees on another secret");
	OPENSSL_cleanse(expected, sizeof(expected));
	OPENSSL_cleanse(got, sizeof(got));
	return r;
}

static int run(struct token_key *k, enum probe probe, struct error *err)
{
	static int (*const probes[])(struct token_key *, struct error *) = {
		[PROBE_SIGN] = sign, [PROBE_DECRYPT] = decrypt, [PROBE_DERIVE] = derive
	};
	int r;

	error_clear(err);
	ERR_set_mark();
	r = probes[probe](k, err);
	ERR_pop_to_mark();
	return r;
}

int probe_run(struct token_key *k, enum probe probe, struct error *err)
{
	int r = run(k, probe, err);

	return r > 0 ? HSMIME_ETOKEN : r;
}

int probe_sign(bool *wrong_answer, struct token_key *k, struct error *err)
{
	int r = run(k, PROBE_SIGN, err);

	*wrong_answer = r == WRONG;
	return r > 0 ? HSMIME_ETOKEN : r;
}

int probe_decrypts(struct token_key *k, struct error *err)
{
	enum probe kind = k->type == TOKEN_KEY_RSA ? PROBE_DECRYPT : PROBE_DERIVE;

	if (k->group != NULL)
		return group_try(k->group, kind, err);
	return key_asks(k) ? 0 : probe_run(k, kind, err);
}
