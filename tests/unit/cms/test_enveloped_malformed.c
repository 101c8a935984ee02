/* The structure is judged without the key; what is altered is never taken for whole. */
#include "cms/enveloped_support.h"

#include "cms/enveloped_build.h"

#define LEN 40

static struct party rsa;
static struct party ec;
static struct party stranger;
static unsigned char *plain;

static int setup(void **state)
{
	(void)state;
	rsa = party_rsa(1);
	ec = party_ec("P-256", 2);
	stranger = party_rsa(3);
	plain = some_octets(LEN);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	party_free(&rsa);
	party_free(&ec);
	party_free(&stranger);
	free(plain);
	return 0;
}

static const struct party *make_kind(struct buffer *out, size_t kind)
{
	return build_kind(out, kind, &rsa, &ec, plain, LEN);
}

static void every_kind_opens_one_octet_at_a_time(void **state)
{
	(void)state;
	for (size_t kind = 0; kind < BUILD_KINDS; kind++) {
		struct buffer message;
		const struct party *to = make_kind(&message, kind);
		struct opening o = { .key = to->key, .step = 1 };

		expect_plain(&o, &message, plain, LEN);
		buffer_free(&message);
	}
}

static void truncation_anywhere_is_malformed_whatever_the_key(void **state)
{
	(void)state;
	for (size_t kind = 0; kind < BUILD_KINDS; kind++) {
		struct buffer message;
		const struct party *to = make_kind(&message, kind);
		EVP_PKEY *keys[] = { to->key, stranger.key, NULL };

		for (size_t cut = 0; cut < message.len; cut++) {
			for (size_t k = 0; k < 3; k++) {
				struct opening o = { .key = keys[k] };
				int status = open_message(&o, message.data, cut);

				if (status != HSMIME_EFORMAT && !(cut == 0 && status == BER_END))
					fail_msg("kind %zu cut at %zu, key %zu: %d %s", kind, cut,
					    k, status, o.err.message);
				opening_clear(&o);
			}
		}
		buffer_free(&message);
	}
}

static void a_failing_sink_is_its_status_at_every_offset(void **state)
{
	(void)state;
	for (size_t kind = 0; kind < BUILD_KINDS; kind++) {
		struct buffer message;
		const struct party *to = make_kind(&message, kind);

		for (size_t room = 0; room <= LEN; room++) {
			struct opening o = { .key = to->key, .fail_after = room + 1 };

			assert_int_equal(open_message(&o, message.data, message.len),
			    room < LEN ? HSMIME_EIO : 0);
			assert_int_equal(o.result.count, room < LEN ? 0 : 1);
			opening_clear(&o);
		}
		buffer_free(&message);
	}
}

static bool is_clean_refusal(int status)
{
	return status == HSMIME_EINVALID || status == HSMIME_EFORMAT ||
	       status == HSMIME_EUNSUPPORTED || status == HSMIME_EINTERNAL;
}

/* GCM: an accepted message has the plaintext; CBC promises less (RFC 8551 section 6). */
static void altered_octets_never_give_another_plaintext(void **state)
{
	(void)state;
	for (size_t kind = 0; kind < BUILD_KINDS; kind++) {
		struct buffer message;
		const struct party *to = make_kind(&message, kind);

		for (size_t at = 0; at < message.len; at++) {
			struct opening o = { .key = to->key };

			message.data[at] ^= (unsigned char)(1U << at % 8);
			open_message(&o, message.data, message.len);
			message.data[at] ^= (unsigned char)(1U << at % 8);
			if (o.status == 0 && (kind & 1)) {
				assert_int_equal(o.plain.len, LEN);
				assert_memory_equal(o.plain.data, plain, LEN);
			}
			if (o.status != 0 && (o.status != BER_END || at > 1) &&
			    o.status != HSMIME_ENOKEY && !is_clean_refusal(o.status))
				fail_msg(
				    "kind %zu octet %zu: %d %s", kind, at, o.status, o.err.message);
			opening_clear(&o);
		}
		buffer_free(&message);
	}
}

static void expect_status(const struct building *b, int expected, const char *what)
{
	EVP_PKEY *keys[] = { b->to->key, stranger.key, NULL };
	struct buffer message;

	build(&message, b, plain, LEN);
	for (size_t k = 0; k < 3; k++) {
		struct opening o = { .key = keys[k] };

		open_message(&o, message.data, message.len);
		if (o.status != expected)
			fail_msg("%s, key %zu: %d %s", what, k, o.status, o.err.message);
		opening_clear(&o);
	}
	buffer_free(&message);
}

static void malformed_parts_are_malformed_whatever_the_key(void **state)
{
	static const struct {
		const char *what;
		struct building b;
	} cases[] = {
		{ "CBC not whole blocks", { .drop = 1 } },
		{ "CBC empty", { .drop = 48 } },
		{ "CBC with trailing garbage", { .garbage = true } },
		{ "GCM tag of 11 octets", { .authenticated = true, .tag_len = 11, .icv_len = 11 } },
		{ "GCM tag of 17 octets", { .authenticated = true, .tag_len = 17, .icv_len = 16 } },
		{ "GCM tag shorter than announced",
		    { .authenticated = true, .tag_len = 12, .icv_len = 16 } },
		{ "GCM tag longer than announced",
		    { .authenticated = true, .tag_len = 16, .icv_len = 12 } },
		{ "GCM without tag", { .authenticated = true, .no_tag = true } },
		{ "GCM nonce empty", { .authenticated = true, .iv_len = -1 } },
		{ "CBC IV short", { .iv_len = 15 } },
		{ "CBC IV long", { .iv_len = 17 } },
		{ "other content without attributes",
		    { .authenticated = true, .signed_content = true } },
		{ "other content without content-type",
		    { .authenticated = true, .signed_content = true, .attributes = true } },
		{ "wrong content-type",
		    { .authenticated = true,
			.attributes = true,
			.content_type = "\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02" } },
		{ "content-type twice", { .authenticated = true,
					    .attributes = true,
					    .content_type = "\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01",
					    .twice = true } },
		{ "no recipients", { .no_recipients = true } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct building b = cases[i].b;

		b.to = &rsa;
		expect_status(&b, HSMIME_EFORMAT, cases[i].what);
		b.to = &ec;
		b.indefinite = true;
		expect_status(&b, HSMIME_EFORMAT, cases[i].what);
	}
}

static void content_that_is_elsewhere_is_unsupported(void **state)
{
	struct building b = { .to = &rsa, .absent = true };

	(void)state;
	expect_status(&b, HSMIME_EUNSUPPORTED, "CBC");
	b.authenticated = true;
	expect_status(&b, HSMIME_EUNSUPPORTED, "GCM");
}

static void well_formed_variants_open(void **state)
{
	static const struct building variants[] = {
		{ .authenticated = true, .tag_len = 12, .icv_len = 12 },
		{ .authenticated = true, .tag_len = 12, .icv_len = 0 },
		{ .authenticated = true, .tag_len = 14, .icv_len = 14 },
		{ .authenticated = true, .iv_len = 8 },
		{ .authenticated = true, .iv_len = 128 },
		{ .authenticated = true, .attributes = true },
		{ .authenticated = true, .attributes = true, .free_attributes = true },
		{ .authenticated = true, .attributes = true, .unsorted = true },
		{ .authenticated = true,
		    .attributes = true,
		    .signed_content = true,
		    .content_type = "\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02" },
		{ .free_attributes = true },
		{ .indefinite = true, .nested = true },
		{ .authenticated = true, .indefinite = true, .nested = true, .attributes = true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(variants) / sizeof(variants[0]); i++) {
		struct building b = variants[i];
		struct opening o = { .key = rsa.key };
		struct buffer message;

		b.to = &rsa;
		build(&message, &b, plain, LEN);
		expect_plain(&o, &message, plain, LEN);
		buffer_free(&message);
	}
}

static void attributes_are_authenticated_in_a_second_pass(void **state)
{
	struct building b = { .to = &rsa, .authenticated = true, .attributes = true };
	struct opening o = { .key = rsa.key };
	struct buffer message;

	(void)state;
	build(&message, &b, plain, LEN);
	assert_int_equal(open_message(&o, message.data, message.len), 0);
	assert_int_equal(o.read_backs, 1);
	opening_clear(&o);
	o.no_read_back = true;
	assert_int_equal(open_message(&o, message.data, message.len), HSMIME_EUNSUPPORTED);
	opening_clear(&o);
	buffer_free(&message);
	b.wrong_aad = true;
	o.no_read_back = false;
	build(&message, &b, plain, LEN);
	assert_int_equal(open_message(&o, message.data, message.len), HSMIME_EINVALID);
	opening_clear(&o);
	buffer_free(&message);
}

static void without_authentication_policy_refuses_before_any_key(void **state)
{
	struct opening o = { .key = rsa.key, .require_authenticated = true };
	struct buffer message;

	(void)state;
	make_kind(&message, 0);
	assert_int_equal(open_message(&o, message.data, message.len), HSMIME_EPOLICY);
	assert_int_equal(o.finds, 0);
	assert_int_equal(o.plain.len, 0);
	opening_clear(&o);
	assert_int_equal(open_message(&o, message.data, message.len - 1), HSMIME_EFORMAT);
	opening_clear(&o);
	buffer_free(&message);
	make_kind(&message, 1);
	expect_plain(&o, &message, plain, LEN);
	buffer_free(&message);
}

static void without_a_key_the_reason_of_the_search_is_the_result(void **state)
{
	(void)state;
	for (size_t kind = 0; kind < BUILD_KINDS; kind++) {
		struct opening o = { .key = NULL };
		struct buffer message;

		make_kind(&message, kind);
		assert_int_equal(open_message(&o, message.data, message.len), HSMIME_ENOKEY);
		assert_string_equal(o.err.message, "nobody has a key");
		assert_int_equal(o.finds, 1);
		assert_int_equal(o.plain.len, 0);
		opening_clear(&o);
		buffer_free(&message);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_opens_one_octet_at_a_time),
		cmocka_unit_test(truncation_anywhere_is_malformed_whatever_the_key),
		cmocka_unit_test(a_failing_sink_is_its_status_at_every_offset),
		cmocka_unit_test(altered_octets_never_give_another_plaintext),
		cmocka_unit_test(malformed_parts_are_malformed_whatever_the_key),
		cmocka_unit_test(content_that_is_elsewhere_is_unsupported),
		cmocka_unit_test(well_formed_variants_open),
		cmocka_unit_test(attributes_are_authenticated_in_a_second_pass),
		cmocka_unit_test(without_authentication_policy_refuses_before_any_key),
		cmocka_unit_test(without_a_key_the_reason_of_the_search_is_the_result),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
