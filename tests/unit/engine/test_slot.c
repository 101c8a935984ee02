/* engine/slot.h over a module made here, which leaves an error in OpenSSL's queue on each call. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <pthread.h>

#include <openssl/err.h>

#include "engine/module.h"
#include "engine/recovery.h"
#include "engine/slot.h"
#include "engine/slot_ask.h"

#define MANY 300

/* What the module shows and how it behaves. */
static struct {
	CK_ULONG slots;
	CK_RV token[MANY];    /* of C_GetTokenInfo */
	bool count_first;     /* no list without the question how many */
	bool grows;           /* one slot more after each such question, 3 times */
	bool not_initialised; /* until C_Initialize */
	unsigned counted, lists;
} shown;

static void noise(void)
{
	ERR_raise(ERR_LIB_USER, 1);
}

static CK_RV initialize(void *args)
{
	(void)args;
	noise();
	shown.not_initialised = false;
	return CKR_OK;
}

static CK_RV finalize(void *reserved)
{
	(void)reserved;
	return CKR_OK;
}

static CK_RV get_slot_list(CK_BBOOL present, CK_SLOT_ID *list, CK_ULONG *count)
{
	CK_ULONG room = *count;

	noise();
	assert_int_equal(present, CK_TRUE);
	shown.lists++;
	if (list == NULL)
		shown.counted++;
	else if (shown.count_first && shown.counted == 0)
		return CKR_FUNCTION_FAILED;
	else if (shown.grows && shown.counted < 3)
		shown.slots++;
	*count = shown.slots;
	if (list != NULL && room < shown.slots)
		return CKR_BUFFER_TOO_SMALL;
	for (CK_ULONG i = 0; list != NULL && i < shown.slots; i++)
		list[i] = i;
	return CKR_OK;
}

static CK_RV get_slot_info(CK_SLOT_ID slot, CK_SLOT_INFO *info)
{
	(void)slot;
	noise();
	memset(info, 'G', sizeof(*info));
	return CKR_DEVICE_ERROR;
}

static CK_RV get_token_info(CK_SLOT_ID slot, CK_TOKEN_INFO *info)
{
	noise();
	if (shown.not_initialised)
		return CKR_CRYPTOKI_NOT_INITIALIZED;
	if (slot >= shown.slots || shown.token[slot] != CKR_OK)
		return slot >= shown.slots ? CKR_SLOT_ID_INVALID : shown.token[slot];
	memset(info, ' ', sizeof(*info));
	info->flags = CKF_TOKEN_INITIALIZED;
	info->serialNumber[0] = (unsigned char)('A' + slot / 26);
	info->serialNumber[1] = (unsigned char)('A' + slot % 26);
	return CKR_OK;
}

static char path[] = "made-here";
static CK_FUNCTION_LIST functions = { .C_Initialize = initialize,
	.C_Finalize = finalize,
	.C_GetSlotList = get_slot_list,
	.C_GetSlotInfo = get_slot_info,
	.C_GetTokenInfo = get_token_info };
static struct module module;
static struct error err;

static int begin(void **state)
{
	(void)state;
	memset(&shown, 0, sizeof(shown));
	memset(&err, 0, sizeof(err));
	module = (struct module){ .path = path, .functions = &functions };
	pthread_mutex_init(&module.lock, NULL);
	gate_init(&module.turn);
	gate_init(&module.refresh);
	ERR_clear_error();
	return 0;
}

static int end(void **state)
{
	(void)state;
	token_free_all(&module);
	return 0;
}

static size_t tokens(void)
{
	size_t n = 0;

	for (struct token *t = token_first(&module); t != NULL; t = token_after(t))
		n++;
	return n;
}

static void lists(size_t expected)
{
	assert_int_equal(token_refresh(&module, &err), 0);
	assert_int_equal(tokens(), expected);
	assert_int_equal(ERR_peek_error(), 0);
}

static void slots_are_listed_by_one_call_at_first_and_counted_from_then_on(void **state)
{
	(void)state;
	shown.slots = 2;
	lists(2);
	assert_int_equal(shown.lists, 1);
	shown.slots = 3;
	lists(3);
	assert_int_equal(shown.lists, 3);
	assert_int_equal(shown.counted, 1);
}

static void slots_are_counted_from_then_on_where_the_first_had_no_token(void **state)
{
	(void)state;
	shown.slots = 1;
	shown.token[0] = CKR_TOKEN_NOT_PRESENT;
	lists(0);
	shown.token[0] = CKR_OK;
	lists(1);
	assert_int_equal(shown.counted, 1);
}

static void any_number_of_slots_is_listed(void **state)
{
	(void)state;
	shown.slots = MANY;
	lists(MANY);
	lists(MANY);
}

static void a_module_that_is_to_be_asked_how_many_first_is(void **state)
{
	(void)state;
	shown.slots = 2;
	shown.count_first = true;
	lists(2);
}

static void a_slot_that_appears_between_the_calls_is_listed_too(void **state)
{
	(void)state;
	shown.slots = 70;
	shown.grows = true;
	lists(73);
}

static void a_list_that_is_absurd_is_refused(void **state)
{
	(void)state;
	shown.slots = (CK_ULONG)-1;
	assert_int_equal(token_refresh(&module, &err), HSMIME_ENOMEM);
	assert_int_equal(tokens(), 0);
}

static void a_slot_that_fails_does_not_hide_the_others(void **state)
{
	(void)state;
	shown.slots = 3;
	shown.token[1] = CKR_DEVICE_ERROR;
	lists(2);
}

static void where_every_slot_fails_that_is_the_error(void **state)
{
	(void)state;
	shown.slots = 2;
	shown.token[0] = CKR_DEVICE_ERROR;
	shown.token[1] = CKR_TOKEN_NOT_PRESENT;
	assert_int_equal(token_refresh(&module, &err), HSMIME_ETOKEN);
	assert_non_null(strstr(err.message, "CKR_DEVICE_ERROR"));
	shown.token[0] = CKR_OK;
	lists(1);
}

static void a_slot_that_does_not_say_what_it_is_has_no_description(void **state)
{
	CK_SLOT_INFO info, none = { 0 };

	(void)state;
	shown.slots = 1;
	lists(1);
	assert_int_equal(token_slot_info(&info, token_first(&module)), CKR_DEVICE_ERROR);
	assert_memory_equal(&info, &none, sizeof(info));
}

static void what_the_program_had_in_the_queue_stays_and_nothing_of_the_module_comes(void **state)
{
	(void)state;
	shown.slots = 1;
	lists(1);
	ERR_raise(ERR_LIB_USER, 2);
	shown.not_initialised = true;
	assert_int_equal(token_reconnect(token_first(&module), &err), 0);
	assert_false(shown.not_initialised);
	assert_int_equal(ERR_GET_REASON(ERR_get_error()), 2);
	assert_int_equal(ERR_get_error(), 0);
}

static void *look_at_the_flags(void *arg)
{
	for (int i = 0; i < 20000; i++)
		(void)!token_update_flags(arg);
	return NULL;
}

static void a_token_that_is_looked_at_meanwhile_stays_one(void **state)
{
	pthread_t thread;

	(void)state;
	shown.slots = 1;
	lists(1);
	assert_int_equal(pthread_create(&thread, NULL, look_at_the_flags, token_first(&module)), 0);
	for (int i = 0; i < 20000; i++)
		assert_int_equal(token_refresh(&module, &err), 0);
	pthread_join(thread, NULL);
	assert_int_equal(tokens(), 1);
}

#define test(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(slots_are_listed_by_one_call_at_first_and_counted_from_then_on),
		test(slots_are_counted_from_then_on_where_the_first_had_no_token),
		test(any_number_of_slots_is_listed),
		test(a_module_that_is_to_be_asked_how_many_first_is),
		test(a_slot_that_appears_between_the_calls_is_listed_too),
		test(a_list_that_is_absurd_is_refused),
		test(a_slot_that_fails_does_not_hide_the_others),
		test(where_every_slot_fails_that_is_the_error),
		test(a_slot_that_does_not_say_what_it_is_has_no_description),
		test(what_the_program_had_in_the_queue_stays_and_nothing_of_the_module_comes),
		test(a_token_that_is_looked_at_meanwhile_stays_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
