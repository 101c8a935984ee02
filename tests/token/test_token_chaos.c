/*
 * Random faults under several threads. Every operation succeeds with a right result, or fails
 * with a status that one of its faults may become, one without a fault only succeeds; no PIN is sent twice, no session is left open,
 * nothing waits for ever. $CHAOS_SEED repeats a run (as far as threads repeat), $CHAOS_OPERATIONS
 * says how long it is.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

#include <openssl/ec.h>
#include <openssl/rsa.h>

#include "chaos.h"
#include "engine/public_key.h"
#include "engine/watch.h"
#include "operate.h"
#include "softtoken.h"

#define THREADS 4
#define OPERATIONS 20000
#define EPOCH 500        /* operations with one engine */
#define TIME_OUT 280     /* seconds without an epoch's end */
#define CALL_LIMIT 30000 /* milliseconds: no call hangs here, so none is to be given up */

static struct softtoken st;
static const struct proxy *proxy;
static CK_FUNCTION_LIST *f;
static struct engine *e;
static struct token_key *rsa, *signs, *agrees;
static uint64_t seed;
static atomic_ulong done[2]; /* failed, succeeded */
static atomic_int wrong;

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

static ptrdiff_t person(void *arg, const hsmime_pin_request *request, char *buf, size_t size)
{
	(void)arg;
	(void)request;
	snprintf(buf, size, "%s", SOFTTOKEN_PIN);
	return (ptrdiff_t)strlen(SOFTTOKEN_PIN);
}

static int set_up(void **state)
{
	const char *given = getenv("CHAOS_SEED");

	(void)state;
	seed = given != NULL ? strtoull(given, NULL, 0)
			     : (uint64_t)time(NULL) << 16 ^ (uint64_t)getpid();
	printf("CHAOS_SEED=%llu\n", (unsigned long long)seed);
	fflush(stdout);
	softtoken_begin(&st);
	softtoken_add(&st, "Chaos");
	EVP_PKEY_free(softtoken_rsa(&st, 1, "rsa", 1024, KEY_SIGN | KEY_DECRYPT));
	EVP_PKEY_free(softtoken_ec(&st, 2, "ec", "P-256", KEY_SIGN | KEY_DERIVE));
	softtoken_seal(&st);
	proxy = softtoken_proxy();
	f = softtoken_proxy_functions();
	peer = EVP_EC_gen("P-256");
	peer_point_len = sizeof(peer_point);
	assert_true(public_key_point(peer_point, &peer_point_len, peer));
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	EVP_PKEY_free(peer);
	softtoken_end(&st);
	return 0;
}

/* In threads nothing is asserted: what is wrong is said and counted. */
static void complain(
    const char *what, const struct chaos_operation *o, int status, const struct error *err)
{
	printf("%s: status %d, %u faults, the last CKR 0x%lx in %s%s: %s\n", what, status,
	    o->faults, o->last, o->last_name != NULL ? o->last_name : "nothing",
	    chaos_disturbed(o) ? ", disturbed" : "", err->message);
	fflush(stdout);
	atomic_fetch_add(&wrong, 1);
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
	int r = engine_find_key(&found, e, "pkcs11:token=Chaos;id=%02", ENGINE_SIGN, err);

	(void)o;
	*right = (r == 0) == (found.key != NULL);
	if (r == 0)
		*right &= EVP_PKEY_eq(token_key_public(found.key), token_key_public(signs)) == 1;
	engine_found_free(&found);
	return r;
}

/* Mostly what is quick. What agrees comes last, so that no other operation closes a session with a secret left in it. */
static int (*const operations[])(bool *right, struct chaos_operation *o, struct error *err) = {
	sign_ec,
	sign_ec,
	sign_ec,
	sign_ec,
	sign_ec,
	sign_rsa,
	decrypt,
	decrypt_or_substitute,
	find,
	agree,
	agree,
	agree,
};

static const char *const names[] = { "sign EC", "sign EC", "sign EC", "sign EC", "sign EC",
	"sign RSA", "decrypt", "decrypt or substitute", "find", "agree", "agree", "agree" };

#define OPERATION_KINDS (sizeof(operations) / sizeof(operations[0]))

static void one(void)
{
	struct chaos_operation o = { 0 };
	struct error err = { 0 };
	unsigned which = chaos_random(OPERATION_KINDS);
	bool right = false;
	int r;

	chaos_enter(&o);
	r = operations[which](&right, &o, &err);
	chaos_leave();
	if (!right)
		complain(names[which], &o, r, &err);
	if (!chaos_may_end(&o, r))
		complain(names[which], &o, r, &err);
	atomic_fetch_add(&done[r == 0], 1);
}

static void *work(void *arg)
{
	chaos_thread(seed, *(unsigned *)arg);
	for (int i = 0; i < EPOCH / THREADS; i++)
		one();
	return NULL;
}

static void run_threads(unsigned long epoch)
{
	pthread_t threads[THREADS];
	unsigned numbers[THREADS];

	for (unsigned i = 0; i < THREADS; i++) {
		numbers[i] = (unsigned)epoch * THREADS + i;
		assert_int_equal(pthread_create(&threads[i], NULL, work, &numbers[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
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

static void open_engine(void)
{
	struct engine_options options = {
		.module = PROXY_MODULE, .pin_callback = person, .call_limit = CALL_LIMIT
	};
	EVP_PKEY_CTX *ctx = NULL;
	struct error err = { 0 };

	if (engine_new(&e, &options, &err) != 0)
		fail_msg("%s", err.message);
	rsa = operate_key(e, "pkcs11:token=Chaos;id=%01", ENGINE_DECRYPT);
	signs = operate_key(e, "pkcs11:token=Chaos;id=%02", ENGINE_SIGN);
	agrees = operate_key(e, "pkcs11:token=Chaos;id=%02", ENGINE_DECRYPT);
	encrypt_all();
	ctx = EVP_PKEY_CTX_new(peer, NULL);
	shared_len = sizeof(shared);
	assert_int_equal(EVP_PKEY_derive_init(ctx), 1);
	assert_int_equal(EVP_PKEY_derive_set_peer(ctx, token_key_public(signs)), 1);
	assert_int_equal(EVP_PKEY_derive(ctx, shared, &shared_len), 1);
	EVP_PKEY_CTX_free(ctx);
}

static void close_engine(void)
{
	token_key_free(rsa);
	token_key_free(signs);
	token_key_free(agrees);
	engine_free(e);
	e = NULL;
}

/* Once nothing is sabotaged any more everything works, unless the PIN was refused. */
static void all_is_well_again(void)
{
	for (size_t i = 0; i < OPERATION_KINDS; i++) {
		struct chaos_operation o = { 0 };
		struct error err = { 0 };
		bool right = false;
		int r;

		chaos_enter(&o);
		r = operations[i](&right, &o, &err);
		chaos_leave();
		if (!right || (r != 0 && (r != HSMIME_EPIN || !chaos_pin_refused())))
			complain("not well again", &o, r, &err);
	}
}

/* The module is the program's, so that the engine has to close its own sessions. */
static void run_epoch(unsigned long epoch)
{
	proxy->reset();
	assert_int_equal(
	    f->C_Initialize(&(CK_C_INITIALIZE_ARGS){ .flags = CKF_OS_LOCKING_OK }), CKR_OK);
	open_engine();
	chaos_thread(seed, ~(unsigned)epoch);
	chaos_begin(proxy, f, softtoken_slot(f, "Chaos"));
	run_threads(epoch);
	chaos_end();
	all_is_well_again();
	assert_int_equal(chaos_sent_twice(), 0);
	/* No secret that was agreed upon is left. */
	assert_int_equal(operate_secret_keys("Chaos"), 0);
	close_engine();
	assert_int_equal(watch_hanging(), 0);
	assert_int_equal(proxy->sessions(), 0);
	assert_int_equal(f->C_Finalize(NULL), CKR_OK);
}

static void every_operation_is_right_or_fails_for_its_fault(void **state)
{
	const char *given = getenv("CHAOS_OPERATIONS");
	unsigned long operations_wanted = given != NULL ? strtoul(given, NULL, 0) : OPERATIONS;

	(void)state;
	for (unsigned long epoch = 0; epoch * EPOCH < operations_wanted; epoch++) {
		alarm(TIME_OUT);
		run_epoch(epoch);
		if (epoch % 200 == 199)
			chaos_report();
	}
	alarm(0);
	chaos_report();
	printf("chaos: %lu operations succeeded, %lu failed\n", atomic_load(&done[1]),
	    atomic_load(&done[0]));
	assert_int_equal(wrong, 0);
	/* One refused PIN early on ends a short run's successes. */
	assert_true(
	    atomic_load(&done[1]) > (operations_wanted < OPERATIONS ? 0 : operations_wanted / 2));
	assert_true(atomic_load(&done[0]) > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_operation_is_right_or_fails_for_its_fault),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
