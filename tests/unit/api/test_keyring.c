/* The keyring: what it holds for whom, who searches, and that strangers never fill it for good. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/evp.h>

#include "api/keyring.h"
#include "engine/token_key.h"
#include "util/clock.h"

static _Atomic int64_t later; /* milliseconds that went by beside the real ones */

int64_t __real_clock_ms(clockid_t clock);
int64_t __wrap_clock_ms(clockid_t clock);

int64_t __wrap_clock_ms(clockid_t clock)
{
	return __real_clock_ms(clock) + later;
}

struct name {
	unsigned char serial[8];
	struct recipient recipient;
};

static struct recipient *called(struct name *n, unsigned number)
{
	memset(n, 0, sizeof(*n));
	memcpy(n->serial, &number, sizeof(number));
	n->recipient.serial = n->serial;
	n->recipient.serial_len = sizeof(n->serial);
	n->recipient.issuer = (const unsigned char *)"CA";
	n->recipient.issuer_len = 2;
	return &n->recipient;
}

static EVP_PKEY *some_key(void)
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");

	assert_non_null(key);
	return key;
}

/* What the ring says of the recipients; a key is freed. */
static int ask(EVP_PKEY **key, struct keyring *r, const struct recipient *recipients, size_t count)
{
	struct token_key *used = NULL;
	struct error err = { 0 };
	size_t index = 0;
	int status = keyring_get(&used, key, &index, r, recipients, count, &err);

	if (status == 0)
		EVP_PKEY_free(*key);
	if (status == HSMIME_ENOKEY)
		assert_int_not_equal(err.message[0], '\0');
	token_key_free(used);
	return status;
}

static int setup(void **state)
{
	later = 0;
	return keyring_new((struct keyring **)state);
}

static int teardown(void **state)
{
	keyring_free(*state);
	return 0;
}

static void a_key_is_for_the_recipient_that_it_was_found_for(void **state)
{
	struct keyring *r = *state;
	EVP_PKEY *one = some_key(), *two = some_key(), *got = NULL;
	struct name a, b, c;

	keyring_put(r, called(&a, 1), NULL, one);
	keyring_put(r, called(&b, 2), NULL, two);
	called(&c, 3);
	assert_int_equal(ask(&got, r, &a.recipient, 1), 0);
	assert_ptr_equal(got, one);
	assert_int_equal(ask(&got, r, &b.recipient, 1), 0);
	assert_ptr_equal(got, two);
	assert_int_equal(ask(&got, r, &c.recipient, 1), KEYRING_UNKNOWN);
	/* The same octets, and another kind of key. */
	a.recipient.kind = RECIPIENT_EC;
	assert_int_equal(ask(&got, r, &a.recipient, 1), KEYRING_UNKNOWN);
	EVP_PKEY_free(one);
	EVP_PKEY_free(two);
}

static void the_first_recipient_with_a_key_is_told(void **state)
{
	struct keyring *r = *state;
	struct recipient both[2];
	struct token_key *used = NULL;
	EVP_PKEY *key = some_key(), *got = NULL;
	struct error err = { 0 };
	struct name a, b;
	size_t index = 0;

	keyring_none(r, called(&a, 1), 1);
	keyring_put(r, called(&b, 2), NULL, key);
	both[0] = a.recipient;
	both[1] = b.recipient;
	assert_int_equal(keyring_get(&used, &got, &index, r, both, 2, &err), 0);
	assert_int_equal(index, 1);
	EVP_PKEY_free(got);
	EVP_PKEY_free(key);
}

static void that_there_is_none_holds_for_a_while(void **state)
{
	struct keyring *r = *state;
	struct recipient both[2];
	EVP_PKEY *got = NULL;
	struct name a, b;

	keyring_none(r, called(&a, 1), 1);
	assert_int_equal(ask(&got, r, &a.recipient, 1), HSMIME_ENOKEY);
	both[0] = a.recipient;
	both[1] = *called(&b, 2);
	assert_int_equal(ask(&got, r, both, 2), KEYRING_UNKNOWN);
	keyring_searched(r, both, 2);
	later = KEYRING_FORGETS_S * 1000;
	assert_int_equal(ask(&got, r, &a.recipient, 1), KEYRING_UNKNOWN);
}

struct asker {
	struct keyring *r;
	const struct recipient *recipient;
	EVP_PKEY *got;
	int status;
};

static void *run_asker(void *arg)
{
	struct asker *a = arg;

	a->status = ask(&a->got, a->r, a->recipient, 1);
	return NULL;
}

static void who_asks_while_another_searches_gets_what_that_found(void **state)
{
	struct asker others[8];
	pthread_t ids[8];
	EVP_PKEY *key = some_key(), *got = NULL;
	struct name a;

	assert_int_equal(ask(&got, *state, called(&a, 1), 1), KEYRING_UNKNOWN);
	for (size_t i = 0; i < 8; i++) {
		others[i] = (struct asker){ .r = *state, .recipient = &a.recipient };
		assert_int_equal(pthread_create(&ids[i], NULL, run_asker, &others[i]), 0);
	}
	keyring_put(*state, &a.recipient, NULL, key);
	keyring_searched(*state, &a.recipient, 1);
	for (size_t i = 0; i < 8; i++) {
		pthread_join(ids[i], NULL);
		assert_int_equal(others[i].status, 0);
		assert_ptr_equal(others[i].got, key);
	}
	EVP_PKEY_free(key);
}

/* A person may be at it, or the token hang: then each looks for itself. */
static void a_search_that_takes_long_is_not_waited_for(void **state)
{
	int64_t began = __real_clock_ms(CLOCK_MONOTONIC);
	EVP_PKEY *got = NULL;
	struct name a;

	assert_int_equal(ask(&got, *state, called(&a, 1), 1), KEYRING_UNKNOWN);
	assert_int_equal(ask(&got, *state, &a.recipient, 1), KEYRING_UNKNOWN);
	assert_in_range(__real_clock_ms(CLOCK_MONOTONIC) - began, KEYRING_WAIT_MS - 50, 60 * 1000);
	/* One that found nothing to say (no token) is over too. */
	keyring_searched(*state, &a.recipient, 1);
	assert_int_equal(ask(&got, *state, &a.recipient, 1), KEYRING_UNKNOWN);
}

static void strangers_make_room_when_they_were_asked_for_long_ago(void **state)
{
	struct keyring *r = *state;
	EVP_PKEY *key = some_key(), *got = NULL;
	struct name n;

	keyring_put(r, called(&n, 0), NULL, key);
	for (unsigned i = 1; i < KEYRING_MAX; i++)
		keyring_none(r, called(&n, i), 1);
	/* Full: the next is not remembered, and those that are there stay. */
	keyring_none(r, called(&n, KEYRING_MAX), 1);
	assert_int_equal(ask(&got, r, &n.recipient, 1), KEYRING_UNKNOWN);
	assert_int_equal(ask(&got, r, called(&n, KEYRING_MAX - 1), 1), HSMIME_ENOKEY);
	later = KEYRING_FORGETS_S * 1000;
	for (unsigned i = 0; i < KEYRING_MAX - 1; i++) {
		keyring_none(r, called(&n, 100000 + i), 1);
		assert_int_equal(ask(&got, r, &n.recipient, 1), HSMIME_ENOKEY);
	}
	assert_int_equal(ask(&got, r, called(&n, 0), 1), 0);
	assert_ptr_equal(got, key);
	EVP_PKEY_free(key);
}

/* Whatever a hostile message calls its recipient takes no memory for long. */
static void a_name_that_is_too_long_is_searched_each_time(void **state)
{
	static const unsigned char issuer[2000];
	EVP_PKEY *got = NULL;
	struct name n;

	called(&n, 1)->issuer = issuer;
	n.recipient.issuer_len = sizeof(issuer);
	keyring_none(*state, &n.recipient, 1);
	assert_int_equal(ask(&got, *state, &n.recipient, 1), KEYRING_UNKNOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    a_key_is_for_the_recipient_that_it_was_found_for, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    the_first_recipient_with_a_key_is_told, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    that_there_is_none_holds_for_a_while, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    who_asks_while_another_searches_gets_what_that_found, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    a_search_that_takes_long_is_not_waited_for, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    strangers_make_room_when_they_were_asked_for_long_ago, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    a_name_that_is_too_long_is_searched_each_time, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
