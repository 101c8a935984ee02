#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>

#include "engine/padding.h"
#include "rsa.h"

static const unsigned char label[] = "a label; of \0 any octets";

static void encrypt(
    unsigned char *out, int padding, const struct padding *p, const void *message, size_t len)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(rsa_key, NULL);
	size_t out_len = K;

	assert_int_equal(EVP_PKEY_encrypt_init(ctx), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(ctx, padding), 1);
	if (p != NULL) {
		const char *mgf = p->mgf1_digest != NULL ? p->mgf1_digest : p->digest;

		assert_int_equal(EVP_PKEY_CTX_set_rsa_oaep_md_name(ctx, p->digest, NULL), 1);
		assert_int_equal(EVP_PKEY_CTX_set_rsa_mgf1_md_name(ctx, mgf, NULL), 1);
		if (p->label_len > 0)
			assert_int_equal(
			    EVP_PKEY_CTX_set0_rsa_oaep_label(
				ctx, OPENSSL_memdup(p->label, p->label_len), (int)p->label_len),
			    1);
	}
	assert_int_equal(EVP_PKEY_encrypt(ctx, out, &out_len, message, len), 1);
	EVP_PKEY_CTX_free(ctx);
}

static void what_openssl_pads_by_pkcs1_comes_out(void **state)
{
	static const size_t lengths[] = { 0, 1, 16, 32, K - 12, K - 11 };
	unsigned char message[K], data[K], em[K];

	(void)state;
	memset(message, 0, sizeof(message));
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		size_t start = 0;

		encrypt(data, RSA_PKCS1_PADDING, NULL, message, lengths[i]);
		rsa_raw(em, rsa_key, data, K);
		assert_int_equal(padding_decode_pkcs1(&start, em, K), 1);
		assert_int_equal(K - start, lengths[i]);
		assert_memory_equal(em + start, message, lengths[i]);
	}
}

/* RFC 8017 section 7.2.2 step 3, with branches. */
static size_t plain_pkcs1(size_t *start, const unsigned char *em, size_t k)
{
	size_t at = 2;

	*start = k;
	while (at < k && em[at] != 0)
		at++;
	if (k < 11 || em[0] != 0 || em[1] != 2 || at < 10 || at == k)
		return 0;
	*start = at + 1;
	return 1;
}

static void agrees_on_pkcs1(const unsigned char *em, size_t k, size_t expected)
{
	size_t start = 0, plain = 0;

	assert_int_equal(padding_decode_pkcs1(&start, em, k), expected);
	assert_int_equal(plain_pkcs1(&plain, em, k), expected);
	assert_int_equal(start, plain);
}

static void every_malformed_pkcs1_block_is_refused(void **state)
{
	unsigned char em[64], good[64];

	(void)state;
	memset(good, 0xaa, sizeof(good));
	good[0] = 0;
	good[1] = 2;
	agrees_on_pkcs1(good, 64, 0);
	for (size_t separator = 2; separator < 64; separator++) {
		memcpy(em, good, sizeof(em));
		em[separator] = 0;
		agrees_on_pkcs1(em, 64, separator >= 10);
	}
	good[10] = 0;
	for (unsigned octet = 0; octet < 256; octet++) {
		memcpy(em, good, sizeof(em));
		em[0] = (unsigned char)octet;
		agrees_on_pkcs1(em, 64, octet == 0);
		memcpy(em, good, sizeof(em));
		em[1] = (unsigned char)octet;
		agrees_on_pkcs1(em, 64, octet == 2);
	}
	for (size_t at = 2; at < 10; at++) {
		memcpy(em, good, sizeof(em));
		em[at] = 0;
		agrees_on_pkcs1(em, 64, 0);
	}
}

static void short_pkcs1_blocks_are_refused(void **state)
{
	unsigned char em[16] = { 0, 2, 1, 1, 1, 1, 1, 1, 1, 1, 0 };
	size_t start = 0;

	(void)state;
	agrees_on_pkcs1(em, 11, 1);
	for (size_t k = 0; k < 11; k++) {
		assert_int_equal(padding_decode_pkcs1(&start, em, k), 0);
		assert_int_equal(start, k);
	}
}

static void random_pkcs1_blocks_are_judged_as_the_rfc_says(void **state)
{
	unsigned char em[48];

	(void)state;
	for (int i = 0; i < 20000; i++) {
		size_t start = 0, plain = 0;

		assert_int_equal(RAND_bytes(em, sizeof(em)), 1);
		em[0] &= (unsigned char)(i & 1);
		em[1] = (unsigned char)(1 + (em[1] & 1));
		em[2 + em[2] % 46] = 0;
		assert_int_equal(padding_decode_pkcs1(&start, em, 48), plain_pkcs1(&plain, em, 48));
		assert_int_equal(start, plain);
	}
}

static void comes_out_of_oaep(const struct padding *p, size_t len)
{
	unsigned char message[K], data[K], em[K];
	size_t start = 0, good = 0;

	memset(message, 1, sizeof(message));
	encrypt(data, RSA_PKCS1_OAEP_PADDING, p, message, len);
	rsa_raw(em, rsa_key, data, K);
	assert_int_equal(padding_decode_oaep(&start, &good, em, K, p), 0);
	assert_int_equal(good, 1);
	assert_int_equal(K - start, len);
	assert_memory_equal(em + start, message, len);
}

static void what_openssl_pads_by_oaep_comes_out_for_every_hash_mgf1_and_label(void **state)
{
	(void)state;
	for (size_t i = 0; i < 4; i++)
		for (size_t j = 0; j <= 4; j++)
			for (size_t with = 0; with < 2; with++) {
				struct padding p = { digests[i], j < 4 ? digests[j] : NULL, 0,
					with ? label : NULL, with ? sizeof(label) : 0 };
				size_t most = K - 2 * digest_size(digests[i]) - 2;

				comes_out_of_oaep(&p, 0);
				comes_out_of_oaep(&p, 32);
				comes_out_of_oaep(&p, most);
			}
}

static void other_parameters_than_the_writer_s_are_refused(void **state)
{
	const struct padding right = { "SHA256", "SHA1", 0, label, sizeof(label) };
	const struct padding wrong[] = {
		{ "SHA384", "SHA1", 0, label, sizeof(label) },
		{ "SHA1", "SHA1", 0, label, sizeof(label) },
		{ "SHA256", "SHA256", 0, label, sizeof(label) },
		{ "SHA256", NULL, 0, label, sizeof(label) },
		{ "SHA256", "SHA1", 0, label, sizeof(label) - 1 },
		{ "SHA256", "SHA1", 0, NULL, 0 },
	};
	unsigned char data[K], em[K], block[K];

	(void)state;
	encrypt(data, RSA_PKCS1_OAEP_PADDING, &right, "key", 3);
	rsa_raw(block, rsa_key, data, K);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		size_t start = 0, good = 1;

		memcpy(em, block, K);
		assert_int_equal(padding_decode_oaep(&start, &good, em, K, &wrong[i]), 0);
		assert_int_equal(good, 0);
		assert_int_equal(start, K);
	}
}

/* An encoder that pads whatever data block it is given. */
static void mgf1(
    unsigned char *out, size_t len, const unsigned char *seed, size_t seed_len, const char *digest)
{
	unsigned char input[K + 4], block[EVP_MAX_MD_SIZE];
	size_t size = digest_size(digest), got = 0;

	for (size_t i = 0; i * size < len; i++) {
		memcpy(input, seed, seed_len);
		memset(input + seed_len, 0, 4);
		input[seed_len + 3] = (unsigned char)i;
		assert_int_equal(
		    EVP_Q_digest(NULL, digest, NULL, input, seed_len + 4, block, &got), 1);
		for (size_t j = 0; j < size && i * size + j < len; j++)
			out[i * size + j] ^= block[j];
	}
}

static void encode_block(unsigned char *em, size_t k, const char *digest, const unsigned char *db)
{
	size_t size = digest_size(digest), db_len = k - size - 1;

	em[0] = 0;
	assert_int_equal(RAND_bytes(em + 1, (int)size), 1);
	memcpy(em + 1 + size, db, db_len);
	mgf1(em + 1 + size, db_len, em + 1, size, digest);
	mgf1(em + 1, size, em + 1 + size, db_len, digest);
}

static void block_is(const char *digest, size_t k, const unsigned char *db, size_t first,
    size_t expected, size_t message_len)
{
	const struct padding p = { digest, NULL, 0, NULL, 0 };
	unsigned char em[K];
	size_t start = 0, good = 7;

	encode_block(em, k, digest, db);
	em[0] = (unsigned char)first;
	assert_int_equal(padding_decode_oaep(&start, &good, em, k, &p), 0);
	assert_int_equal(good, expected);
	assert_int_equal(k - start, message_len);
	if (expected)
		assert_memory_equal(
		    em + start, db + (k - digest_size(digest) - 1) - message_len, message_len);
}

static void every_malformed_oaep_block_is_refused(void **state)
{
	const size_t k = 128;

	(void)state;
	for (size_t d = 0; d < 2; d++) {
		unsigned char db[K] = { 0 }, bad[K];
		size_t size = digest_size(digests[d]), len = k - size - 1, got = 0;

		assert_int_equal(EVP_Q_digest(NULL, digests[d], NULL, "", 0, db, &got), 1);
		block_is(digests[d], k, db, 0, 0, 0); /* no separator at all */
		db[len - 4] = 1;
		db[len - 2] = 1; /* a second 1 belongs to the message */
		block_is(digests[d], k, db, 0, 1, 3);
		for (size_t first = 1; first < 256; first++)
			block_is(digests[d], k, db, first, 0, 0);
		for (size_t at = 0; at < len - 4; at++) {
			memcpy(bad, db, sizeof(bad));
			bad[at] ^= 0x80; /* in the hash, then in the zeros */
			block_is(digests[d], k, bad, 0, 0, 0);
		}
		for (unsigned octet = 2; octet < 256; octet++) {
			memcpy(bad, db, sizeof(bad));
			bad[len - 4] = (unsigned char)octet;
			block_is(digests[d], k, bad, 0, 0, 0);
		}
		memset(db + size, 0, len - size);
		db[size] = 1;
		block_is(digests[d], k, db, 0, 1, len - size - 1);
		db[size] = 0;
		db[len - 1] = 1;
		block_is(digests[d], k, db, 0, 1, 0);
	}
}

static void one_changed_bit_anywhere_in_an_oaep_block_is_refused(void **state)
{
	const struct padding p = { "SHA256", NULL, 0, NULL, 0 };
	unsigned char data[K], block[K], em[K];

	(void)state;
	encrypt(data, RSA_PKCS1_OAEP_PADDING, &p, "0123456789abcdef", 16);
	rsa_raw(block, rsa_key, data, K);
	for (size_t bit = 0; bit < 8 * K; bit++) {
		size_t start = 0, good = 1;

		memcpy(em, block, K);
		em[bit / 8] ^= (unsigned char)(1 << bit % 8);
		assert_int_equal(padding_decode_oaep(&start, &good, em, K, &p), 0);
		assert_int_equal(good, 0);
		assert_int_equal(start, K);
	}
}

static void oaep_says_what_it_can_t_do_whatever_the_octets(void **state)
{
	const struct padding unknown = { "NOPE", NULL, 0, NULL, 0 };
	const struct padding unknown_mgf = { "SHA1", "NOPE", 0, NULL, 0 };
	const struct padding none = { NULL, NULL, 0, NULL, 0 };
	const struct padding wide = { "SHA512", NULL, 0, NULL, 0 };
	unsigned char em[K] = { 0 };
	size_t start = 0, good = 1;

	(void)state;
	assert_int_equal(padding_decode_oaep(&start, &good, em, K, &unknown), HSMIME_EUNSUPPORTED);
	assert_int_equal(good, 0);
	assert_int_equal(
	    padding_decode_oaep(&start, &good, em, K, &unknown_mgf), HSMIME_EUNSUPPORTED);
	assert_int_equal(padding_decode_oaep(&start, &good, em, K, &none), HSMIME_EUNSUPPORTED);
	assert_int_equal(padding_decode_oaep(&start, &good, em, 129, &wide), HSMIME_EUSAGE);
	assert_int_equal(good, 0);
	assert_int_equal(start, 129);
	assert_int_equal(padding_decode_oaep(&start, &good, em, 130, &wide), 0);
	assert_int_equal(good, 0);
}

static void results_are_moved_to_the_end(void **state)
{
	(void)state;
	for (size_t k = 1; k <= 70; k++)
		for (size_t len = 0; len <= k; len++) {
			unsigned char em[70], expected[70] = { 0 };

			for (size_t i = 0; i < k; i++)
				em[i] = (unsigned char)(i + 1);
			memcpy(expected + (k - len), em, len);
			padding_align(em, len, k);
			assert_memory_equal(em, expected, k);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_openssl_pads_by_pkcs1_comes_out),
		cmocka_unit_test(every_malformed_pkcs1_block_is_refused),
		cmocka_unit_test(short_pkcs1_blocks_are_refused),
		cmocka_unit_test(random_pkcs1_blocks_are_judged_as_the_rfc_says),
		cmocka_unit_test(what_openssl_pads_by_oaep_comes_out_for_every_hash_mgf1_and_label),
		cmocka_unit_test(other_parameters_than_the_writer_s_are_refused),
		cmocka_unit_test(every_malformed_oaep_block_is_refused),
		cmocka_unit_test(one_changed_bit_anywhere_in_an_oaep_block_is_refused),
		cmocka_unit_test(oaep_says_what_it_can_t_do_whatever_the_octets),
		cmocka_unit_test(results_are_moved_to_the_end),
	};

	return cmocka_run_group_tests(tests, rsa_set_up, rsa_tear_down);
}
