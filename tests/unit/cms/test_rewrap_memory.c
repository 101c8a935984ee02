/*
 * OpenSSL's allocations fail in turn while a message is rewrapped: no crash, no leak, no success
 * that isn't one. The content key comes without a private-key operation of OpenSSL's, and without
 * EC keys: it crashes in both by itself (test_enveloped_memory.c).
 */
#include "cms/openssl_allocation.h"
#include "cms/rewrap_support.h"

#define LEN 100
#define TURNS_MAX 20000

static struct party rsa;
static struct party added;
static unsigned char *plain;

static int setup(void **state)
{
	(void)state;
	rsa = party_rsa(1);
	added = party_rsa(2);
	plain = some_octets(LEN);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	party_free(&rsa);
	party_free(&added);
	free(plain);
	return 0;
}

/* The content key of every message that build makes. */
static int unwrap_known(
    void *arg, struct content_key *out, const struct content_wrapped *wrapped, struct error *err)
{
	static const unsigned char key[16] = { 1, 2, 3, 4, 5, 6, 7, 8 };

	(void)arg;
	(void)wrapped;
	if (secret_new(&out->octets, sizeof(key)) != 0)
		return error_nomem(err);
	memcpy(out->octets.data, key, sizeof(key));
	out->octets.len = sizeof(key);
	return 0;
}

static bool begins_right(const unsigned char *data, size_t len)
{
	return len == LEN && memcmp(data, plain, LEN) == 0;
}

static void in_turn(const struct building *b, bool keep)
{
	struct content_unwrapper known = { unwrap_known, NULL };
	struct rewrap_try t = { .key = rsa.key,
		.add = { &added },
		.unwrapper = &known,
		.keeps = keep ? rewrap_keeps_all : NULL,
		.judge = begins_right };
	struct opening o = { .key = added.key };
	struct buffer message;
	bool through = false;
	int turn;

	build(&message, b, plain, LEN);
	for (turn = 1; !through && turn < TURNS_MAX; turn++) {
		openssl_allocation_countdown = turn;
		rewrap_message(&t, message.data, message.len);
		through = openssl_allocation_countdown > 0;
		openssl_allocation_countdown = 0;
		assert_int_equal(t.result.count, t.status == 0 ? 1 + keep : 0);
		if (t.status == 0) {
			/* DER sorts the set: the place of the new one is found by trying. */
			while (open_message(&o, t.out.data, t.out.len) != 0 || o.plain.len != LEN ||
			       memcmp(o.plain.data, plain, LEN) != 0) {
				opening_clear(&o);
				assert_true(++o.index < t.result.count);
			}
			opening_clear(&o);
			o.index = 0;
		}
		if (through)
			assert_int_equal(t.status, 0);
		rewrap_clear(&t);
	}
	assert_in_range(turn, 50, TURNS_MAX - 1);
	buffer_free(&message);
}

static void rewrapping_survives_without_memory(void **state)
{
	(void)state;
	for (int i = 0; i < 8; i++) {
		struct building b = {
			.to = &rsa, .authenticated = i & 1, .indefinite = i & 2, .nested = i & 2
		};

		in_turn(&b, i & 4);
	}
}

/* Where the tag can't be computed it does not hold. */
static void what_was_altered_is_never_taken_for_good(void **state)
{
	struct content_unwrapper known = { unwrap_known, NULL };
	struct rewrap_try t = {
		.key = rsa.key, .add = { &added }, .unwrapper = &known, .judge = begins_right
	};
	struct building b = { .to = &rsa, .authenticated = true };
	struct buffer message;
	bool through = false;

	(void)state;
	build(&message, &b, plain, LEN);
	message.data[message.len - 1] ^= 1;
	for (int turn = 1; !through && turn < TURNS_MAX; turn++) {
		openssl_allocation_countdown = turn;
		rewrap_message(&t, message.data, message.len);
		through = openssl_allocation_countdown > 0;
		openssl_allocation_countdown = 0;
		assert_int_not_equal(t.status, 0);
		assert_int_equal(t.result.count, 0);
		rewrap_clear(&t);
	}
	assert_true(through);
	buffer_free(&message);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rewrapping_survives_without_memory),
		cmocka_unit_test(what_was_altered_is_never_taken_for_good),
	};

	if (!openssl_allocation_fails())
		return 1;
	return cmocka_run_group_tests(tests, setup, teardown);
}
