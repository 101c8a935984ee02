#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>

#include "engine/key.h"
#include "engine/mechanism.h"
#include "engine/slot.h"
#include "matrix.h"

#define ROOM 2048
#define DAMAGES 4

static const unsigned char secret[MATRIX_SECRET] = "the content key of some message";
static const unsigned char substitute[MATRIX_SECRET] = "what stands in for content keys";

void matrix_failed(struct matrix_result *out, const struct error *err)
{
	const char *code = strstr(err->message, "CKR_");
	int len = code != NULL ? (int)strspn(code, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") : 0;

	out->kind = MATRIX_FAILED;
	if (code != NULL)
		snprintf(out->why, sizeof(out->why), "%.*s", len, code);
	else
		snprintf(out->why, sizeof(out->why), "%s", err->message);
}

void matrix_wrong(struct matrix_result *out, const char *why)
{
	out->kind = MATRIX_WRONG;
	snprintf(out->why, sizeof(out->why), "%s", why);
}

/* A success, by the rung that the engine remembers since: the token's mechanism or raw RSA. */
static void worked(
    struct matrix_result *out, const struct matrix_key *k, enum ladder ladder, const char *digest)
{
	size_t count = 0, at = mechanism_first(&k->token->token->memory, ladder, digest);
	const struct rung *rungs = mechanism_rungs(ladder, &count);

	out->kind =
	    at < count && rungs[at].padding_in_software ? MATRIX_SOFTWARE : MATRIX_MECHANISM;
}

static int verifies(EVP_PKEY *key, const struct matrix_case *c, const unsigned char *sig,
    size_t len, const unsigned char *digest, size_t digest_len)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
	const EVP_MD *md = EVP_get_digestbyname(c->digest);
	int done = EVP_PKEY_verify_init(ctx) == 1 && EVP_PKEY_CTX_set_signature_md(ctx, md) == 1;

	if (done && c->scheme == TOKEN_SIGN_RSA_PSS)
		done = EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
		       EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, (int)digest_len) == 1;
	matrix_must(done, "set up a verification");
	done = EVP_PKEY_verify(ctx, sig, len, digest, digest_len) == 1;
	EVP_PKEY_CTX_free(ctx);
	return done;
}

void matrix_sign(struct matrix_result *out, struct matrix_key *k, const struct matrix_case *c)
{
	static const enum ladder ladders[] = {
		[TOKEN_SIGN_RSA_PKCS1] = LADDER_SIGN_PKCS1,
		[TOKEN_SIGN_RSA_PSS] = LADDER_SIGN_PSS,
		[TOKEN_SIGN_ECDSA] = LADDER_SIGN_ECDSA,
	};
	unsigned char digest[EVP_MAX_MD_SIZE], sig[ROOM];
	unsigned digest_len = 0;
	size_t len = sizeof(sig);
	struct token_sign q = {
		.scheme = (enum token_sign_scheme)c->scheme, .digest = c->digest, .data = digest
	};
	struct error err = { 0 };

	matrix_must(EVP_Digest(c->name, strlen(c->name), digest, &digest_len,
			EVP_get_digestbyname(c->digest), NULL),
	    "digest");
	q.len = q.salt_len = digest_len;
	if (token_key_sign(k->token, sig, &len, &q, &err) != 0)
		matrix_failed(out, &err);
	else if (!verifies(k->public, c, sig, len, digest, digest_len))
		matrix_wrong(out, "a signature that does not verify");
	else
		worked(out, k, ladders[c->scheme], c->digest);
}

static int set_padding(EVP_PKEY_CTX *ctx, const struct matrix_case *c)
{
	const char *mgf1 = c->mgf1_digest != NULL ? c->mgf1_digest : c->digest;
	char *label = c->label != NULL ? OPENSSL_strdup(c->label) : NULL;

	if (c->scheme == TOKEN_DECRYPT_RSA_PKCS1)
		return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1;
	if (c->scheme == TOKEN_DECRYPT_RSA_RAW)
		return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING) == 1;
	return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) == 1 &&
	       EVP_PKEY_CTX_set_rsa_oaep_md(ctx, EVP_get_digestbyname(c->digest)) == 1 &&
	       EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, EVP_get_digestbyname(mgf1)) == 1 &&
	       (label == NULL ||
		   EVP_PKEY_CTX_set0_rsa_oaep_label(ctx, label, (int)strlen(label)) == 1);
}

void matrix_encrypt(unsigned char *data, size_t *len, EVP_PKEY *key, const struct matrix_case *c,
    const unsigned char *message, size_t message_len)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);

	matrix_must(EVP_PKEY_encrypt_init(ctx) == 1 && set_padding(ctx, c) &&
			EVP_PKEY_encrypt(ctx, data, len, message, message_len) == 1,
	    "encrypt");
	EVP_PKEY_CTX_free(ctx);
}

static void request(struct token_decrypt *q, const struct matrix_case *c, const unsigned char *data,
    size_t len, int with_substitute)
{
	*q = (struct token_decrypt){ .scheme = (enum token_decrypt_scheme)c->scheme,
		.digest = c->digest,
		.mgf1_digest = c->mgf1_digest,
		.label = (const unsigned char *)c->label,
		.label_len = c->label != NULL ? strlen(c->label) : 0,
		.data = data,
		.len = len,
		.substitute = with_substitute ? substitute : NULL,
		.substitute_len = with_substitute ? sizeof(substitute) : 0 };
}

static enum ladder ladder_of(const struct matrix_case *c)
{
	if (c->scheme == TOKEN_DECRYPT_RSA_PKCS1)
		return LADDER_DECRYPT_PKCS1;
	return c->label != NULL || c->mgf1_digest != NULL ? LADDER_DECRYPT_OAEP_ODD
							  : LADDER_DECRYPT_OAEP;
}

/* With a substitute, as for a message, and without one. */
void matrix_decrypt(struct matrix_result *out, struct matrix_key *k, const struct matrix_case *c)
{
	unsigned char data[ROOM], clear[ROOM];
	size_t len = sizeof(data);

	matrix_encrypt(data, &len, k->public, c, secret, sizeof(secret));
	for (int with = 0; with < 2; with++) {
		struct token_decrypt q;
		struct error err = { 0 };
		size_t clear_len = sizeof(clear);

		request(&q, c, data, len, with);
		if (token_key_decrypt(k->token, clear, &clear_len, &q, &err) != 0) {
			matrix_failed(out, &err);
			return;
		}
		if (clear_len != sizeof(secret) || memcmp(clear, secret, sizeof(secret)) != 0) {
			matrix_wrong(out,
			    with ? "the substitute for a good content key" : "another content key");
			return;
		}
	}
	worked(out, k, ladder_of(c), c->digest);
}

static size_t agree(unsigned char *shared, size_t room, EVP_PKEY *own, EVP_PKEY *peer)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(own, NULL);

	matrix_must(EVP_PKEY_derive_init(ctx) == 1 && EVP_PKEY_derive_set_peer(ctx, peer) == 1 &&
			EVP_PKEY_derive(ctx, shared, &room) == 1,
	    "agree on a key");
	EVP_PKEY_CTX_free(ctx);
	return room;
}

static EVP_PKEY *peer_of(EVP_PKEY *key)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
	EVP_PKEY *peer = NULL;

	matrix_must(
	    EVP_PKEY_keygen_init(ctx) == 1 && EVP_PKEY_generate(ctx, &peer) == 1, "make a key");
	EVP_PKEY_CTX_free(ctx);
	return peer;
}

void matrix_derive(struct matrix_result *out, struct matrix_key *k, const struct matrix_case *c)
{
	unsigned char expected[ROOM], shared[ROOM], *point = NULL;
	size_t expected_len, len = sizeof(shared), point_len;
	EVP_PKEY *peer = peer_of(k->public);
	struct error err = { 0 };

	(void)c;
	expected_len = agree(expected, sizeof(expected), peer, k->public);
	point_len = EVP_PKEY_get1_encoded_public_key(peer, &point);
	if (token_key_derive(k->token, shared, &len, point, point_len, &err) != 0)
		matrix_failed(out, &err);
	else if (len != expected_len || memcmp(shared, expected, len) != 0)
		matrix_wrong(out, "another shared secret");
	else
		out->kind = MATRIX_MECHANISM;
	OPENSSL_free(point);
	EVP_PKEY_free(peer);
}

/* Whether the answer to what does not decrypt is the substitute; else out says what came. */
static int substituted(struct matrix_result *out, struct matrix_key *k, const struct matrix_case *c,
    const unsigned char *data, size_t len)
{
	unsigned char clear[ROOM];
	size_t clear_len = sizeof(clear);
	struct token_decrypt q;
	struct error err = { 0 };

	request(&q, c, data, len, 1);
	if (token_key_decrypt(k->token, clear, &clear_len, &q, &err) != 0) {
		matrix_failed(out, &err);
		return 0;
	}
	out->kind = MATRIX_SUBSTITUTE;
	if (clear_len == sizeof(substitute) && memcmp(clear, substitute, sizeof(substitute)) == 0)
		return 1;
	matrix_wrong(out, "not the substitute");
	return 0;
}

/* A block as long as the modulus, without a zero in it but the first octet. */
static void fill(unsigned char *block, size_t len, unsigned char type)
{
	matrix_must(RAND_bytes(block, (int)len), "find random octets");
	for (size_t i = 2; i < len; i++)
		block[i] = block[i] != 0 ? block[i] : 1;
	block[0] = 0;
	block[1] = type;
}

static int damaged(
    struct matrix_result *out, struct matrix_key *k, const struct matrix_case *c, int damage)
{
	static const struct matrix_case raw = { .scheme = TOKEN_DECRYPT_RSA_RAW };
	static const size_t lengths[DAMAGES] = { MATRIX_SECRET, 0, MATRIX_SECRET / 2,
		MATRIX_SECRET + 8 };
	unsigned char block[ROOM], data[ROOM];
	size_t size = token_key_size(k->token), len = sizeof(data);

	if (size <= 2 * MATRIX_SECRET || size > sizeof(block)) {
		matrix_wrong(out, "a key of an unlikely size");
		return 0;
	}
	fill(block, size, damage == 0 ? 1 : 2);
	/* The zero in front of the message. */
	if (lengths[damage] != 0)
		block[size - lengths[damage] - 1] = 0;
	matrix_encrypt(data, &len, k->public, &raw, block, size);
	return substituted(out, k, c, data, len);
}

/*
 * A wrong block type, no end of the padding, a message that is too short, one that is too long (NSS
 * cuts it without a word to the room that it is given). A module that answers
 * bad padding with random octets (NSS) hits the right length once in some 200 blocks, so that each
 * damage has three tries.
 */
void matrix_bad_padding(
    struct matrix_result *out, struct matrix_key *k, const struct matrix_case *c)
{
	for (int damage = 0; damage < DAMAGES; damage++) {
		int done = 0;

		for (int i = 0; i < 3 && !done; i++)
			done = damaged(out, k, c, damage);
		if (!done)
			return;
	}
}

/* Where no substitute is given, an error that does not say why. */
static int refused(struct matrix_result *out, struct matrix_key *k, const struct matrix_case *c,
    const unsigned char *data, size_t len)
{
	unsigned char clear[ROOM];
	size_t clear_len = sizeof(clear);
	struct token_decrypt q;
	struct error err = { 0 };
	int r;

	request(&q, c, data, len, 0);
	r = token_key_decrypt(k->token, clear, &clear_len, &q, &err);
	if (r == HSMIME_EINVALID && strcmp(err.message, "decryption failed") == 0)
		return 1;
	matrix_wrong(out, r == 0 ? "decrypted what was tampered with" : err.message);
	return 0;
}

void matrix_tampered(struct matrix_result *out, struct matrix_key *k, const struct matrix_case *c)
{
	unsigned char data[ROOM] = { 0 };
	size_t len = sizeof(data);

	matrix_encrypt(data, &len, k->public, c, secret, sizeof(secret));
	data[128] ^= 1;
	if (refused(out, k, c, data, len))
		substituted(out, k, c, data, len);
}

static int of_length(
    struct matrix_result *out, struct matrix_key *k, const struct matrix_case *c, size_t cut)
{
	unsigned char data[ROOM] = { 0 };
	size_t len = sizeof(data) - 1;

	matrix_encrypt(data, &len, k->public, c, secret, sizeof(secret));
	return substituted(out, k, c, data, len + 1 - cut);
}

/* One octet too many, and one too few, which is another number: tries as above. */
void matrix_wrong_length(
    struct matrix_result *out, struct matrix_key *k, const struct matrix_case *c)
{
	if (!of_length(out, k, c, 0))
		return;
	for (int i = 0; i < 3; i++)
		if (of_length(out, k, c, 2))
			return;
}
