/* The saboteur of slots, and of who waits for them, does what it is told. */
#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <pthread.h>

#include "proxy_rig.h"

static void *wait_in_thread(void *arg)
{
	CK_SLOT_ID id = 0;

	*(CK_RV *)arg = proxy_rig.f->C_WaitForSlotEvent(0, &id, NULL);
	return NULL;
}

static void slot_events_are_waited_for(void **state)
{
	CK_SLOT_ID id = 0;
	CK_RV rv = 1;
	pthread_t thread;

	(void)state;
	proxy_rig.proxy->slot_events(PROXY_EVENTS_UNSUPPORTED);
	assert_int_equal(proxy_rig.f->C_WaitForSlotEvent(0, &id, NULL), CKR_FUNCTION_NOT_SUPPORTED);
	proxy_rig.proxy->slot_events(PROXY_EVENTS_WORK);
	assert_int_equal(proxy_rig.f->C_WaitForSlotEvent(CKF_DONT_BLOCK, &id, NULL), CKR_NO_EVENT);
	assert_int_equal(pthread_create(&thread, NULL, wait_in_thread, &rv), 0);
	proxy_rig.proxy->lose("Saboteur");
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(rv, CKR_OK);
	proxy_rig.proxy->bring_back();
	assert_int_equal(proxy_rig.f->C_WaitForSlotEvent(0, &id, NULL), CKR_OK);
	assert_int_equal(id, proxy_rig.slot);
}

static bool lists_slot(CK_BBOOL present)
{
	CK_SLOT_ID list[64];
	CK_ULONG count = 64;

	assert_int_equal(proxy_rig.f->C_GetSlotList(present, list, &count), CKR_OK);
	for (CK_ULONG i = 0; i < count; i++)
		if (list[i] == proxy_rig.slot)
			return true;
	return false;
}

static void a_token_goes_and_comes_with_its_reader(void **state)
{
	CK_SLOT_ID id = 0;
	CK_ULONG before = 0, count = 0;
	CK_RV rv = 1;
	pthread_t thread;

	(void)state;
	assert_int_equal(proxy_rig.f->C_GetSlotList(CK_FALSE, NULL, &before), CKR_OK);
	proxy_rig.proxy->slot_events(PROXY_EVENTS_WORK);
	proxy_rig.proxy->lose_readers(1);
	proxy_rig.proxy->lose("Saboteur");
	assert_false(lists_slot(CK_FALSE));
	assert_int_equal(proxy_rig.f->C_GetSlotList(CK_FALSE, NULL, &count), CKR_OK);
	assert_int_equal(count, before - 1);
	assert_false(lists_slot(CK_FALSE));
	assert_int_equal(proxy_rig.f->C_WaitForSlotEvent(0, &id, NULL), CKR_OK);
	assert_int_equal(pthread_create(&thread, NULL, wait_in_thread, &rv), 0);
	proxy_rig.proxy->bring_back();
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(rv, CKR_OK);
	assert_false(lists_slot(CK_FALSE));
	assert_int_equal(proxy_rig.f->C_GetSlotList(CK_TRUE, NULL, &count), CKR_OK);
	assert_true(lists_slot(CK_TRUE));
}

static void a_token_shows_in_two_slots(void **state)
{
	CK_SLOT_ID list[64];
	CK_ULONG count = 64;
	CK_TOKEN_INFO a, b;

	(void)state;
	proxy_rig.proxy->twin_slots(1);
	assert_int_equal(proxy_rig.f->C_GetSlotList(CK_TRUE, list, &count), CKR_OK);
	assert_int_equal(count % 2, 0);
	for (CK_ULONG i = 0; i < count / 2; i++) {
		assert_int_not_equal(list[i], list[i + count / 2]);
		assert_int_equal(proxy_rig.f->C_GetTokenInfo(list[i], &a), CKR_OK);
		assert_int_equal(proxy_rig.f->C_GetTokenInfo(list[i + count / 2], &b), CKR_OK);
		assert_memory_equal(a.serialNumber, b.serialNumber, sizeof(a.serialNumber));
	}
}

static void slots_are_hidden(void **state)
{
	CK_SLOT_ID list[8];
	CK_ULONG count = 8;

	(void)state;
	proxy_rig.proxy->hide_slots(1);
	assert_int_equal(proxy_rig.f->C_GetSlotList(CK_FALSE, list, &count), CKR_OK);
	assert_int_equal(count, 0);
	proxy_rig.proxy->hide_slots(0);
	count = 8;
	assert_int_equal(proxy_rig.f->C_GetSlotList(CK_FALSE, list, &count), CKR_OK);
	assert_in_range(count, 1, 8);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, proxy_rig_begin, proxy_rig_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(slot_events_are_waited_for),
		TEST(a_token_goes_and_comes_with_its_reader),
		TEST(a_token_shows_in_two_slots),
		TEST(slots_are_hidden),
	};

	return cmocka_run_group_tests(tests, proxy_rig_set_up, proxy_rig_tear_down);
}
