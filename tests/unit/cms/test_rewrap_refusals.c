/* What is not proved, malformed or can't be rewrapped is refused, and with the words of decryption. */
#include "cms/rewrap_support.h"

#define LEN 40

static struct party rsa;
static struct party ec;
static struct party stranger;
static struct party k256;
static unsigned char *plain;

static int setup(void **state)
{
	(void)state;
	rsa = party_rsa(1);
	ec = party_ec("P-256", 2);
	stranger = party_rsa(3);
	k256 = party_ec("secp256k1", 4);
	plain = some_octets(LEN);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	party_free(&rsa);
	party_free(&ec);
	party_free(&stranger);
	party_free(&k256);
	free(plain);
	return 0;
}

static const struct party *make_kind(struct buffer *out, size_t kind)
{
	return build_kind(out, kind, &rsa, &ec, plain, LEN);
}

static bool begins_right(const unsigned char *data, size_t len)
{
	assert_true(len <= CONTENT_PROOF_BEGINNING);
	return len == LEN && memcmp(data, plain, LEN) == 0;
}

static void expect_as_decrypting(
    struct rewrap_try *t, const struct buffer *message, EVP_PKEY *key, int status)
{
	struct opening o = { .key = key, .secret = t->secret };

	t->key = key;
	rewrap_message(t, message->data, message->len);
	open_message(&o, message->data, message->len);
	if (t->status != status || o.status != status)
		fail_msg("%d and %d: %s", t->status, o.status, t->err.message);
	assert_string_equal(t->err.message, o.err.message);
	assert_string_equal(t->err.hint, o.err.hint);
	assert_int_equal(t->result.count, 0);
	assert_int_equal(t->result.old.count, 0);
	rewrap_clear(t);
	opening_clear(&o);
}

/* A key that gives another content key: of CBC one in 256 has a padding, and then how it begins is wrong. */
static void a_wrong_content_key_is_refused_as_where_it_decrypts(void **state)
{
	(void)state;
	for (size_t kind = 0; kind < BUILD_KINDS; kind++) {
		struct rewrap_try t = { .add = { &stranger }, .judge = begins_right };
		struct buffer message;

		make_kind(&message, kind);
		if ((kind & 2) == 0 && (kind & 1))
			expect_as_decrypting(&t, &message, stranger.key, HSMIME_EINVALID);
		for (unsigned secret = 0; (kind & 3) == 0 && secret < 255; secret++) {
			t.key = stranger.key;
			t.secret = (unsigned char)secret;
			rewrap_message(&t, message.data, message.len);
			assert_int_equal(t.status, HSMIME_EINVALID);
			assert_string_equal(t.err.message, "the message could not be decrypted");
			rewrap_clear(&t);
		}
		buffer_free(&message);
	}
}

static bool never(const unsigned char *data, size_t len)
{
	(void)data;
	(void)len;
	return false;
}

static void cbc_that_begins_wrong_is_refused_and_gcm_not_asked(void **state)
{
	(void)state;
	for (size_t kind = 0; kind < BUILD_KINDS; kind++) {
		struct buffer message;
		const struct party *to = make_kind(&message, kind);
		struct rewrap_try t = { .key = to->key, .add = { &stranger }, .judge = never };

		rewrap_message(&t, message.data, message.len);
		assert_int_equal(t.status, kind & 1 ? 0 : HSMIME_EINVALID);
		if ((kind & 1) == 0)
			assert_string_equal(t.err.message, "the message could not be decrypted");
		rewrap_clear(&t);
		t.judge = begins_right;
		assert_int_equal(rewrap_message(&t, message.data, message.len), 0);
		rewrap_clear(&t);
		buffer_free(&message);
	}
}

static void without_a_check_any_key_is_taken(void **state)
{
	(void)state;
	for (size_t kind = 0; kind < BUILD_KINDS; kind++) {
		struct buffer message;
		const struct party *to = make_kind(&message, kind);
		struct rewrap_try t = { .key = to->key,
			.add = { &stranger },
			.keeps = rewrap_keeps_all,
			.no_check = true };
		struct opening o = { .key = to->key };

		message.data[message.len - 20] ^= 1;
		rewrap_message(&t, message.data, message.len);
		message.data[message.len - 20] ^= 1;
		if (kind < 4)
			assert_int_equal(t.status, 0);
		rewrap_clear(&t);
		/* The old recipient still opens what a wrong key added a recipient to. */
		t.key = kind & 2 ? ec.key : stranger.key;
		rewrap(&t, &message);
		assert_int_equal(t.result.old.content_size, kind & 1 ? LEN : 0);
		while (open_message(&o, t.out.data, t.out.len) != 0 || o.plain.len != LEN ||
		       memcmp(o.plain.data, plain, LEN) != 0) {
			opening_clear(&o);
			assert_true(++o.index < 2);
		}
		opening_clear(&o);
		rewrap_clear(&t);
		buffer_free(&message);
	}
}

static void truncation_anywhere_is_malformed_whatever_the_key(void **state)
{
	(void)state;
	for (size_t kind = 0; kind < BUILD_KINDS; kind++) {
		struct buffer message;
		const struct party *to = make_kind(&message, kind);
		EVP_PKEY *keys[] = { to->key, kind & 2 ? to->key : stranger.key, NULL };

		for (size_t cut = 0; cut < message.len; cut++) {
			for (size_t k = 0; k < 3; k++) {
				struct rewrap_try t = { .key = keys[k], .add = { &stranger } };
				int status = rewrap_message(&t, message.data, cut);

				if (status != HSMIME_EFORMAT && !(cut == 0 && status == BER_END))
					fail_msg("kind %zu cut at %zu, key %zu: %d %s", kind, cut,
					    k, status, t.err.message);
				rewrap_clear(&t);
			}
		}
		buffer_free(&message);
	}
}

static bool is_clean_refusal(int status)
{
	return status == HSMIME_EINVALID || status == HSMIME_EFORMAT ||
	       status == HSMIME_EUNSUPPORTED || status == HSMIME_EINTERNAL;
}

/* What is rewrapped in spite of it has the same content; with the tag and the content nothing is. */
static void an_altered_octet_is_never_rewrapped_into_another_content(void **state)
{
	(void)state;
	for (size_t kind = 0; kind < BUILD_KINDS; kind++) {
		struct buffer message;
		const struct party *to = make_kind(&message, kind);
		size_t behind = levels_of(&message).behind;

		for (size_t at = 0; at < message.len; at++) {
			struct rewrap_try t = {
				.key = to->key, .add = { &stranger }, .judge = begins_right
			};
			struct opening o = { .key = stranger.key };

			message.data[at] ^= (unsigned char)(1U << at % 8);
			rewrap_message(&t, message.data, message.len);
			message.data[at] ^= (unsigned char)(1U << at % 8);
			if (t.status == 0) {
				expect_plain(&o, &t.out, plain, LEN);
			} else if ((t.status != BER_END || at > 1) && !is_clean_refusal(t.status)) {
				fail_msg(
				    "kind %zu octet %zu: %d %s", kind, at, t.status, t.err.message);
			}
			if (kind < 2 && at > behind + 60)
				assert_int_not_equal(t.status, 0);
			rewrap_clear(&t);
		}
		buffer_free(&message);
	}
}

static void a_tampered_tag_is_refused_as_where_it_decrypts(void **state)
{
	(void)state;
	for (size_t i = 0; i < 16; i++) {
		struct rewrap_try t = { .add = { &stranger } };
		struct buffer message;

		make_kind(&message, 1);
		message.data[message.len - 1 - i] ^= 0x80;
		expect_as_decrypting(&t, &message, rsa.key, HSMIME_EINVALID);
		buffer_free(&message);
	}
	for (int nested = 0; nested < 2; nested++) {
		struct building b = { .to = &rsa,
			.authenticated = true,
			.attributes = true,
			.wrong_aad = true,
			.nested = nested };
		struct rewrap_try t = { .add = { &stranger } };
		struct buffer message;

		build(&message, &b, plain, LEN);
		expect_as_decrypting(&t, &message, rsa.key, HSMIME_EINVALID);
		buffer_free(&message);
	}
}

static void a_failing_sink_is_its_status_at_every_offset(void **state)
{
	(void)state;
	for (size_t kind = 0; kind < BUILD_KINDS; kind++) {
		struct buffer message;
		const struct party *to = make_kind(&message, kind);
		struct rewrap_try t = { .key = to->key, .add = { &stranger } };
		size_t size;

		rewrap(&t, &message);
		size = t.out.len;
		rewrap_clear(&t);
		for (size_t room = 0; room <= size; room++) {
			t.fail_after = room + 1;
			rewrap_message(&t, message.data, message.len);
			assert_int_equal(t.status, room < size ? HSMIME_EIO : 0);
			assert_int_equal(t.result.count, room < size ? 0 : 1);
			rewrap_clear(&t);
		}
		buffer_free(&message);
	}
}

static void without_a_key_the_reason_of_the_search_is_the_result(void **state)
{
	(void)state;
	for (size_t kind = 0; kind < BUILD_KINDS; kind++) {
		struct rewrap_try t = { .add = { &stranger } };
		struct buffer message;

		make_kind(&message, kind);
		expect_as_decrypting(&t, &message, NULL, HSMIME_ENOKEY);
		rewrap_message(&t, message.data, message.len);
		assert_int_equal(t.out.len, 0);
		rewrap_clear(&t);
		buffer_free(&message);
	}
}

static void content_that_is_elsewhere_is_unsupported(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct building b = { .to = &rsa, .absent = true, .authenticated = i };
		struct rewrap_try t = { .add = { &stranger } };
		struct buffer message;

		build(&message, &b, plain, LEN);
		expect_as_decrypting(&t, &message, rsa.key, HSMIME_EUNSUPPORTED);
		buffer_free(&message);
	}
}

static void a_recipient_that_nobody_can_encrypt_for_is_unsupported(void **state)
{
	struct rewrap_try t = { .key = rsa.key, .add = { &stranger, &k256 } };
	struct buffer message;

	(void)state;
	make_kind(&message, 1);
	rewrap_message(&t, message.data, message.len);
	assert_int_equal(t.status, HSMIME_EUNSUPPORTED);
	assert_int_equal(t.out.len, 0);
	rewrap_clear(&t);
	/* A malformed message is that, whoever is added. */
	rewrap_message(&t, message.data, message.len - 1);
	assert_int_equal(t.status, HSMIME_EFORMAT);
	rewrap_clear(&t);
	buffer_free(&message);
}

static int freed;

static void free_holder(void *holder)
{
	(void)holder;
	freed++;
}

static const struct content_holder_ops ops = { .free = free_holder };

static int unwrap_to_holder(
    void *arg, struct content_key *out, const struct content_wrapped *wrapped, struct error *err)
{
	(void)wrapped;
	(void)err;
	out->holder = arg;
	out->ops = &ops;
	return 0;
}

static void a_content_key_that_the_token_keeps_is_told(void **state)
{
	struct content_unwrapper keeps = { unwrap_to_holder, &freed };
	struct rewrap_try t = { .key = rsa.key, .add = { &stranger }, .unwrapper = &keeps };

	(void)state;
	for (size_t kind = 0; kind < 2; kind++) {
		struct buffer message;

		freed = 0;
		make_kind(&message, kind);
		rewrap_message(&t, message.data, message.len);
		assert_int_equal(t.status, HSMIME_EUNSUPPORTED);
		assert_non_null(strstr(t.err.message, "does not show the content key"));
		assert_int_equal(t.out.len, 0);
		assert_int_equal(freed, 1);
		rewrap_clear(&t);
		rewrap_message(&t, message.data, message.len - 1);
		assert_int_equal(t.status, HSMIME_EFORMAT);
		rewrap_clear(&t);
		buffer_free(&message);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_wrong_content_key_is_refused_as_where_it_decrypts),
		cmocka_unit_test(cbc_that_begins_wrong_is_refused_and_gcm_not_asked),
		cmocka_unit_test(without_a_check_any_key_is_taken),
		cmocka_unit_test(truncation_anywhere_is_malformed_whatever_the_key),
		cmocka_unit_test(an_altered_octet_is_never_rewrapped_into_another_content),
		cmocka_unit_test(a_tampered_tag_is_refused_as_where_it_decrypts),
		cmocka_unit_test(a_failing_sink_is_its_status_at_every_offset),
		cmocka_unit_test(without_a_key_the_reason_of_the_search_is_the_result),
		cmocka_unit_test(content_that_is_elsewhere_is_unsupported),
		cmocka_unit_test(a_recipient_that_nobody_can_encrypt_for_is_unsupported),
		cmocka_unit_test(a_content_key_that_the_token_keeps_is_told),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
