/* Content that is encrypted anew: every pair of ciphers, any size, and nothing that is not proved, weaker or lossy. */
#include "cms/enveloped_build.h"
#include "cms/enveloped_reencrypt.h"
#include "cms/openssl_opens.h"

#define LEN 40
#define LARGE (REENCRYPT_WHOLE + 5000)

static struct party rsa, ec, added;
static unsigned char *plain, *large;

static int setup(void **state)
{
	(void)state;
	rsa = party_rsa(1);
	ec = party_ec("P-256", 2);
	added = party_ec("P-384", 3);
	plain = some_octets(LEN);
	large = some_octets(LARGE);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	party_free(&rsa);
	party_free(&ec);
	party_free(&added);
	free(plain);
	free(large);
	return 0;
}

/* How a message is encrypted anew, and what was seen. */
struct anew {
	struct opening in; /* its key, index, step, require_authenticated and secret count */
	const char *cipher;
	content_judge *judge; /* NULL: anything is right */
	size_t fail_after;    /* the sink takes one octet less; 0: all */
	int status;
	struct buffer out;
	struct enveloped_rewrapped result;
};

static bool anything(const unsigned char *data, size_t len)
{
	(void)data;
	assert_true(len <= CONTENT_PROOF_BEGINNING);
	return true;
}

static int anew_write(void *arg, const void *buf, size_t len)
{
	struct anew *a = arg;

	if (a->fail_after != 0 && a->out.len + len > a->fail_after - 1)
		return HSMIME_EIO;
	return buffer_add(&a->out, buf, len);
}

static int anew_at(struct anew *a, enum cms_type type)
{
	const unsigned char secret[32] = { a->in.secret };
	struct enveloped_write to = { .recipients = sk_X509_new_null(), .cipher = a->cipher };
	struct enveloped_read read = { .find = opening_find,
		.find_arg = &a->in,
		.secret = secret,
		.require_authenticated = a->in.require_authenticated,
		.rest = opening_rest,
		.rest_arg = &a->in };
	struct enveloped_reencrypt how = {
		.out = { anew_write, a }, .to = &to, .judge = a->judge != NULL ? a->judge : anything
	};
	int status;

	assert_true(sk_X509_push(to.recipients, added.cert) > 0);
	status = enveloped_reencrypt(&a->result, &a->in.r, type, &read, &how, &a->in.env);
	sk_X509_free(to.recipients);
	return status;
}

static int anew_message(struct anew *a, const unsigned char *data, size_t len)
{
	hsmime_source source = { opening_read, NULL, &a->in, HSMIME_SIZE_UNKNOWN };
	enum cms_type type;

	a->in.in = (hsmime_memory){ data, len, 0 };
	a->in.env = (struct cms_env){ NULL, &a->in.err };
	a->in.finds = 0;
	memset(&a->in.err, 0, sizeof(a->in.err));
	buffer_init(&a->out, SUPPORT_MAX);
	a->status = ber_open(&a->in.r, &source, &a->in.err);
	if (a->status == 0)
		a->status = cms_content_info_enter(&type, &a->in.r, &a->in.env);
	if (a->status == 0)
		a->status = anew_at(a, type);
	ber_close(&a->in.r);
	return a->status;
}

static void anew_clear(struct anew *a)
{
	enveloped_rewrapped_free(&a->result);
	buffer_free(&a->out);
}

static void anew(struct anew *a, const struct buffer *message)
{
	if (anew_message(a, message->data, message->len) != 0)
		fail_msg("status %d: %s", a->status, a->in.err.message);
	assert_int_equal(a->in.finds, 1);
	assert_int_equal(a->result.count, 1);
}

static void expect_refused(struct anew *a, const struct buffer *message, int status)
{
	anew_message(a, message->data, message->len);
	if (a->status != status)
		fail_msg("status %d: %s", a->status, a->in.err.message);
	assert_int_equal(a->result.count, 0);
	assert_int_equal(a->result.old.count, 0);
	assert_null(a->result.cipher);
	anew_clear(a);
}

static const char *const ciphers[] = { "aes-128-cbc", "aes-256-cbc", "aes-128-gcm", "aes-256-gcm" };
static const char *const labels[] = { "AES-128-CBC", "AES-256-CBC", "AES-128-GCM", "AES-256-GCM" };

/* From cipher i % 4 to cipher i / 4 % 4, definite or not, for RSA or EC. */
static void make_pair(
    struct buffer *message, struct anew *a, size_t i, const unsigned char *data, size_t len)
{
	const struct party *to = i & 16 ? &ec : &rsa;
	struct sealing s = { .to = { to }, .cipher = ciphers[i % 4], .indefinite = i & 32 };

	seal(message, &s, data, len);
	*a = (struct anew){ .in = { .key = to->key }, .cipher = ciphers[i / 4 % 4] };
}

static bool weaker(size_t i)
{
	return i % 4 >= 2 && i / 4 % 4 < 2;
}

static void each_cipher_becomes_each_other_that_is_not_weaker(void **state)
{
	struct opening o = { .key = added.key };

	(void)state;
	for (size_t i = 0; i < 64; i++) {
		const unsigned char *data = i % 3 == 0 ? large : plain;
		size_t len = i % 3 == 0 ? LARGE : LEN;
		struct buffer message;
		struct anew a;

		make_pair(&message, &a, i, data, len);
		a.in.step = i % 5;
		if (weaker(i)) {
			expect_refused(&a, &message, HSMIME_EPOLICY);
			assert_int_equal(a.in.finds, 0);
			buffer_free(&message);
			continue;
		}
		anew(&a, &message);
		assert_string_equal(a.result.old.cipher, labels[i % 4]);
		assert_int_equal(a.result.old.authenticated, i % 4 >= 2);
		assert_int_equal(a.result.old.content_size, len);
		assert_string_equal(a.result.cipher, labels[i / 4 % 4]);
		assert_int_equal(a.result.authenticated, i / 4 % 4 >= 2);
		assert_int_equal(a.out.data[1] == 0x80, len > REENCRYPT_WHOLE);
		assert_int_equal(open_message(&o, a.out.data, a.out.len), 0);
		assert_string_equal(o.result.cipher, labels[i / 4 % 4]);
		assert_int_equal(o.result.count, 1);
		opening_clear(&o);
		expect_plain(&o, &a.out, data, len);
		openssl_opens(&a.out, &added, data, len);
		/* Whoever had it before does not open it. */
		o.key = rsa.key;
		assert_int_not_equal(open_message(&o, a.out.data, a.out.len), 0);
		opening_clear(&o);
		o.key = added.key;
		anew_clear(&a);
		buffer_free(&message);
	}
}

static void sizes_around_what_is_held_stay_right(void **state)
{
	static const size_t sizes[] = { 1, 15, 16, 1023, 1024, 1025, REENCRYPT_WHOLE - 1,
		REENCRYPT_WHOLE, REENCRYPT_WHOLE + 1 };
	struct opening o = { .key = added.key };

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(sizes) / sizeof(sizes[0]); i++) {
		size_t len = sizes[i / 2];
		struct sealing s = { .to = { &rsa }, .cipher = ciphers[i % 2 * 2] };
		struct anew a = { .in = { .key = rsa.key }, .cipher = "aes-256-gcm" };
		struct buffer message;

		seal(&message, &s, large, len);
		anew(&a, &message);
		assert_int_equal(a.out.data[1] == 0x80, len > REENCRYPT_WHOLE);
		expect_plain(&o, &a.out, large, len);
		anew_clear(&a);
		buffer_free(&message);
	}
}

static bool is_beginning(const unsigned char *data, size_t len)
{
	size_t want = CONTENT_PROOF_BEGINNING;

	return len == want && memcmp(data, large, want) == 0;
}

static bool is_all(const unsigned char *data, size_t len)
{
	return len == LEN && memcmp(data, plain, LEN) == 0;
}

static bool never(const unsigned char *data, size_t len)
{
	(void)data;
	(void)len;
	return false;
}

static void cbc_is_judged_by_its_beginning_and_gcm_is_not(void **state)
{
	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct sealing s = { .to = { &rsa }, .cipher = ciphers[i] };
		struct anew a = {
			.in = { .key = rsa.key }, .cipher = "aes-256-gcm", .judge = is_beginning
		};
		struct buffer message;

		seal(&message, &s, large, LARGE);
		anew(&a, &message);
		anew_clear(&a);
		buffer_free(&message);
		seal(&message, &s, plain, LEN);
		a.judge = is_all;
		anew(&a, &message);
		anew_clear(&a);
		a.judge = never;
		if (i < 2) {
			expect_refused(&a, &message, HSMIME_EINVALID);
			assert_string_equal(a.in.err.message, "the message could not be decrypted");
		} else {
			anew(&a, &message);
			anew_clear(&a);
		}
		buffer_free(&message);
	}
}

/* A wrong key gives another content key; of CBC one in 256 has a padding, and then how it begins is wrong. */
static void a_wrong_content_key_is_refused_as_where_it_decrypts(void **state)
{
	struct party stranger = party_rsa(4);

	(void)state;
	for (size_t i = 0; i < 4; i += 2) {
		struct sealing s = { .to = { &rsa }, .cipher = ciphers[i] };
		struct anew a = { .in = { .key = stranger.key },
			.cipher = "aes-256-gcm",
			.judge = is_beginning };
		struct buffer message;

		seal(&message, &s, plain, LEN);
		for (unsigned secret = 0; secret < 256; secret++) {
			a.in.secret = (unsigned char)secret;
			expect_refused(&a, &message, HSMIME_EINVALID);
			assert_string_equal(a.in.err.message, "the message could not be decrypted");
		}
		buffer_free(&message);
	}
	party_free(&stranger);
}

static void an_octet_of_gcm_that_changed_is_refused_wherever_it_is(void **state)
{
	struct sealing s = { .to = { &rsa }, .cipher = "aes-128-gcm" };
	struct anew a = { .in = { .key = rsa.key }, .cipher = "aes-256-gcm" };
	struct buffer message;

	(void)state;
	seal(&message, &s, plain, LEN);
	/* The content, the element of the tag, and the tag. */
	for (size_t back = 1; back <= LEN + 16 + 2; back++) {
		if (back == 17 || back == 18)
			continue;
		message.data[message.len - back] ^= 1;
		expect_refused(&a, &message, HSMIME_EINVALID);
		message.data[message.len - back] ^= 1;
	}
	anew(&a, &message);
	anew_clear(&a);
	buffer_free(&message);
}

static void truncation_anywhere_is_malformed_and_never_right(void **state)
{
	(void)state;
	for (size_t i = 0; i < 64; i += 7) {
		struct buffer message;
		struct anew a;

		make_pair(&message, &a, i, plain, LEN);
		for (size_t len = 0; len < message.len; len++) {
			anew_message(&a, message.data, len);
			assert_true(a.status == HSMIME_EFORMAT || a.status == BER_END);
			assert_int_equal(a.result.count, 0);
			anew_clear(&a);
		}
		buffer_free(&message);
	}
}

static void unauthenticated_content_is_refused_where_that_is_asked_for(void **state)
{
	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct sealing s = { .to = { &rsa }, .cipher = ciphers[i] };
		struct anew a = { .in = { .key = rsa.key, .require_authenticated = true },
			.cipher = "aes-256-gcm" };
		struct buffer message;

		seal(&message, &s, plain, LEN);
		if (i < 2) {
			expect_refused(&a, &message, HSMIME_EPOLICY);
			assert_int_equal(a.in.finds, 0);
		} else {
			anew(&a, &message);
			anew_clear(&a);
		}
		buffer_free(&message);
	}
}

static void attributes_are_not_lost_silently(void **state)
{
	(void)state;
	for (int i = 0; i < 8; i++) {
		struct building b = { .to = &rsa,
			.authenticated = i & 1,
			.attributes = (i & 1) != 0 && (i & 2) != 0,
			.free_attributes = i & 4 };
		struct anew a = { .in = { .key = rsa.key }, .cipher = "aes-256-gcm" };
		struct buffer message;

		build(&message, &b, plain, LEN);
		if (b.attributes || b.free_attributes) {
			expect_refused(&a, &message, HSMIME_EUNSUPPORTED);
			assert_string_equal(a.in.err.message,
			    "the message has attributes beside its content, which would be lost");
		} else {
			anew(&a, &message);
			anew_clear(&a);
		}
		buffer_free(&message);
	}
}

static void the_content_type_stays(void **state)
{
	struct opening o = { .key = added.key };

	(void)state;
	for (int i = 0; i < 8; i++) {
		struct building b = { .to = &rsa,
			.authenticated = i & 1,
			.signed_content = i & 2,
			.indefinite = true };
		struct anew a = { .in = { .key = rsa.key },
			.cipher = i & 4 ? "aes-256-gcm" : "aes-256-cbc" };
		struct buffer message;

		/* Which is malformed, or weaker. */
		if ((i & 1) != 0 && (i & 6) != 4)
			continue;
		build(&message, &b, plain, LEN);
		if (i & 4 && i & 2) {
			expect_refused(&a, &message, HSMIME_EUNSUPPORTED);
			assert_int_equal(a.in.finds, 0);
			buffer_free(&message);
			continue;
		}
		anew(&a, &message);
		assert_int_equal(open_message(&o, a.out.data, a.out.len), 0);
		assert_int_equal(o.result.content_type, i & 2 ? CMS_SIGNED_DATA : CMS_DATA);
		opening_clear(&o);
		anew_clear(&a);
		buffer_free(&message);
	}
}

static void a_sink_that_fails_anywhere_is_told(void **state)
{
	struct sealing s = { .to = { &rsa }, .cipher = "aes-128-cbc" };
	struct anew a = { .in = { .key = rsa.key }, .cipher = "aes-256-gcm" };
	struct buffer message;
	size_t whole;

	(void)state;
	seal(&message, &s, large, LARGE);
	anew(&a, &message);
	whole = a.out.len;
	anew_clear(&a);
	for (a.fail_after = 1; a.fail_after <= whole; a.fail_after += 1 + whole / 300)
		expect_refused(&a, &message, HSMIME_EIO);
	a.fail_after = whole;
	expect_refused(&a, &message, HSMIME_EIO);
	buffer_free(&message);
}

static void a_cipher_that_does_not_encrypt_is_refused(void **state)
{
	static const char *const names[] = { NULL, "", "des-ede3-cbc", "AES-256-GCM" };
	struct sealing s = { .to = { &rsa }, .cipher = "aes-128-cbc" };
	struct buffer message;

	(void)state;
	seal(&message, &s, plain, LEN);
	for (size_t i = 0; i < 4; i++) {
		struct anew a = { .in = { .key = rsa.key }, .cipher = names[i] };

		expect_refused(&a, &message, HSMIME_EUSAGE);
		assert_int_equal(a.in.finds, 0);
	}
	buffer_free(&message);
}

static void without_a_key_it_is_told_as_where_it_decrypts(void **state)
{
	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct sealing s = { .to = { &rsa }, .cipher = ciphers[i] };
		struct anew a = { .cipher = "aes-256-gcm" };
		struct buffer message;

		seal(&message, &s, plain, LEN);
		expect_refused(&a, &message, HSMIME_ENOKEY);
		assert_string_equal(a.in.err.message, "nobody has a key");
		buffer_free(&message);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_cipher_becomes_each_other_that_is_not_weaker),
		cmocka_unit_test(sizes_around_what_is_held_stay_right),
		cmocka_unit_test(cbc_is_judged_by_its_beginning_and_gcm_is_not),
		cmocka_unit_test(a_wrong_content_key_is_refused_as_where_it_decrypts),
		cmocka_unit_test(an_octet_of_gcm_that_changed_is_refused_wherever_it_is),
		cmocka_unit_test(truncation_anywhere_is_malformed_and_never_right),
		cmocka_unit_test(unauthenticated_content_is_refused_where_that_is_asked_for),
		cmocka_unit_test(attributes_are_not_lost_silently),
		cmocka_unit_test(the_content_type_stays),
		cmocka_unit_test(a_sink_that_fails_anywhere_is_told),
		cmocka_unit_test(a_cipher_that_does_not_encrypt_is_refused),
		cmocka_unit_test(without_a_key_it_is_told_as_where_it_decrypts),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
