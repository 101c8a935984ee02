/* Threads that decrypt, agree and shake hands side by side, with the keys of one token. */
#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>

#include <openssl/err.h>
#include <openssl/rsa.h>
#include <openssl/ssl.h>

#include "provider_rig.h"

#define THREADS 8
#define ROUNDS 6

static const unsigned char text[] = "Agreed: 1000 units at 5.";

/* What the threads share. */
static struct {
	OSSL_LIB_CTX *libctx;
	EVP_PKEY *keys[RIG_KEYS];
	unsigned char data[256]; /* text, encrypted for key 1 */
	size_t len;
	EVP_PKEY *peer; /* of agreements with key 3 */
	unsigned char secret[66];
	size_t secret_len;
	X509 *certs[RIG_KEYS];
} crowd;
static atomic_int failed, done;

static bool decrypts(void)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(crowd.libctx, crowd.keys[1], NULL);
	unsigned char plain[256];
	size_t len = sizeof(plain);
	bool ok = EVP_PKEY_decrypt_init(ctx) == 1 &&
		  EVP_PKEY_decrypt(ctx, plain, &len, crowd.data, crowd.len) == 1 &&
		  len == sizeof(text) && memcmp(plain, text, sizeof(text)) == 0;

	EVP_PKEY_CTX_free(ctx);
	return ok;
}

/* The agreed secret of key and peer. */
static bool derive(unsigned char *secret, size_t *len, EVP_PKEY *key, EVP_PKEY *peer)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(crowd.libctx, key, NULL);
	bool ok = EVP_PKEY_derive_init(ctx) == 1 && EVP_PKEY_derive_set_peer(ctx, peer) == 1 &&
		  EVP_PKEY_derive(ctx, secret, len) == 1;

	EVP_PKEY_CTX_free(ctx);
	return ok;
}

static EVP_PKEY *public_of(EVP_PKEY *pair)
{
	unsigned char *der = NULL;
	const unsigned char *p;
	int len = i2d_PUBKEY(pair, &der);
	EVP_PKEY *public;

	assert_true(len > 0);
	p = der;
	public = d2i_PUBKEY(NULL, &p, len);
	assert_non_null(public);
	OPENSSL_free(der);
	return public;
}

static void make_data(void)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(rig.software[1], NULL);
	EVP_PKEY *peer = EVP_PKEY_Q_keygen(crowd.libctx, NULL, "EC", "P-256");

	crowd.len = sizeof(crowd.data);
	assert_int_equal(EVP_PKEY_encrypt_init(ctx), 1);
	assert_int_equal(EVP_PKEY_encrypt(ctx, crowd.data, &crowd.len, text, sizeof(text)), 1);
	EVP_PKEY_CTX_free(ctx);
	crowd.secret_len = sizeof(crowd.secret);
	assert_true(derive(crowd.secret, &crowd.secret_len, peer, rig.software[3]));
	crowd.peer = public_of(peer);
	EVP_PKEY_free(peer);
}

static int set_up(void **state)
{
	int r = rig_setup(state);

	rig_reset(state);
	crowd.libctx = rig_context("default", "hsmime");
	for (int id = 1; id <= 3; id += 2) {
		struct softtoken_cert c = { "server", NULL, "digitalSignature,keyEncipherment",
			-3600, 864000 };

		crowd.keys[id] = rig_key(crowd.libctx, id);
		crowd.certs[id] = softtoken_issue(&rig.token, rig.software[id], &c);
	}
	make_data();
	return r;
}

static int tear_down(void **state)
{
	for (int id = 1; id <= 3; id += 2) {
		EVP_PKEY_free(crowd.keys[id]);
		X509_free(crowd.certs[id]);
	}
	EVP_PKEY_free(crowd.peer);
	rig_close(crowd.libctx);
	return rig_teardown(state);
}

static bool agrees(void)
{
	unsigned char secret[66];
	size_t len = sizeof(secret);

	return derive(secret, &len, crowd.keys[3], crowd.peer) && len == crowd.secret_len &&
	       memcmp(secret, crowd.secret, len) == 0;
}

/* NULL where anything of it fails. */
static SSL_CTX *server_context(int id, int version, const char *ciphers)
{
	SSL_CTX *ctx = SSL_CTX_new_ex(crowd.libctx, NULL, TLS_server_method());

	if (SSL_CTX_set_min_proto_version(ctx, version) == 1 &&
	    SSL_CTX_set_max_proto_version(ctx, version) == 1 &&
	    (ciphers == NULL || SSL_CTX_set_cipher_list(ctx, ciphers) == 1) &&
	    SSL_CTX_use_certificate(ctx, crowd.certs[id]) == 1 &&
	    SSL_CTX_use_PrivateKey(ctx, crowd.keys[id]) == 1)
		return ctx;
	SSL_CTX_free(ctx);
	return NULL;
}

/* It trusts the authority that the certificates are of. */
static SSL_CTX *client_context(const char *ciphers)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	if (X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), rig.token.ca) == 1 &&
	    (ciphers == NULL || SSL_CTX_set_cipher_list(ctx, ciphers) == 1))
		return ctx;
	SSL_CTX_free(ctx);
	return NULL;
}

/* Each takes a step where it can, until both are through or one has failed. */
static bool shake(SSL *server, SSL *client)
{
	SSL *const ends[2] = { client, server };

	for (int steps = 0; steps < 32; steps++) {
		SSL *end = ends[steps % 2];
		int r = SSL_do_handshake(end);

		if (r != 1 && SSL_get_error(end, r) != SSL_ERROR_WANT_READ)
			return false;
		if (SSL_is_init_finished(server) && SSL_is_init_finished(client))
			return true;
	}
	return false;
}

/* What one writes the other one reads. */
static bool speak(SSL *server, SSL *client)
{
	unsigned char heard[sizeof(text)];

	return SSL_write(client, text, sizeof(text)) == (int)sizeof(text) &&
	       SSL_read(server, heard, sizeof(heard)) == (int)sizeof(heard) &&
	       memcmp(heard, text, sizeof(text)) == 0;
}

static bool connects(int id, int version, const char *ciphers)
{
	SSL_CTX *server_ctx = server_context(id, version, ciphers),
		*client_ctx = client_context(ciphers);
	SSL *server = server_ctx != NULL ? SSL_new(server_ctx) : NULL,
	    *client = client_ctx != NULL ? SSL_new(client_ctx) : NULL;
	BIO *ends[2] = { NULL, NULL };
	bool ok = false;

	if (server != NULL && client != NULL && BIO_new_bio_pair(&ends[0], 0, &ends[1], 0) == 1) {
		SSL_set_bio(server, ends[0], ends[0]);
		SSL_set_bio(client, ends[1], ends[1]);
		SSL_set_accept_state(server);
		SSL_set_connect_state(client);
		ok = shake(server, client) && speak(server, client);
	}
	SSL_free(server);
	SSL_free(client);
	SSL_CTX_free(server_ctx);
	SSL_CTX_free(client_ctx);
	return ok;
}

static bool shakes_hands_by_rsa_signature(void)
{
	return connects(1, TLS1_3_VERSION, NULL);
}

static bool shakes_hands_by_ecdsa(void)
{
	return connects(3, TLS1_3_VERSION, NULL);
}

static bool shakes_hands_by_rsa_key_exchange(void)
{
	return connects(1, TLS1_2_VERSION, "AES128-SHA256");
}

static void *work(void *arg)
{
	static bool (*const kinds[])(void) = { decrypts, agrees, shakes_hands_by_rsa_signature,
		shakes_hands_by_rsa_key_exchange, shakes_hands_by_ecdsa };
	const size_t count = sizeof(kinds) / sizeof(kinds[0]);

	for (size_t i = 0; i < ROUNDS; i++) {
		if (!kinds[(*(size_t *)arg + i) % count]())
			atomic_fetch_add(&failed, 1);
		atomic_fetch_add(&done, 1);
	}
	OPENSSL_thread_stop();
	return NULL;
}

static void run(void)
{
	pthread_t threads[THREADS];
	size_t numbers[THREADS];

	atomic_store(&failed, 0);
	atomic_store(&done, 0);
	for (size_t i = 0; i < THREADS; i++) {
		numbers[i] = i;
		assert_int_equal(pthread_create(&threads[i], NULL, work, &numbers[i]), 0);
	}
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_int_equal(done, THREADS * ROUNDS);
}

static void decryptions_agreements_and_handshakes_go_on_side_by_side(void **state)
{
	(void)state;
	run();
	assert_int_equal(failed, 0);
	/* One login for all, and they were at it together. */
	assert_in_range(rig.proxy->count("C_Login"), 0, 1);
	assert_true(rig.proxy->overlaps() > 0);
	assert_true(rig.proxy->count("C_Decrypt") >= THREADS);
	assert_true(rig.proxy->count("C_DeriveKey") >= THREADS);
	assert_true(rig.proxy->count("C_Sign") >= THREADS);
}

/* The twin: what the token refuses is seen, each by the one whom it hit. */
static void those_that_the_token_refuses_fail_alone(void **state)
{
	(void)state;
	rig.proxy->refuse("C_Sign", CKR_DEVICE_ERROR, 0, 2);
	run();
	assert_int_equal(failed, 2);
}

/* A handshake that a wrong key is behind does not come about. */
static void a_handshake_with_another_key_s_certificate_fails(void **state)
{
	X509 *own = crowd.certs[1];

	(void)state;
	crowd.certs[1] = crowd.certs[3];
	assert_false(connects(1, TLS1_3_VERSION, NULL));
	crowd.certs[1] = own;
	assert_true(connects(1, TLS1_3_VERSION, NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(
		    decryptions_agreements_and_handshakes_go_on_side_by_side, rig_reset),
		cmocka_unit_test_setup(those_that_the_token_refuses_fail_alone, rig_reset),
		cmocka_unit_test_setup(a_handshake_with_another_key_s_certificate_fails, rig_reset),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
