/*
 * keyops: private-key operations per second through hsmime's OpenSSL keys,
 * beside a loop of the bare PKCS#11 calls, in turns in one process.
 *
 * usage: bench_keyops rsa-sign|rsa-decrypt|ec-sign|ec-derive THREADS [SESSIONS]
 * The keys of $BENCH_TOKEN: RSA has CKA_ID 01, EC P-256 has 02. With SESSIONS hsmime's threads get no
 * more than those (latency.c), and as many threads make the bare calls; their module is then
 * $BENCH_RAW_MODULE, a copy of latency.so, which counts for itself.
 * $BENCH_CALL_LIMIT: milliseconds that a call may take (engine/zone.h); default none. With $BENCH_BATCH
 * each thread does all that it does within one zone, as an archive's workers do; else each operation has its own.
 * Prints: operation, threads, raw/s, hsmime/s, ratio, separated by tabs: the median of the turns.
 */
#include "raw_token.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/provider.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "engine/engine.h"
#include "engine/provider/provider.h"
#include "engine/zone.h"

#define MAX_THREADS 64
#define TURNS 6
#define TURN_MS 700 /* or $BENCH_TURN_MS */

struct operation {
	const char *name;
	unsigned char id;
	bool decrypt;
	CK_MECHANISM_TYPE mechanism;
	size_t input_len; /* 0: a ciphertext, or a point */
};

static const struct operation operations[] = {
	{ "rsa-sign", 1, false, CKM_RSA_PKCS, 51 },
	{ "rsa-decrypt", 1, true, CKM_RSA_PKCS, 0 },
	{ "ec-sign", 2, false, CKM_ECDSA, 32 },
	{ "ec-derive", 2, true, CKM_ECDH1_DERIVE, 0 },
};

/* SHA-256's DigestInfo without the digest (RFC 8017 section 9.2 note 1). */
static const unsigned char digest_info[] = { 0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48,
	0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20 };

struct bench {
	const struct operation *op;
	struct raw_token token;
	OSSL_LIB_CTX *libctx;
	EVP_PKEY *key;
	EVP_PKEY *peer; /* of a derivation */
	unsigned char input[1024];
	size_t input_len;
	atomic_bool stop;
	atomic_ulong done;
};

static void fail(const char *what)
{
	fprintf(stderr, "%s failed\n", what);
	ERR_print_errors_fp(stderr);
	exit(1);
}

/* As hsmime does it: the secret is made, read and destroyed. */
static void raw_derive(struct bench *b, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key)
{
	CK_ECDH1_DERIVE_PARAMS params = { CKD_NULL, 0, NULL, b->input_len, b->input };
	CK_MECHANISM mechanism = { CKM_ECDH1_DERIVE, &params, sizeof(params) };
	CK_OBJECT_CLASS object_class = CKO_SECRET_KEY;
	CK_KEY_TYPE type = CKK_GENERIC_SECRET;
	CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
	CK_ATTRIBUTE template[] = { { CKA_CLASS, &object_class, sizeof(object_class) },
		{ CKA_KEY_TYPE, &type, sizeof(type) }, { CKA_TOKEN, &no, sizeof(no) },
		{ CKA_SENSITIVE, &no, sizeof(no) }, { CKA_EXTRACTABLE, &yes, sizeof(yes) } };
	unsigned char secret[64];
	CK_ATTRIBUTE value = { CKA_VALUE, secret, sizeof(secret) };
	CK_FUNCTION_LIST *f = b->token.f;
	CK_OBJECT_HANDLE object = 0;

	raw_check(f->C_DeriveKey(session, &mechanism, key, template, 5, &object), "C_DeriveKey");
	raw_check(f->C_GetAttributeValue(session, object, &value, 1), "C_GetAttributeValue");
	raw_check(f->C_DestroyObject(session, object), "C_DestroyObject");
}

static void raw_operation(struct bench *b, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key)
{
	CK_MECHANISM mechanism = { b->op->mechanism, NULL, 0 };
	CK_FUNCTION_LIST *f = b->token.f;
	unsigned char out[1024];
	CK_ULONG out_len = sizeof(out);

	if (b->op->mechanism == CKM_ECDH1_DERIVE) {
		raw_derive(b, session, key);
	} else if (b->op->decrypt) {
		raw_check(f->C_DecryptInit(session, &mechanism, key), "C_DecryptInit");
		raw_check(
		    f->C_Decrypt(session, b->input, b->input_len, out, &out_len), "C_Decrypt");
	} else {
		raw_check(f->C_SignInit(session, &mechanism, key), "C_SignInit");
		raw_check(f->C_Sign(session, b->input, b->input_len, out, &out_len), "C_Sign");
	}
}

static void *raw_worker(void *arg)
{
	struct bench *b = arg;
	CK_SESSION_HANDLE session = raw_token_session(&b->token);
	CK_OBJECT_HANDLE key = raw_token_find(&b->token, session, CKO_PRIVATE_KEY, &b->op->id, 1);

	while (!b->stop) {
		raw_operation(b, session, key);
		b->done++;
	}
	raw_check(b->token.f->C_CloseSession(session), "C_CloseSession");
	return NULL;
}

static unsigned call_limit(void)
{
	const char *given = getenv("BENCH_CALL_LIMIT");

	return given != NULL ? bench_number(given) : 0;
}

/* What a thread does again and again has one context, as the bare calls have one session and handle. */
static EVP_PKEY_CTX *evp_begin(struct bench *b)
{
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_pkey(b->libctx, b->key, NULL);
	bool rsa = b->op->mechanism == CKM_RSA_PKCS;
	int ok = 0;

	/* The engine looks at the peer's point for itself, so that src/cms does not ask for that either. */
	if (b->peer != NULL)
		ok =
		    EVP_PKEY_derive_init(c) == 1 && EVP_PKEY_derive_set_peer_ex(c, b->peer, 0) == 1;
	else if (b->op->decrypt)
		ok = EVP_PKEY_decrypt_init(c) == 1 &&
		     EVP_PKEY_CTX_set_rsa_padding(c, RSA_PKCS1_PADDING) == 1;
	else
		ok = EVP_PKEY_sign_init(c) == 1 &&
		     (!rsa || EVP_PKEY_CTX_set_rsa_padding(c, RSA_PKCS1_PADDING) == 1) &&
		     EVP_PKEY_CTX_set_signature_md(c, EVP_sha256()) == 1;
	if (!ok)
		fail("the beginning of an operation");
	return c;
}

static void evp_operation(struct bench *b, EVP_PKEY_CTX *c)
{
	unsigned char out[1024];
	size_t out_len = sizeof(out);
	bool rsa = b->op->mechanism == CKM_RSA_PKCS;
	const unsigned char *digest = b->input + (rsa ? sizeof(digest_info) : 0);
	int ok = 0;

	if (b->peer != NULL)
		ok = EVP_PKEY_derive(c, out, &out_len) == 1;
	else if (b->op->decrypt)
		ok = EVP_PKEY_decrypt(c, out, &out_len, b->input, b->input_len) == 1;
	else
		ok = EVP_PKEY_sign(c, out, &out_len, digest, 32) == 1;
	if (!ok)
		fail("the operation");
}

static int evp_operations(void *arg)
{
	struct bench *b = arg;
	EVP_PKEY_CTX *c = evp_begin(b);

	while (!b->stop) {
		evp_operation(b, c);
		b->done++;
	}
	EVP_PKEY_CTX_free(c);
	return 0;
}

static void *evp_worker(void *arg)
{
	unsigned limit = getenv("BENCH_BATCH") != NULL ? call_limit() : 0;
	struct error err = { 0 };

	if (zone_run(evp_operations, arg, limit, &err) != 0)
		fail(err.message);
	return NULL;
}

static double turn(struct bench *b, void *(*worker)(void *), unsigned threads)
{
	const char *given = getenv("BENCH_TURN_MS");
	unsigned ms = given != NULL ? bench_number(given) : TURN_MS;
	struct timespec length = { ms / 1000, ms % 1000 * 1000000L };
	pthread_t ids[MAX_THREADS];
	double began = bench_now();

	b->stop = false;
	b->done = 0;
	for (unsigned i = 0; i < threads; i++)
		if (pthread_create(&ids[i], NULL, worker, b) != 0)
			fail("pthread_create");
	nanosleep(&length, NULL);
	b->stop = true;
	for (unsigned i = 0; i < threads; i++)
		pthread_join(ids[i], NULL);
	return (double)b->done / (bench_now() - began);
}

static void encrypt_input(struct bench *b)
{
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_pkey(b->libctx, b->key, NULL);
	unsigned char secret[32] = { 7 };

	b->input_len = sizeof(b->input);
	if (EVP_PKEY_encrypt_init(c) != 1 ||
	    EVP_PKEY_CTX_set_rsa_padding(c, RSA_PKCS1_PADDING) != 1 ||
	    EVP_PKEY_encrypt(c, b->input, &b->input_len, secret, sizeof(secret)) != 1)
		fail("EVP_PKEY_encrypt");
	EVP_PKEY_CTX_free(c);
}

/* The public half alone: the provider takes no private key. */
static void make_peer(struct bench *b)
{
	EVP_PKEY *pair = EVP_PKEY_Q_keygen(b->libctx, NULL, "EC", "P-256");
	unsigned char *der = NULL;
	int len = i2d_PUBKEY(pair, &der);
	const unsigned char *at = der;

	b->peer = d2i_PUBKEY_ex(NULL, &at, len, b->libctx, NULL);
	OPENSSL_free(der);
	EVP_PKEY_free(pair);
	if (b->peer == NULL || EVP_PKEY_get_octet_string_param(b->peer, OSSL_PKEY_PARAM_PUB_KEY,
				   b->input, sizeof(b->input), &b->input_len) != 1)
		fail("making a peer");
}

static void prepare_input(struct bench *b, EVP_PKEY *public_key)
{
	EVP_PKEY *key = b->key;

	if (b->op->mechanism == CKM_ECDH1_DERIVE) {
		make_peer(b);
		return;
	}
	if (b->op->decrypt) {
		b->key = public_key;
		encrypt_input(b);
		b->key = key;
		return;
	}
	memcpy(b->input, digest_info, sizeof(digest_info));
	b->input_len = b->op->input_len;
}

static void open_key(struct bench *b)
{
	struct engine_options options = { .module = bench_env("HSMIME_MODULE"),
		.token_label = bench_env("BENCH_TOKEN"),
		.pin_source = bench_env("HSMIME_PIN_SOURCE"),
		.call_limit = call_limit() };
	struct engine *engine = NULL;
	struct engine_found found = { 0 };
	struct error err = { 0 };
	char uri[64];

	b->libctx = OSSL_LIB_CTX_new();
	if (b->libctx == NULL || OSSL_PROVIDER_load(b->libctx, "default") == NULL ||
	    OSSL_PROVIDER_add_builtin(b->libctx, PROVIDER_NAME, provider_init) != 1 ||
	    OSSL_PROVIDER_load(b->libctx, PROVIDER_NAME) == NULL)
		fail("OpenSSL's start");
	snprintf(uri, sizeof(uri), "pkcs11:id=%%%02x", b->op->id);
	if (engine_new(&engine, &options, &err) != 0 ||
	    engine_find_key(
		&found, engine, uri, b->op->decrypt ? ENGINE_DECRYPT : ENGINE_SIGN, &err) != 0 ||
	    provider_wrap_key(&b->key, b->libctx, found.key, &err) != 0)
		fail(err.message);
	prepare_input(b, token_key_public(found.key));
	engine_found_free(&found);
	engine_free(engine);
}

static const struct operation *operation_named(const char *name)
{
	for (size_t i = 0; i < sizeof(operations) / sizeof(*operations); i++)
		if (strcmp(operations[i].name, name) == 0)
			return &operations[i];
	fail(name);
	return NULL;
}

/* Each copy of the module reads the variable when it is loaded. */
static void open_both(struct bench *b, unsigned sessions)
{
	char text[16];

	if (sessions == 0) {
		open_key(b);
		raw_token_open(&b->token);
		return;
	}
	raw_token_load(&b->token, bench_env("BENCH_RAW_MODULE"));
	snprintf(text, sizeof(text), "%u", sessions);
	setenv("LATENCY_SESSIONS", text, 1);
	open_key(b);
	raw_token_login(&b->token);
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Of TURNS values, which are put in order. */
static double median(double *values)
{
	qsort(values, TURNS, sizeof(*values), by_size);
	return (values[(TURNS - 1) / 2] + values[TURNS / 2]) / 2;
}

int main(int argc, char **argv)
{
	double raw[TURNS], evp[TURNS], ratio[TURNS];
	static struct bench b;
	unsigned threads = argc == 3 || argc == 4 ? bench_number(argv[2]) : 0;
	unsigned sessions = argc == 4 ? bench_number(argv[3]) : 0;

	if (threads == 0 || threads > MAX_THREADS || sessions > threads) {
		fprintf(stderr, "usage: %s OPERATION THREADS [SESSIONS]\n", argv[0]);
		return 2;
	}
	b.op = operation_named(argv[1]);
	open_both(&b, sessions);
	for (unsigned i = 0; i < TURNS; i++) {
		raw[i] = turn(&b, raw_worker, sessions > 0 ? sessions : threads);
		evp[i] = turn(&b, evp_worker, threads);
		ratio[i] = raw[i] > 0 ? evp[i] / raw[i] : 0;
	}
	printf("%s\t%u\t%.0f\t%.0f\t%.2f\n", b.op->name, threads, median(raw), median(evp),
	    median(ratio));
	EVP_PKEY_free(b.key);
	EVP_PKEY_free(b.peer);
	OSSL_LIB_CTX_free(b.libctx);
	return 0;
}
