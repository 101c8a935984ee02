/* What a change of the PIN makes of the token's answers, and in which order PINs are read for it. */
#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <unistd.h>

#include "change_rig.h"

/* What a call is refused with, and what is said then. */
struct refusal {
	CK_RV rv;
	int status;
	const char *message, *hint;
};

#define LENGTH(list) (sizeof(list) / sizeof((list)[0]))

typedef int (*change_function)(struct engine *e, const struct pin_job *job, struct error *err);

/* Each of list from function, and then what follows, with the same PINs. */
static void says(change_function change, const struct pin_job *job, const char *function,
    const struct refusal *list, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		pin_rig.proxy->refuse(function, list[i].rv, 0, 1);
		change_fails(change(pin_rig.e, job, &pin_rig.err), list[i].status, list[i].message);
		if (strstr(pin_rig.err.hint, list[i].hint) == NULL)
			fail_msg("\"%s\" / \"%s\"", pin_rig.err.message, pin_rig.err.hint);
		assert_int_equal(pin_rig.proxy->count(function), i + 1);
	}
}

static const struct refusal of_the_new_pin[] = {
	{ CKR_PIN_INVALID, HSMIME_EPIN, "does not take the new PIN (CKR_PIN_INVALID)", "another" },
	{ CKR_PIN_LEN_RANGE, HSMIME_EPIN, "does not take the new PIN (CKR_PIN_LEN_RANGE)",
	    "length" },
	{ CKR_PIN_TOO_WEAK, HSMIME_EPIN, "does not take the new PIN (CKR_PIN_TOO_WEAK)",
	    "another" },
	{ CKR_TOKEN_WRITE_PROTECTED, HSMIME_ETOKEN, "write-protected", "write protection" },
	{ CKR_DEVICE_MEMORY, HSMIME_ETOKEN, "no memory", "driver" },
};

static void refusals_of_a_new_pin_are_not_the_puk_s(void **state)
{
	static const struct refusal puk[] = {
		{ CKR_USER_NOT_LOGGED_IN, HSMIME_ETOKEN, "asks for a login (unblock the PIN",
		    "user_pin_unblock_style" },
		{ CKR_SESSION_READ_ONLY, HSMIME_ETOKEN, "for reading only",
		    "user_pin_unblock_style" },
		{ CKR_PIN_LOCKED, HSMIME_EPIN, "does not unblock its PIN", "its PUK is locked" },
		{ CKR_USER_ALREADY_LOGGED_IN, HSMIME_ETOKEN, "somebody logged in", "close" },
	};
	struct pin_job job = { .puk = true };

	(void)state;
	person.puk = pin_rig_right;
	change_engine(NULL, true);
	pin_rig.proxy->set_flags(CKF_USER_PIN_LOCKED);
	says(engine_pin_unblock, &job, "C_SetPIN", of_the_new_pin, LENGTH(of_the_new_pin));
	pin_rig.proxy->reset();
	pin_rig.proxy->set_flags(CKF_USER_PIN_LOCKED);
	says(engine_pin_unblock, &job, "C_SetPIN", puk, LENGTH(puk));
	assert_int_equal(engine_pin_unblock(pin_rig.e, &job, &pin_rig.err), 0);
}

static void a_vague_refusal_of_a_puk_may_be_a_wrong_one(void **state)
{
	struct pin_job job = { .puk = true };

	(void)state;
	person.puk = pin_rig_right;
	change_engine(NULL, true);
	pin_rig.proxy->set_flags(CKF_USER_PIN_LOCKED);
	pin_rig.proxy->refuse("C_SetPIN", CKR_GENERAL_ERROR, 0, 1);
	change_fails(engine_pin_unblock(pin_rig.e, &job, &pin_rig.err), HSMIME_EPIN,
	    "did not unblock the PIN (CKR_GENERAL_ERROR)");
	assert_non_null(strstr(pin_rig.err.hint, "that the PUK is right"));
	change_fails(engine_pin_unblock(pin_rig.e, &job, &pin_rig.err), HSMIME_EPIN, "before");
	assert_int_equal(pin_rig.proxy->count("C_SetPIN"), 1);
}

static void what_a_login_showed_to_be_right_is_not_blamed_for_the_change(void **state)
{
	static const struct refusal vague[] = {
		{ CKR_GENERAL_ERROR, HSMIME_ETOKEN, "failed (change the PIN: CKR_GENERAL_ERROR)",
		    "try again" },
		{ CKR_FUNCTION_FAILED, HSMIME_ETOKEN, "failed (change the PIN", "try again" },
	};

	(void)state;
	change_engine(NULL, true);
	says(engine_pin_change, &change_plain, "C_SetPIN", of_the_new_pin, LENGTH(of_the_new_pin));
	pin_rig.proxy->reset();
	says(engine_pin_change, &change_plain, "C_SetPIN", vague, LENGTH(vague));
	assert_int_equal(engine_pin_change(pin_rig.e, &change_plain, &pin_rig.err), 0);
}

static void refusals_of_a_new_pin_are_not_the_officer_s(void **state)
{
	(void)state;
	change_engine(NULL, true);
	says(
	    engine_pin_unblock, &change_plain, "C_InitPIN", of_the_new_pin, LENGTH(of_the_new_pin));
	assert_int_equal(engine_pin_unblock(pin_rig.e, &change_plain, &pin_rig.err), 0);
}

static void a_token_that_can_not_be_made_now_says_nothing_of_the_officer_s_pin(void **state)
{
	static const struct refusal list[] = {
		{ CKR_SESSION_EXISTS, HSMIME_ETOKEN, "has sessions open", "close the other" },
		{ CKR_TOKEN_WRITE_PROTECTED, HSMIME_ETOKEN, "write-protected", "write" },
		{ CKR_FUNCTION_NOT_SUPPORTED, HSMIME_ETOKEN, "can't do it", "another" },
		{ CKR_OPERATION_ACTIVE, HSMIME_ETOKEN, "busy", "try again" },
		{ CKR_USER_ALREADY_LOGGED_IN, HSMIME_ETOKEN, "somebody logged in", "close" },
		/* Nobody is given a new one. */
		{ CKR_PIN_LEN_RANGE, HSMIME_EPIN, "refused the PIN", "security officer's PIN" },
	};
	struct pin_job job = { .uri = "pkcs11:token=Alpha", .label = "Gamma", .erase = true };

	(void)state;
	change_engine(NULL, true);
	says(engine_pin_init, &job, "C_InitToken", list, LENGTH(list));
	change_fails(engine_pin_init(pin_rig.e, &job, &pin_rig.err), HSMIME_EPIN, "before");
	assert_int_equal(pin_rig.proxy->count("C_InitToken"), LENGTH(list));
}

/* Another part of the program, in the same module. */
static void log_in_beside(void)
{
	CK_FUNCTION_LIST *f = softtoken_proxy_functions();
	CK_SESSION_HANDLE session = 0;

	assert_int_equal(
	    f->C_OpenSession(softtoken_slot(f, "Alpha"), CKF_SERIAL_SESSION, NULL, NULL, &session),
	    CKR_OK);
	assert_int_equal(
	    f->C_Login(session, CKU_USER, (unsigned char *)pin_rig_right, strlen(pin_rig_right)),
	    CKR_OK);
	pin_rig.proxy->reset();
}

/* C_Login does not look at the old PIN then, so that C_SetPIN is the try. */
static void a_pin_that_only_the_change_looks_at_is_sent_once(CK_RV rv)
{
	struct pin_job job = { .new_source = "env:NEW_PIN" };

	setenv("OLD_PIN", rv == CKR_OK ? pin_rig_wrong : pin_rig_right, 1);
	setenv("NEW_PIN", "new-pin-1", 1);
	change_engine("env:OLD_PIN", false);
	log_in_beside();
	if (rv != CKR_OK)
		pin_rig.proxy->refuse("C_SetPIN", rv, 0, 1);
	assert_int_equal(engine_pin_change(pin_rig.e, &job, &pin_rig.err), HSMIME_EPIN);
	assert_int_equal(pin_rig.proxy->count("C_SetPIN"), 1);
	change_fails(
	    engine_pin_change(pin_rig.e, &job, &pin_rig.err), HSMIME_EPIN, "of this source before");
	/* By another process neither. */
	change_engine("env:OLD_PIN", false);
	log_in_beside();
	change_fails(
	    engine_pin_change(pin_rig.e, &job, &pin_rig.err), HSMIME_EPIN, "of this source before");
	assert_int_equal(pin_rig.proxy->count("C_SetPIN"), 0);
	assert_int_equal(engine_pin_forget(pin_rig.e, &job, &pin_rig.err), 0);
}

static void beside_another_login_a_wrong_old_pin_is_remembered(void **state)
{
	char folder[300];

	(void)state;
	snprintf(folder, sizeof(folder), "%s/state", pin_rig.st.folder);
	pin_rig.state_dir = folder;
	a_pin_that_only_the_change_looks_at_is_sent_once(CKR_OK);
	a_pin_that_only_the_change_looks_at_is_sent_once(CKR_GENERAL_ERROR);
}

static void beside_another_login_a_new_pin_that_is_refused_is_not_the_old_one_s_fault(void **state)
{
	struct pin_job job = { .new_source = "env:NEW_PIN" };

	(void)state;
	setenv("OLD_PIN", pin_rig_right, 1);
	setenv("NEW_PIN", "new-pin-1", 1);
	change_engine("env:OLD_PIN", false);
	log_in_beside();
	says(engine_pin_change, &job, "C_SetPIN", of_the_new_pin, LENGTH(of_the_new_pin));
	assert_int_equal(engine_pin_change(pin_rig.e, &job, &pin_rig.err), 0);
}

static void the_officer_s_refused_pin_outlasts_a_change_of_the_user_s(void **state)
{
	(void)state;
	person.so = pin_rig_wrong;
	change_engine(NULL, true);
	change_fails(engine_pin_unblock(pin_rig.e, &change_plain, &pin_rig.err), HSMIME_EPIN,
	    "CKR_PIN_INCORRECT");
	assert_int_equal(engine_pin_change(pin_rig.e, &change_plain, &pin_rig.err), 0);
	pin_rig.proxy->reset();
	change_fails(engine_pin_unblock(pin_rig.e, &change_plain, &pin_rig.err), HSMIME_EPIN,
	    "refused this PIN before");
	assert_int_equal(pin_rig.proxy->count("C_Login"), 0);
}

/* A pipe with two lines; its name as a source. */
static int two_lines(char name[16], const char *first, const char *second)
{
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	assert_true(dprintf(ends[1], "%s\n%s\n", first, second) > 0);
	close(ends[1]);
	snprintf(name, 16, "fd:%d", ends[0]);
	return ends[0];
}

static void from_one_descriptor_the_puk_comes_before_the_new_pin(void **state)
{
	char name[16];
	int fd = two_lines(name, pin_rig_right, "new-pin-1");
	struct pin_job job = { .puk = true, .so_source = name, .new_source = name };

	(void)state;
	change_engine(NULL, false);
	pin_rig.proxy->set_flags(CKF_USER_PIN_LOCKED);
	assert_int_equal(engine_pin_unblock(pin_rig.e, &job, &pin_rig.err), 0);
	close(fd);
	pin_rig.proxy->reset();
	person.user = "new-pin-1";
	change_engine(NULL, true);
	assert_int_equal(pin_rig_find(PIN_RIG_KEY), 0);
}

static void a_puk_does_not_become_the_pin(void **state)
{
	char name[16];
	int fd = two_lines(name, pin_rig_right, pin_rig_right);
	struct pin_job job = { .puk = true, .so_source = name, .new_source = name };

	(void)state;
	change_engine(NULL, false);
	pin_rig.proxy->set_flags(CKF_USER_PIN_LOCKED);
	assert_int_equal(engine_pin_unblock(pin_rig.e, &job, &pin_rig.err), HSMIME_EPIN);
	assert_non_null(strstr(pin_rig.err.message, "the new PIN is the PUK"));
	assert_int_equal(pin_rig.proxy->count("C_SetPIN"), 0);
	close(fd);
}

static void an_erased_token_s_officer_s_pin_comes_before_the_new_pin(void **state)
{
	char name[16];
	int fd = two_lines(name, SO_PIN, "new-pin-1");
	struct pin_job job = { .uri = "pkcs11:token=Beta",
		.label = "Gamma",
		.erase = true,
		.so_source = name,
		.new_source = name };
	struct pin_job again = { .uri = "pkcs11:token=Gamma", .new_source = "env:NEW_PIN" };
	struct engine_options options = { .module = PROXY_MODULE, .pin_source = "env:OLD_PIN" };

	(void)state;
	setenv("OLD_PIN", "new-pin-1", 1);
	setenv("NEW_PIN", "new-pin-2", 1);
	engine_free(pin_rig.e);
	assert_int_equal(engine_new(&pin_rig.e, &options, &pin_rig.err), 0);
	assert_int_equal(engine_pin_init(pin_rig.e, &job, &pin_rig.err), 0);
	close(fd);
	assert_int_equal(engine_pin_change(pin_rig.e, &again, &pin_rig.err), 0);
}

static char confirmed[100];

static int refuse(void *arg, const char *label, const char *serial)
{
	snprintf(confirmed, sizeof(confirmed), "%s %s", label, serial);
	return *(int *)arg;
}

static void what_is_not_confirmed_is_not_erased(void **state)
{
	int answer = -1;
	struct pin_job job = { .uri = "pkcs11:token=Alpha",
		.label = "Gamma",
		.erase = true,
		.confirm = refuse,
		.confirm_arg = &answer };

	(void)state;
	change_engine(NULL, true);
	change_fails(engine_pin_init(pin_rig.e, &job, &pin_rig.err), HSMIME_EUSAGE,
	    "erasing token \"Alpha\" was not confirmed");
	assert_memory_equal(confirmed, "Alpha ", 6);
	assert_true(strlen(confirmed) > 10);
	assert_string_equal(person.asked, "");
	answer = 0;
	person.so = NULL;
	assert_int_equal(engine_pin_init(pin_rig.e, &job, &pin_rig.err), HSMIME_EPIN);
	assert_string_equal(person.asked, "so ");
	assert_int_equal(pin_rig.proxy->count("C_InitToken"), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, change_rig_begin, change_rig_end)
	const struct CMUnitTest tests[] = {
		TEST(refusals_of_a_new_pin_are_not_the_puk_s),
		TEST(a_vague_refusal_of_a_puk_may_be_a_wrong_one),
		TEST(what_a_login_showed_to_be_right_is_not_blamed_for_the_change),
		TEST(refusals_of_a_new_pin_are_not_the_officer_s),
		TEST(a_token_that_can_not_be_made_now_says_nothing_of_the_officer_s_pin),
		TEST(beside_another_login_a_wrong_old_pin_is_remembered),
		TEST(beside_another_login_a_new_pin_that_is_refused_is_not_the_old_one_s_fault),
		TEST(the_officer_s_refused_pin_outlasts_a_change_of_the_user_s),
		TEST(from_one_descriptor_the_puk_comes_before_the_new_pin),
		TEST(an_erased_token_s_officer_s_pin_comes_before_the_new_pin),
		TEST(a_puk_does_not_become_the_pin),
		TEST(what_is_not_confirmed_is_not_erased),
	};

	return cmocka_run_group_tests(tests, pin_rig_set_up, pin_rig_tear_down);
}
