/* Oddities of real modules, imitated: README.md says which is which. */
#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "odd_rig.h"
#include "operate.h"

/* libp11 finds no key at all beside one of a type that it does not know. */
static void a_key_of_another_kind_hides_no_other(void **state)
{
	hsmime_key *keys = NULL;
	size_t count = 0, usable = 0;

	(void)state;
	odd_rig_edwards(3);
	assert_int_equal(
	    engine_keys(&keys, &count, odd_rig.e, "pkcs11:token=Odd", true, &odd_rig.err), 0);
	for (size_t i = 0; i < count; i++)
		usable += strcmp(keys[i].type, "RSA") == 0 || strcmp(keys[i].type, "EC") == 0;
	engine_keys_free(keys, count);
	assert_in_range(usable, 2, 3);
	assert_int_equal(operate_sign(odd_rig.rsa, &odd_rig.err), 0);
	assert_int_equal(operate_sign(odd_rig.ec, &odd_rig.err), 0);
}

/* The ways in which modules answer bad padding; what each is seen on is in README.md. */
static const struct proxy_padding paddings[] = {
	{ CKR_GENERAL_ERROR, 0, 0 },
	{ CKR_GENERAL_ERROR, 0, 1 },
	{ CKR_ENCRYPTED_DATA_INVALID, 0, 0 },
	{ CKR_ENCRYPTED_DATA_LEN_RANGE, 0, 0 },
	{ CKR_DATA_INVALID, 0, 0 },
	{ CKR_DATA_LEN_RANGE, 0, 0 },
	{ CKR_FUNCTION_FAILED, 0, 0 },
	{ CKR_DEVICE_ERROR, 0, 0 },
	{ CKR_OK, 1, 0 },
	{ CKR_OK, 0, 0 },
	{ CKR_OK, 15, 0 },
	{ CKR_OK, 245, 0 },
};

static int decrypt_with_substitute(
    unsigned char *out, const unsigned char *data, size_t len, const unsigned char *substitute)
{
	size_t out_len = 512;
	struct token_decrypt q = { .scheme = TOKEN_DECRYPT_RSA_PKCS1,
		.data = data,
		.len = len,
		.substitute = substitute,
		.substitute_len = 16 };
	int r = token_key_decrypt(odd_rig.rsa, out, &out_len, &q, &odd_rig.err);

	assert_int_equal(out_len, r == 0 ? 16 : 0);
	return r;
}

static void every_answer_to_bad_padding_gives_the_substitute(void **state)
{
	static const unsigned char substitute[16] = "the substitute!";
	unsigned char garbage[256], out[512];

	(void)state;
	memset(garbage, 0x11, sizeof(garbage));
	for (size_t i = 0; i < sizeof(paddings) / sizeof(paddings[0]); i++) {
		odd_rig.proxy->reset();
		odd_rig.proxy->bad_padding(&paddings[i]);
		assert_int_equal(
		    decrypt_with_substitute(out, garbage, sizeof(garbage), substitute), 0);
		assert_memory_equal(out, substitute, sizeof(substitute));
		assert_int_equal(odd_rig.proxy->count("C_Decrypt"), 1);
		/* tpm2-pkcs11: the session is spoilt, and the next message does not notice. */
		assert_int_equal(operate_sign(odd_rig.rsa, &odd_rig.err), 0);
		assert_int_equal(
		    decrypt_with_substitute(out, garbage, sizeof(garbage), substitute), 0);
		assert_memory_equal(out, substitute, sizeof(substitute));
		assert_int_equal(odd_rig.proxy->count("C_Login"), 0);
	}
}

/* SoftHSM of OpenSSL 3.2 and later, NSS: random octets, perhaps as many as a key has. */
static void random_octets_are_taken_for_a_key_only_where_they_are_as_long(void **state)
{
	static const struct proxy_padding random = { CKR_OK, 16, 0 };
	static const unsigned char substitute[16] = "the substitute!";
	unsigned char garbage[256], out[512];

	(void)state;
	memset(garbage, 0x11, sizeof(garbage));
	odd_rig.proxy->bad_padding(&random);
	assert_int_equal(decrypt_with_substitute(out, garbage, sizeof(garbage), substitute), 0);
	assert_memory_not_equal(out, substitute, sizeof(substitute));
}

static void no_decryption_asks_for_less_room_than_the_modulus(void **state)
{
	static const enum proxy_room rooms[] = { PROXY_ROOM_REFUSE, PROXY_ROOM_REFUSE_ECHO,
		PROXY_ROOM_TRUNCATE };
	unsigned char data[512];
	size_t len = operate_encrypt(data, odd_rig.rsa);

	(void)state;
	for (size_t i = 0; i < sizeof(rooms) / sizeof(rooms[0]); i++) {
		odd_rig.proxy->room(rooms[i]);
		assert_int_equal(operate_decrypt(odd_rig.rsa, data, len, &odd_rig.err), 0);
	}
}

/* A question for the size would use the login up, and the slot would be logged out. */
static void a_key_that_asks_each_time_is_asked_nothing_else(void **state)
{
	static const enum proxy_authenticate ways[] = { PROXY_AUTHENTICATE_PLAIN,
		PROXY_AUTHENTICATE_OPENSC };
	unsigned char data[512];
	size_t len = operate_encrypt(data, odd_rig.rsa);

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct token_key *k = NULL;

		odd_rig.proxy->reset();
		odd_rig.proxy->authenticate(1, ways[i]);
		k = operate_key(odd_rig.e, ODD_RIG_RSA, ENGINE_SIGN);
		assert_int_equal(operate_sign(k, &odd_rig.err), 0);
		assert_int_equal(operate_decrypt(k, data, len, &odd_rig.err), 0);
		assert_int_equal(operate_sign(k, &odd_rig.err), 0);
		assert_int_equal(odd_rig.proxy->count("C_Login"), 3);
		assert_int_equal(odd_rig.proxy->count("C_Sign"), 2);
		assert_int_equal(odd_rig.proxy->count("C_Decrypt"), 1);
		token_key_free(k);
	}
}

/*
 * OpenSC, where the key does not tell that it asks: the refusal has logged the slot out. The
 * first operation uses up the login that was made before.
 */
static void a_slot_that_a_refusal_logged_out_is_logged_in_as_user(void **state)
{
	unsigned char data[512];
	size_t len = operate_encrypt(data, odd_rig.rsa);

	(void)state;
	odd_rig.proxy->authenticate(1, PROXY_AUTHENTICATE_UNTOLD);
	for (unsigned long i = 1; i <= 3; i++) {
		assert_int_equal(operate_sign(odd_rig.rsa, &odd_rig.err), 0);
		assert_int_equal(operate_decrypt(odd_rig.rsa, data, len, &odd_rig.err), 0);
		assert_int_equal(odd_rig.proxy->count("C_Login"), 2 * i - 1);
	}
	assert_int_equal(odd_rig.proxy->repeated_pins(), 0);
}

/* What C_UnwrapKey wants differs from module to module. */
static void a_key_that_may_decrypt_does_not_unwrap(void **state)
{
	unsigned char data[512];
	size_t len = operate_encrypt(data, odd_rig.rsa);

	(void)state;
	assert_int_equal(operate_decrypt(odd_rig.rsa, data, len, &odd_rig.err), 0);
	assert_int_equal(odd_rig.proxy->count("C_UnwrapKey"), 0);
}

/* The same label and ID on two tokens: the serial number decides, after a loss too. */
static void tokens_of_one_label_are_told_apart_by_their_serial_numbers(void **state)
{
	struct token_key *keys[2] = { NULL, NULL };
	struct engine_found found = { 0 };
	hsmime_token *tokens = NULL;
	size_t count = 0, twins = 0;
	char uri[256];

	(void)state;
	assert_int_equal(engine_find_key(&found, odd_rig.e, "pkcs11:token=Twin;id=%01", ENGINE_SIGN,
			     &odd_rig.err),
	    HSMIME_ENOKEY);
	assert_int_equal(engine_tokens(&tokens, &count, odd_rig.e, &odd_rig.err), 0);
	for (size_t i = 0; i < count && twins < 2; i++) {
		if (strcmp(tokens[i].label, "Twin") != 0)
			continue;
		snprintf(uri, sizeof(uri), "pkcs11:token=Twin;serial=%s;id=%%01", tokens[i].serial);
		keys[twins++] = operate_key(odd_rig.e, uri, ENGINE_SIGN);
	}
	engine_tokens_free(tokens, count);
	assert_int_equal(twins, 2);
	assert_int_equal(EVP_PKEY_eq(token_key_public(keys[0]), token_key_public(keys[1])), 0);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(operate_sign(keys[i], &odd_rig.err), 0);
		odd_rig.proxy->lose("Twin");
		odd_rig.proxy->bring_back();
		assert_int_equal(operate_sign(keys[i], &odd_rig.err), 0);
	}
	token_key_free(keys[0]);
	token_key_free(keys[1]);
}

/* Blank ones all look alike. */
static size_t tokens_in_use(void)
{
	struct engine *e = operate_engine();
	hsmime_token *tokens = NULL;
	size_t count = 0, in_use = 0;

	assert_int_equal(engine_tokens(&tokens, &count, e, &odd_rig.err), 0);
	for (size_t i = 0; i < count; i++)
		in_use += (tokens[i].flags & HSMIME_TOKEN_INITIALIZED) != 0;
	engine_tokens_free(tokens, count);
	engine_free(e);
	return in_use;
}

static void one_token_in_two_slots_is_one_token(void **state)
{
	struct engine *e = NULL;
	struct token_key *k = NULL;
	size_t alone = tokens_in_use();

	(void)state;
	odd_rig.proxy->twin_slots(1);
	assert_int_equal(tokens_in_use(), alone);
	e = operate_engine();
	k = operate_key(e, ODD_RIG_EC, ENGINE_SIGN);
	assert_int_equal(operate_sign(k, &odd_rig.err), 0);
	assert_int_equal(odd_rig.proxy->count("C_Login"), 0);
	token_key_free(k);
	engine_free(e);
}

static void a_refused_session_has_the_status_that_is_told(void **state)
{
	static const CK_RV codes[] = { CKR_HOST_MEMORY, CKR_DEVICE_MEMORY, CKR_PIN_EXPIRED,
		CKR_GENERAL_ERROR };
	static const int statuses[] = { HSMIME_ENOMEM, HSMIME_ETOKEN, HSMIME_EPIN, HSMIME_ETOKEN };

	(void)state;
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		odd_rig.proxy->reset();
		odd_rig.proxy->lose("Odd");
		odd_rig.proxy->bring_back();
		odd_rig.proxy->refuse("C_OpenSession", codes[i], 0, 9);
		assert_int_equal(operate_sign(odd_rig.ec, &odd_rig.err), statuses[i]);
		assert_int_equal(odd_rig.err.code, statuses[i]);
	}
}

static void five_thousand_keys_cost_no_more_calls(void **state)
{
	unsigned long few = 0;

	(void)state;
	token_key_free(operate_key(odd_rig.e, ODD_RIG_EC, ENGINE_SIGN));
	few = odd_rig.proxy->round_trips();
	odd_rig.proxy->reset();
	odd_rig.proxy->extra_keys(5000);
	token_key_free(operate_key(odd_rig.e, ODD_RIG_EC, ENGINE_SIGN));
	assert_int_equal(odd_rig.proxy->round_trips(), few);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, odd_rig_begin, odd_rig_end)
		TEST(a_key_of_another_kind_hides_no_other),
		TEST(every_answer_to_bad_padding_gives_the_substitute),
		TEST(random_octets_are_taken_for_a_key_only_where_they_are_as_long),
		TEST(no_decryption_asks_for_less_room_than_the_modulus),
		TEST(a_key_that_asks_each_time_is_asked_nothing_else),
		TEST(a_slot_that_a_refusal_logged_out_is_logged_in_as_user),
		TEST(a_key_that_may_decrypt_does_not_unwrap),
		TEST(tokens_of_one_label_are_told_apart_by_their_serial_numbers),
		TEST(one_token_in_two_slots_is_one_token),
		TEST(a_refused_session_has_the_status_that_is_told),
		TEST(five_thousand_keys_cost_no_more_calls),
	};

	return cmocka_run_group_tests(tests, odd_rig_set_up, odd_rig_tear_down);
}
