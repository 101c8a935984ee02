/* The saboteur does what it is told: no test that relies on it passes for want of sabotage. */
#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <pthread.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "proxy_plan.h"
#include "proxy_rig.h"

static void a_token_that_was_lost_comes_back_with_other_handles(void **state)
{
	CK_SESSION_HANDLE old_session = proxy_rig.session;
	CK_OBJECT_HANDLE old_key = proxy_rig_key();
	CK_SESSION_INFO info;
	CK_SLOT_INFO slot_info;
	CK_TOKEN_INFO token;
	CK_ULONG count = 0, all = 0;

	(void)state;
	proxy_rig.proxy->lose("Saboteur");
	assert_int_equal(proxy_rig_sign(old_key), CKR_DEVICE_REMOVED);
	assert_int_equal(proxy_rig_sign(old_key), CKR_SESSION_HANDLE_INVALID);
	assert_int_equal(
	    proxy_rig.f->C_GetTokenInfo(proxy_rig.slot, &token), CKR_TOKEN_NOT_PRESENT);
	assert_int_equal(proxy_rig.f->C_OpenSession(
			     proxy_rig.slot, CKF_SERIAL_SESSION, NULL, NULL, &proxy_rig.session),
	    CKR_TOKEN_NOT_PRESENT);
	assert_int_equal(proxy_rig.f->C_GetSlotList(CK_TRUE, NULL, &count), CKR_OK);
	assert_int_equal(proxy_rig.f->C_GetSlotList(CK_FALSE, NULL, &all), CKR_OK);
	assert_int_equal(all, count + 1);
	assert_int_equal(proxy_rig.f->C_GetSlotInfo(proxy_rig.slot, &slot_info), CKR_OK);
	assert_int_equal(slot_info.flags & CKF_TOKEN_PRESENT, 0);
	assert_int_equal(proxy_rig.proxy->sessions(), 0);
	proxy_rig.proxy->bring_back();
	proxy_rig_open_session();
	assert_int_not_equal(proxy_rig.session, old_session);
	assert_int_equal(proxy_rig.f->C_GetSessionInfo(proxy_rig.session, &info), CKR_OK);
	assert_int_equal(info.state, CKS_RW_PUBLIC_SESSION);
	assert_int_equal(proxy_rig_log_in(SOFTTOKEN_PIN), CKR_OK);
	assert_int_not_equal(proxy_rig_key(), old_key);
	assert_int_equal(proxy_rig_begin_sign(old_key), CKR_KEY_HANDLE_INVALID);
	assert_int_equal(proxy_rig_sign(proxy_rig_key()), CKR_OK);
	assert_int_equal(proxy_rig.f->C_CloseSession(old_session), CKR_SESSION_HANDLE_INVALID);
}

static void a_token_goes_at_a_call_that_was_named(void **state)
{
	CK_OBJECT_HANDLE k = proxy_rig_key();

	(void)state;
	proxy_rig.proxy->lose_at("C_Sign", 1);
	assert_int_equal(proxy_rig_sign(k), CKR_OK);
	assert_int_equal(proxy_rig_sign(k), CKR_DEVICE_REMOVED);
	proxy_rig.proxy->bring_back_at("C_GetSlotList", 0);
	assert_int_equal(softtoken_slot(proxy_rig.f, "Saboteur"), proxy_rig.slot);
}

static void a_stale_answer_is_given_once(void **state)
{
	CK_TOKEN_INFO token;

	(void)state;
	proxy_rig.proxy->stale_info(1);
	proxy_rig.proxy->removal(CKR_GENERAL_ERROR);
	proxy_rig.proxy->lose(NULL);
	assert_int_equal(proxy_rig.f->C_GetTokenInfo(proxy_rig.slot, &token), CKR_OK);
	assert_memory_equal(token.label, "Saboteur", 8);
	assert_int_equal(
	    proxy_rig.f->C_GetTokenInfo(proxy_rig.slot, &token), CKR_TOKEN_NOT_PRESENT);
	assert_int_equal(proxy_rig.f->C_Logout(proxy_rig.session), CKR_GENERAL_ERROR);
}

static void *sign_in_thread(void *arg)
{
	*(CK_RV *)arg = proxy_rig_finish_sign();
	return NULL;
}

static void a_call_hangs_until_it_is_released(void **state)
{
	CK_RV rv = 1;
	pthread_t thread;

	(void)state;
	assert_int_equal(proxy_rig_begin_sign(proxy_rig_key()), CKR_OK);
	proxy_rig.proxy->hang("C_Sign", 0);
	assert_int_equal(pthread_create(&thread, NULL, sign_in_thread, &rv), 0);
	proxy_rig.proxy->await_hanging(1);
	proxy_rig.proxy->release();
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(rv, CKR_OK);
	/* What hangs while the token goes gets what the others get. */
	assert_int_equal(proxy_rig_begin_sign(proxy_rig_key()), CKR_OK);
	proxy_rig.proxy->hang("C_Sign", 0);
	assert_int_equal(pthread_create(&thread, NULL, sign_in_thread, &rv), 0);
	proxy_rig.proxy->await_hanging(1);
	proxy_rig.proxy->lose(NULL);
	proxy_rig.proxy->release();
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(rv, CKR_DEVICE_REMOVED);
}

static void keys_are_pretended_where_none_is_named(void **state)
{
	static CK_OBJECT_HANDLE handles[6000];
	CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
	CK_ATTRIBUTE t = { CKA_CLASS, &class, sizeof(class) };
	unsigned char id[32];
	CK_ATTRIBUTE name = { CKA_ID, id, sizeof(id) };
	CK_ULONG count = 0;

	(void)state;
	proxy_rig.proxy->extra_keys(5000);
	assert_int_equal(proxy_rig.f->C_FindObjectsInit(proxy_rig.session, &t, 1), CKR_OK);
	assert_int_equal(
	    proxy_rig.f->C_FindObjects(proxy_rig.session, handles, 6000, &count), CKR_OK);
	assert_int_equal(proxy_rig.f->C_FindObjectsFinal(proxy_rig.session), CKR_OK);
	assert_int_equal(count, 5001);
	assert_int_equal(
	    proxy_rig.f->C_GetAttributeValue(proxy_rig.session, handles[5000], &name, 1), CKR_OK);
	assert_int_equal(name.ulValueLen, strlen("extra-1"));
	assert_int_not_equal(proxy_rig_key(), 0);
}

static CK_RV refuse_all(const char *name, void *arg)
{
	return strcmp(name, "C_SignInit") == 0 ? *(CK_RV *)arg : CKR_OK;
}

static void calls_are_slow_and_judged(void **state)
{
	CK_RV rv = CKR_DEVICE_MEMORY;
	struct timespec a, b;
	CK_OBJECT_HANDLE k = proxy_rig_key();

	(void)state;
	proxy_rig.proxy->delay("C_Sign", 20000);
	clock_gettime(CLOCK_MONOTONIC, &a);
	assert_int_equal(proxy_rig_sign(k), CKR_OK);
	clock_gettime(CLOCK_MONOTONIC, &b);
	assert_true((b.tv_sec - a.tv_sec) * 1000000000 + b.tv_nsec - a.tv_nsec >= 20000000);
	proxy_rig.proxy->delay("C_Sign", 0);
	proxy_rig.proxy->delay(NULL, 10000);
	clock_gettime(CLOCK_MONOTONIC, &a);
	assert_int_equal(proxy_rig_sign(k), CKR_OK);
	clock_gettime(CLOCK_MONOTONIC, &b);
	assert_true((b.tv_sec - a.tv_sec) * 1000000000 + b.tv_nsec - a.tv_nsec >= 20000000);
	proxy_rig.proxy->judge(refuse_all, &rv);
	assert_int_equal(proxy_rig_sign(k), CKR_DEVICE_MEMORY);
	assert_int_equal(proxy_rig.proxy->count("C_SignInit"), 3);
}

static void what_is_planned_for_one_token_spares_the_others(void **state)
{
	CK_OBJECT_HANDLE k = proxy_rig_key();

	(void)state;
	proxy_rig.proxy->refuse("C_SignInit", CKR_DEVICE_ERROR, 0, 2);
	proxy_rig.proxy->only("Another");
	assert_int_equal(proxy_rig_sign(k), CKR_OK);
	proxy_rig.proxy->only("Saboteur");
	assert_int_equal(proxy_rig_sign(k), CKR_DEVICE_ERROR);
	proxy_rig.proxy->only("Sabot");
	assert_int_equal(proxy_rig_sign(k), CKR_OK);
	proxy_rig.proxy->only(NULL);
	assert_int_equal(proxy_rig_sign(k), CKR_DEVICE_ERROR);
	assert_int_equal(proxy_rig_sign(k), CKR_OK);
	assert_int_equal(proxy_rig.proxy->count("C_SignInit"), 5);
}

static void a_token_says_of_its_sessions_what_it_is_told(void **state)
{
	CK_TOKEN_INFO own, told;

	(void)state;
	assert_int_equal(proxy_rig.f->C_GetTokenInfo(proxy_rig.slot, &own), CKR_OK);
	proxy_rig.proxy->report_sessions(8);
	proxy_rig.proxy->report_open(7);
	assert_int_equal(proxy_rig.f->C_GetTokenInfo(proxy_rig.slot, &told), CKR_OK);
	assert_int_equal(told.ulMaxSessionCount, 8);
	assert_int_equal(told.ulSessionCount, 7);
	proxy_rig.proxy->reset();
	assert_int_equal(proxy_rig.f->C_GetTokenInfo(proxy_rig.slot, &told), CKR_OK);
	assert_int_equal(told.ulMaxSessionCount, own.ulMaxSessionCount);
	assert_int_equal(told.ulSessionCount, own.ulSessionCount);
}

static void a_token_says_what_it_is_told_of_its_label_and_flags(void **state)
{
	CK_TOKEN_INFO own, told;

	(void)state;
	assert_int_equal(proxy_rig.f->C_GetTokenInfo(proxy_rig.slot, &own), CKR_OK);
	assert_int_equal(own.flags & CKF_CLOCK_ON_TOKEN, 0);
	proxy_rig.proxy->relabel("Other");
	proxy_rig.proxy->set_flags(CKF_CLOCK_ON_TOKEN);
	assert_int_equal(proxy_rig.f->C_GetTokenInfo(proxy_rig.slot, &told), CKR_OK);
	assert_memory_equal(told.label, "Other                           ", 32);
	assert_int_equal(told.flags, own.flags | CKF_CLOCK_ON_TOKEN);
	proxy_rig.proxy->reset();
	assert_int_equal(proxy_rig.f->C_GetTokenInfo(proxy_rig.slot, &told), CKR_OK);
	assert_memory_equal(told.label, own.label, sizeof(own.label));
	assert_int_equal(told.flags, own.flags);
}

static void sessions_beyond_the_limit_are_refused(void **state)
{
	CK_SESSION_HANDLE another = 0, one_more = 0;
	CK_FUNCTION_LIST *f = proxy_rig.f;

	(void)state;
	proxy_rig.proxy->limit_sessions(2);
	assert_int_equal(
	    f->C_OpenSession(proxy_rig.slot, CKF_SERIAL_SESSION, NULL, NULL, &another), CKR_OK);
	assert_int_equal(
	    f->C_OpenSession(proxy_rig.slot, CKF_SERIAL_SESSION, NULL, NULL, &one_more),
	    CKR_SESSION_COUNT);
	assert_int_equal(proxy_rig.proxy->sessions(), 2);
	assert_int_equal(f->C_CloseSession(another), CKR_OK);
	assert_int_equal(
	    f->C_OpenSession(proxy_rig.slot, CKF_SERIAL_SESSION, NULL, NULL, &one_more), CKR_OK);
}

static void a_module_can_t_lock(void **state)
{
	CK_C_INITIALIZE_ARGS locks = { .flags = CKF_OS_LOCKING_OK };
	CK_FUNCTION_LIST *f = proxy_rig.f;

	(void)state;
	proxy_rig.proxy->cant_lock(1);
	assert_int_equal(f->C_Initialize(&locks), CKR_CRYPTOKI_ALREADY_INITIALIZED);
	assert_int_equal(f->C_Finalize(NULL), CKR_OK);
	assert_int_equal(f->C_Initialize(&locks), CKR_CANT_LOCK);
	assert_int_equal(f->C_Initialize(NULL), CKR_OK);
	assert_int_equal(f->C_Finalize(NULL), CKR_OK);
	proxy_rig.proxy->cant_lock(0);
	assert_int_equal(f->C_Initialize(&locks), CKR_OK);
}

/* Before C_Initialize no slot is known: the one that is meant goes then. */
static void a_token_that_was_lost_before_the_start_is_not_there(void **state)
{
	CK_TOKEN_INFO token;

	(void)state;
	assert_int_equal(proxy_rig.f->C_Finalize(NULL), CKR_OK);
	proxy_rig.proxy->lose("Saboteur");
	assert_int_equal(proxy_rig.f->C_Initialize(NULL), CKR_OK);
	assert_int_equal(
	    proxy_rig.f->C_GetTokenInfo(proxy_rig.slot, &token), CKR_TOKEN_NOT_PRESENT);
	proxy_rig.proxy->bring_back();
	assert_int_equal(proxy_rig.f->C_GetTokenInfo(proxy_rig.slot, &token), CKR_OK);
}

/* Arguments that no function takes for anything: each is called as one of so many numbers. */
typedef CK_RV (*any_function)(
    CK_ULONG, CK_ULONG, CK_ULONG, CK_ULONG, CK_ULONG, CK_ULONG, CK_ULONG, CK_ULONG);

/* In a process of its own, since some of the calls are passed on: whether the second one is refused alone. */
static int refuses_the_second(const char *name, any_function call)
{
	CK_RV rv[3];

	alarm(20);
	proxy_rig.proxy->refuse(name, CKR_VENDOR_DEFINED, 1, 1);
	for (size_t i = 0; i < 3; i++)
		rv[i] = call(0, 0, 0, 0, 0, 0, 0, 0);
	return rv[0] != CKR_VENDOR_DEFINED && rv[1] == CKR_VENDOR_DEFINED &&
		       rv[2] != CKR_VENDOR_DEFINED && proxy_rig.proxy->count(name) == 3
		   ? 0
		   : 1;
}

static void any_call_of_any_function_is_refused(void **state)
{
#define FUNCTION(name) { "C_" #name, (any_function)(void (*)(void))proxy_rig.f->C_##name },
	const struct {
		const char *name;
		any_function call;
	} functions[] = { PROXY_FUNCTIONS(FUNCTION) };
#undef FUNCTION

	(void)state;
	for (size_t i = 0; i < FUNCTIONS; i++) {
		int status = -1;
		pid_t pid = fork();

		if (pid == 0)
			_exit(refuses_the_second(functions[i].name, functions[i].call));
		assert_int_equal(waitpid(pid, &status, 0), pid);
		if (status != 0)
			fail_msg("%s: %#x", functions[i].name, (unsigned)status);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, proxy_rig_begin, proxy_rig_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_token_that_was_lost_comes_back_with_other_handles),
		TEST(a_token_goes_at_a_call_that_was_named),
		TEST(a_stale_answer_is_given_once),
		TEST(a_call_hangs_until_it_is_released),
		TEST(keys_are_pretended_where_none_is_named),
		TEST(calls_are_slow_and_judged),
		TEST(what_is_planned_for_one_token_spares_the_others),
		TEST(a_token_says_of_its_sessions_what_it_is_told),
		TEST(a_token_says_what_it_is_told_of_its_label_and_flags),
		TEST(sessions_beyond_the_limit_are_refused),
		TEST(a_module_can_t_lock),
		TEST(a_token_that_was_lost_before_the_start_is_not_there),
		TEST(any_call_of_any_function_is_refused),
	};

	return cmocka_run_group_tests(tests, proxy_rig_set_up, proxy_rig_tear_down);
}
