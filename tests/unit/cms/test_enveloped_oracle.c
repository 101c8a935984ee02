/* Nothing that is seen from outside tells why a message can't be decrypted (RFC 3218, RFC 8551 section 6). */
#include "cms/enveloped_support.h"

#include <openssl/core_names.h>
#include <openssl/hmac.h>
#include <openssl/rsa.h>

#include "cms/content_decrypt.h"
#include "cms/content_key.h"
#include "cms/enveloped_build.h"

#define LEN 1000
#define MODULUS 128
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct party rsa;
static struct party stranger;
static unsigned char *plain;

static int setup(void **state)
{
	(void)state;
	rsa = party_rsa(1);
	stranger = party_rsa(2);
	plain = some_octets(LEN);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	party_free(&rsa);
	party_free(&stranger);
	free(plain);
	return 0;
}

/* Where the encryptedKey's octets are: the only OCTET STRING of the modulus' length. */
static unsigned char *encrypted_key(const struct buffer *message)
{
	static const unsigned char header[] = { 0x04, 0x81, MODULUS };

	for (size_t i = 0; i + sizeof(header) + MODULUS <= message->len; i++) {
		if (memcmp(message->data + i, header, sizeof(header)) == 0)
			return message->data + i + sizeof(header);
	}
	fail_msg("no encrypted key found");
	return NULL;
}

static void encrypt_to(
    unsigned char *out, EVP_PKEY *key, int padding, const unsigned char *data, size_t len)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
	size_t made = MODULUS;

	assert_true(EVP_PKEY_encrypt_init(ctx) > 0);
	assert_true(EVP_PKEY_CTX_set_rsa_padding(ctx, padding) > 0);
	assert_true(EVP_PKEY_encrypt(ctx, out, &made, data, len) > 0);
	assert_int_equal(made, MODULUS);
	EVP_PKEY_CTX_free(ctx);
}

enum fault {
	WRONG_TYPE, /* 00 01: a signature's padding */
	NO_SEPARATOR,
	SHORT_PADDING, /* the separator within the first eight octets */
	KEY_EMPTY,
	KEY_SHORT,
	KEY_LONG,
	WRONG_KEY, /* right length, another key */
	NOISE,
	OVER_MODULUS,
	FAULTS
};

static void raw(unsigned char *out, unsigned type, size_t separator)
{
	unsigned char block[MODULUS];

	memset(block, 0x5a, sizeof(block));
	block[0] = 0;
	block[1] = (unsigned char)type;
	if (separator != 0)
		block[separator] = 0;
	encrypt_to(out, rsa.key, RSA_NO_PADDING, block, sizeof(block));
}

static void spoil(unsigned char *at, enum fault fault, size_t key_len)
{
	unsigned char key[64] = { 0x11 };

	switch (fault) {
	case WRONG_TYPE:
		raw(at, 1, MODULUS - key_len - 1);
		break;
	case NO_SEPARATOR:
		raw(at, 2, 0);
		break;
	case SHORT_PADDING:
		raw(at, 2, 5);
		break;
	case KEY_EMPTY:
	case KEY_SHORT:
	case KEY_LONG:
	case WRONG_KEY:
		encrypt_to(at, rsa.key, RSA_PKCS1_PADDING, key,
		    fault == KEY_EMPTY   ? 0
		    : fault == KEY_SHORT ? key_len - 1
		    : fault == KEY_LONG  ? key_len + 1
					 : key_len);
		break;
	case NOISE:
		memset(at, 0x37, MODULUS);
		break;
	default:
		memset(at, 0xff, MODULUS);
	}
}

static void same_traces(const struct opening *a, const struct opening *b, const char *what)
{
	if (a->status != b->status || strcmp(a->err.message, b->err.message) != 0 ||
	    strcmp(a->err.hint, b->err.hint) != 0)
		fail_msg("%s: %d %s / %d %s", what, a->status, a->err.message, b->status,
		    b->err.message);
	assert_int_equal(a->write_count, b->write_count);
	assert_memory_equal(a->writes, b->writes, sizeof(a->writes[0]) * a->write_count);
	assert_int_equal(a->finds, b->finds);
	assert_int_equal(a->read_backs, b->read_backs);
	assert_int_equal(a->result.count, b->result.count);
}

/* Of the authenticated ciphers every fault looks like altered content under the right key. */
static void faults_look_alike(const struct building *b, const char *what)
{
	struct opening good = { .key = rsa.key };
	struct buffer message;

	build(&message, b, plain, LEN);
	message.data[message.len - 200] ^= 1;
	assert_int_equal(open_message(&good, message.data, message.len), HSMIME_EINVALID);
	message.data[message.len - 200] ^= 1;
	for (enum fault f = 0; f < FAULTS; f++) {
		struct opening bad = { .key = rsa.key };

		spoil(encrypted_key(&message), f, 16);
		open_message(&bad, message.data, message.len);
		same_traces(&good, &bad, what);
		opening_clear(&bad);
	}
	opening_clear(&good);
	buffer_free(&message);
}

static void every_fault_looks_like_altered_content(void **state)
{
	struct building b = { .to = &rsa, .authenticated = true };

	(void)state;
	faults_look_alike(&b, "GCM");
	b.attributes = true;
	faults_look_alike(&b, "GCM with attributes");
	b.indefinite = true;
	faults_look_alike(&b, "GCM, BER");
}

static void a_key_of_another_person_looks_like_altered_content(void **state)
{
	struct building b = { .to = &rsa, .authenticated = true };
	struct opening good = { .key = rsa.key };
	struct opening bad = { .key = stranger.key };
	struct buffer message;

	(void)state;
	build(&message, &b, plain, LEN);
	open_message(&bad, message.data, message.len);
	message.data[message.len - 1] ^= 1;
	open_message(&good, message.data, message.len);
	assert_int_equal(good.status, HSMIME_EINVALID);
	same_traces(&good, &bad, "stranger");
	opening_clear(&good);
	opening_clear(&bad);
	buffer_free(&message);
}

/*
 * CBC: about one wrong key in 256 leaves valid padding, and then the octets are
 * garbage with status 0. All writes but the last are the same always.
 */
static void cbc_faults_write_alike(void **state)
{
	struct building b = { .to = &rsa };
	struct buffer message;
	int refused = 0;

	(void)state;
	build(&message, &b, plain, LEN);
	for (int i = 0; i < FAULTS * 4; i++) {
		struct opening bad = { .key = rsa.key, .secret = (unsigned char)i };

		spoil(encrypted_key(&message), (enum fault)(i % FAULTS), 16);
		open_message(&bad, message.data, message.len);
		refused += bad.status == HSMIME_EINVALID;
		assert_true(bad.status == HSMIME_EINVALID || bad.status == 0);
		assert_int_equal(bad.writes[0], 1008 - 16);
		assert_int_equal(bad.write_count, 1 + (bad.plain.len > 1008 - 16));
		assert_int_equal(bad.finds, 1);
		if (bad.status != 0)
			assert_string_equal(bad.err.message, "the message could not be decrypted");
		opening_clear(&bad);
	}
	assert_true(refused > FAULTS * 2);
	buffer_free(&message);
}

/*
 * OpenSSL from 3.2 on answers bad padding with octets of its own, the same each time and of some length: once in
 * 250 it is that of the content key.
 */
static bool openssl_gives_a_key(const struct buffer *message, size_t key_len)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(rsa.key, NULL);
	unsigned char out[MODULUS];
	size_t len = sizeof(out);
	int done;

	assert_non_null(ctx);
	assert_int_equal(EVP_PKEY_decrypt_init(ctx), 1);
	done = EVP_PKEY_decrypt(ctx, out, &len, encrypted_key(message), MODULUS);
	EVP_PKEY_CTX_free(ctx);
	return done == 1 && len == key_len;
}

static void a_replayed_message_gives_the_same_octets(void **state)
{
	struct building b = { .to = &rsa };
	struct buffer message;

	(void)state;
	build(&message, &b, plain, LEN);
	for (enum fault f = 0; f < FAULTS; f++) {
		struct opening first = { .key = rsa.key };
		struct opening other = { .key = rsa.key, .secret = 1 };

		spoil(encrypted_key(&message), f, 16);
		open_message(&first, message.data, message.len);
		for (int i = 0; i < 20; i++) {
			struct opening again = { .key = rsa.key };

			open_message(&again, message.data, message.len);
			same_traces(&first, &again, "replay");
			assert_int_equal(first.plain.len, again.plain.len);
			assert_memory_equal(first.plain.data, again.plain.data, first.plain.len);
			opening_clear(&again);
		}
		open_message(&other, message.data, message.len);
		if (!openssl_gives_a_key(&message, 16))
			assert_memory_not_equal(first.plain.data, other.plain.data, 16);
		else
			assert_memory_equal(first.plain.data, other.plain.data, 16);
		opening_clear(&other);
		opening_clear(&first);
	}
	buffer_free(&message);
}

static int choose_key(
    struct secret *out, const unsigned char *encrypted, size_t len, const unsigned char *secret)
{
	struct cms_env env = { NULL, NULL };
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(rsa.key, NULL);
	struct content_key_input in = { encrypted, len, OBJ_nid2obj(NID_aes_256_cbc), 32, secret };
	int status;

	assert_true(EVP_PKEY_decrypt_init(ctx) > 0);
	assert_true(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) > 0);
	status = content_key_choose(out, ctx, rsa.key, &in, &env);
	EVP_PKEY_CTX_free(ctx);
	return status;
}

static void the_substitute_is_the_documented_one(void **state)
{
	unsigned char encrypted[MODULUS];
	unsigned char secret[32] = { 7 };
	unsigned char expected[32];
	unsigned char *spki = NULL;
	unsigned char *oid = NULL;
	int spki_len = i2d_PUBKEY(rsa.key, &spki);
	int oid_len = i2d_ASN1_OBJECT(OBJ_nid2obj(NID_aes_256_cbc), &oid);
	struct buffer all;
	struct secret key;

	(void)state;
	memset(encrypted, 0x42, sizeof(encrypted));
	buffer_init(&all, SUPPORT_MAX);
	buffer_add(&all, spki, (size_t)spki_len);
	buffer_add(&all, encrypted, sizeof(encrypted));
	buffer_add(&all, oid, (size_t)oid_len);
	assert_non_null(HMAC(EVP_sha256(), secret, 32, all.data, all.len, expected, NULL));
	assert_int_equal(choose_key(&key, encrypted, sizeof(encrypted), secret), 0);
	assert_int_equal(key.len, 32);
	assert_memory_equal(key.data, expected, 32);
	secret_free(&key);
	assert_int_equal(choose_key(&key, encrypted, 5, secret), 0);
	secret_free(&key);
	assert_int_equal(choose_key(&key, encrypted, 5, NULL), HSMIME_EUSAGE);
	assert_null(key.data);
	buffer_free(&all);
	OPENSSL_free(spki);
	OPENSSL_free(oid);
}

/* The token sees the same number; whoever sends it in several ways must not learn anything either. */
static void a_number_written_in_another_way_has_the_same_substitute(void **state)
{
	unsigned char encrypted[MODULUS + 1] = { 0 };
	unsigned char secret[32] = { 7 };
	struct secret key, other;
	BIGNUM *n = NULL;
	BIGNUM *sum;

	(void)state;
	encrypted[MODULUS] = 5;
	assert_int_equal(choose_key(&key, encrypted + 1, MODULUS, secret), 0);
	for (size_t zeros = 0; zeros < MODULUS; zeros += 63) {
		assert_int_equal(
		    choose_key(&other, encrypted + 1 + zeros, MODULUS - zeros, secret), 0);
		assert_memory_equal(key.data, other.data, 32);
		secret_free(&other);
	}
	assert_int_equal(EVP_PKEY_get_bn_param(rsa.key, OSSL_PKEY_PARAM_RSA_N, &n), 1);
	sum = BN_dup(n);
	assert_int_equal(BN_add_word(sum, 5), 1);
	assert_int_equal(BN_bn2binpad(sum, encrypted + 1, MODULUS), MODULUS);
	assert_int_equal(choose_key(&other, encrypted + 1, MODULUS, secret), 0);
	assert_memory_equal(key.data, other.data, 32);
	secret_free(&other);
	secret_free(&key);
	BN_free(sum);
	BN_free(n);
}

static void the_right_key_is_not_substituted(void **state)
{
	unsigned char encrypted[MODULUS];
	unsigned char secret[32] = { 7 };
	unsigned char right[32];
	struct secret key;

	(void)state;
	memset(right, 0x33, sizeof(right));
	encrypt_to(encrypted, rsa.key, RSA_PKCS1_PADDING, right, sizeof(right));
	assert_int_equal(choose_key(&key, encrypted, sizeof(encrypted), secret), 0);
	assert_memory_equal(key.data, right, sizeof(right));
	secret_free(&key);
}

static int padded(struct buffer *out, const unsigned char *block, const char *cipher, size_t size)
{
	static const struct content_params params = { .iv_len = 16 };
	struct cms_env env = { NULL, NULL };
	EVP_CIPHER *evp = EVP_CIPHER_fetch(NULL, cipher, NULL);
	const struct content_cipher *c = content_cipher_by_nid(EVP_CIPHER_get_nid(evp));
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	struct content_decrypt d;
	unsigned char encrypted[32];
	struct content_key key = { 0 };
	hsmime_sink next;
	hsmime_sink sink;
	int len = 0;
	int status;

	assert_int_equal(secret_new(&key.octets, c->key_len), 0);
	key.octets.len = c->key_len;
	EVP_EncryptInit_ex2(ctx, evp, key.octets.data, params.iv, NULL);
	EVP_CIPHER_CTX_set_padding(ctx, 0);
	EVP_EncryptUpdate(ctx, encrypted, &len, block, (int)size);
	buffer_reset(out);
	sink_buffer(&next, out);
	assert_int_equal(content_decrypt_open(&sink, &d, c, &params, &key, &next, &env), 0);
	assert_int_equal(sink.write(sink.arg, encrypted, size), 0);
	assert_int_equal(content_decrypt_size(&d), 0);
	status = content_decrypt_finish(&d, NULL, NULL);
	content_decrypt_close(&d);
	content_key_clear(&key);
	EVP_CIPHER_CTX_free(ctx);
	EVP_CIPHER_free(evp);
	return status;
}

/* Every value of the last octet, with each of the octets before it right or wrong. */
static void padding_of(const char *cipher, unsigned size)
{
	struct buffer out;

	buffer_init(&out, 64);
	for (unsigned pad = 0; pad < 256; pad++) {
		for (unsigned wrong = 0; wrong < size; wrong++) {
			unsigned char block[16];
			bool valid = pad >= 1 && pad <= size;

			memset(block, (int)pad, size);
			/* wrong counts from the end; 0: nothing is altered */
			if (wrong > 0)
				block[size - 1 - wrong] ^= 0x80;
			valid = valid && (wrong == 0 || wrong >= pad);
			assert_int_equal(
			    padded(&out, block, cipher, size), valid ? 0 : HSMIME_EINVALID);
			assert_int_equal(out.len, valid ? size - pad : 0);
		}
	}
	buffer_free(&out);
}

static void padding_is_checked_whole(void **state)
{
	(void)state;
	padding_of("AES-128-CBC", 16);
	padding_of("DES-EDE3-CBC", 8);
}

static void gcm_content_over_its_limit_is_malformed(void **state)
{
	struct cms_env env = { NULL, NULL };
	struct content_decrypt d;
	hsmime_sink nowhere;
	hsmime_sink sink;

	(void)state;
	sink_null(&nowhere);
	assert_int_equal(content_decrypt_open(&sink, &d, content_cipher_by_name("aes-128-gcm"),
			     NULL, NULL, &nowhere, &env),
	    0);
	d.size = CONTENT_GCM_MAX - 1;
	assert_int_equal(sink.write(sink.arg, "x", 1), 0);
	assert_int_equal(sink.write(sink.arg, "x", 1), HSMIME_EFORMAT);
	content_decrypt_close(&d);
}

/* An integrity failure of key wrap is no oracle, but it looks the same and writes nothing. */
static void a_wrong_ec_key_writes_nothing(void **state)
{
	struct party ec = party_ec("P-256", 3);
	struct party other = party_ec("P-256", 4);
	struct party curve = party_ec("P-384", 5);
	EVP_PKEY *keys[] = { other.key, curve.key };
	struct sealing s = { .to = { &ec }, .cipher = "aes-256-cbc" };
	struct buffer message;

	(void)state;
	seal(&message, &s, plain, LEN);
	for (size_t i = 0; i < COUNT(keys); i++) {
		struct opening o = { .key = keys[i] };

		assert_int_equal(open_message(&o, message.data, message.len), HSMIME_EINVALID);
		assert_string_equal(o.err.message, "the message could not be decrypted");
		assert_int_equal(o.write_count, 0);
		opening_clear(&o);
	}
	buffer_free(&message);
	party_free(&ec);
	party_free(&other);
	party_free(&curve);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_fault_looks_like_altered_content),
		cmocka_unit_test(a_key_of_another_person_looks_like_altered_content),
		cmocka_unit_test(cbc_faults_write_alike),
		cmocka_unit_test(a_replayed_message_gives_the_same_octets),
		cmocka_unit_test(the_substitute_is_the_documented_one),
		cmocka_unit_test(a_number_written_in_another_way_has_the_same_substitute),
		cmocka_unit_test(the_right_key_is_not_substituted),
		cmocka_unit_test(padding_is_checked_whole),
		cmocka_unit_test(gcm_content_over_its_limit_is_malformed),
		cmocka_unit_test(a_wrong_ec_key_writes_nothing),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
