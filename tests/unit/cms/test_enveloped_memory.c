/*
 * OpenSSL's allocations fail in turn: no crash, no leak, no success that isn't one.
 * Private-key operations of software keys are left out: OpenSSL 3.0 crashes in them by itself
 * (EVP_KDF_CTX_new) or spoils the key (RSA blinding).
 */
#include "cms/openssl_allocation.h"
#include "cms/enveloped_support.h"

#define LEN 100
#define TURNS_MAX 20000

static struct party rsa;
static struct party ec;
static unsigned char *plain;

static int setup(void **state)
{
	(void)state;
	rsa = party_rsa(1);
	ec = party_ec("P-256", 2);
	plain = some_octets(LEN);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	party_free(&rsa);
	party_free(&ec);
	free(plain);
	return 0;
}

static void reading(const struct party *to, const char *cipher)
{
	struct sealing s = { .to = { to }, .cipher = cipher };
	struct opening o = { .key = NULL };
	struct buffer message;
	int turn;

	seal(&message, &s, plain, LEN);
	for (turn = 1; turn < TURNS_MAX; turn++) {
		bool through;

		openssl_allocation_countdown = turn;
		open_message(&o, message.data, message.len);
		through = openssl_allocation_countdown > 0;
		openssl_allocation_countdown = 0;
		assert_true(o.status < 0);
		assert_int_equal(o.result.count, 0);
		if (through)
			assert_int_equal(o.status, HSMIME_ENOKEY);
		opening_clear(&o);
		if (through)
			break;
	}
	assert_in_range(turn, 10, TURNS_MAX - 1);
	buffer_free(&message);
}

static void reading_survives_without_memory(void **state)
{
	(void)state;
	reading(&rsa, "aes-256-gcm");
	reading(&ec, "aes-128-cbc");
}

static void writing(const char *cipher)
{
	struct sealing s = { .to = { &rsa }, .cipher = cipher };
	struct opening o = { .key = rsa.key };
	int turn;

	for (turn = 1; turn < TURNS_MAX; turn++) {
		struct buffer message;
		bool through;
		int status;

		openssl_allocation_countdown = turn;
		status = seal_try(&message, &s, plain, LEN);
		through = openssl_allocation_countdown > 0;
		openssl_allocation_countdown = 0;
		if (status == 0)
			expect_plain(&o, &message, plain, LEN);
		else
			assert_true(status < 0);
		buffer_free(&message);
		if (through)
			break;
	}
	assert_in_range(turn, 10, TURNS_MAX - 1);
}

static void writing_survives_without_memory(void **state)
{
	(void)state;
	writing("aes-128-cbc");
	writing("aes-256-gcm");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reading_survives_without_memory),
		cmocka_unit_test(writing_survives_without_memory),
	};

	if (!openssl_allocation_fails())
		return 1;
	return cmocka_run_group_tests(tests, setup, teardown);
}
