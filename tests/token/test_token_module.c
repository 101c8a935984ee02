#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <dirent.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "token_rig.h"

static void refuses(const char *module, const char *message, const char *hint)
{
	struct engine_options options = { .module = module };
	struct engine *e = NULL;

	assert_int_equal(engine_new(&e, &options, &token_rig.err), HSMIME_ETOKEN);
	assert_null(e);
	assert_int_equal(token_rig.err.code, HSMIME_ETOKEN);
	if (strstr(token_rig.err.message, message) == NULL ||
	    strstr(token_rig.err.hint, hint) == NULL)
		fail_msg("\"%s\" / \"%s\"", token_rig.err.message, token_rig.err.hint);
}

static void what_is_no_module_is_refused_by_name(void **state)
{
	char text[300];
	FILE *f = NULL;

	(void)state;
	refuses("/no/such/module.so", "/no/such/module.so", "No such file");
	refuses("softhsm2", "can't load the PKCS#11 module softhsm2", "with a slash");
	refuses("libcrypto.so.3", "libcrypto.so.3 is not a PKCS#11 module", "softhsm");
	snprintf(text, sizeof(text), "%s/text.so", token_rig.st.folder);
	f = fopen(text, "w");
	assert_non_null(f);
	fputs("no library at all\n", f);
	fclose(f);
	refuses(text, "can't load", "");
	refuses(token_rig.st.folder, "can't load", "");
	token_rig_works();
}

/* In a process that has not opened the module before. */
static void in_child(void (*body)(void))
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		body();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void refuse_without_functions(void)
{
	setenv("PROXY_INNER", "/no/such/module.so", 1);
	refuses(PROXY_MODULE, "does not start (CKR_GENERAL_ERROR)", "configuration");
	refuses(PROXY_MODULE, "does not start (CKR_GENERAL_ERROR)", "configuration");
	unsetenv("PROXY_INNER");
	token_rig_works();
}

/* The module whose own module is missing gives no functions; nothing of it is kept for later. */
static void a_module_without_functions_is_refused_until_it_has_them(void **state)
{
	(void)state;
	in_child(refuse_without_functions);
}

static void refuse_without_list(void)
{
	token_rig.proxy->refuse("C_GetSlotList", CKR_GENERAL_ERROR, 0, 2);
	refuses(PROXY_MODULE, "list the tokens", "service");
	token_rig_works();
}

static void a_module_whose_slots_can_not_be_listed_is_refused_and_may_start_later(void **state)
{
	(void)state;
	in_child(refuse_without_list);
}

static void a_module_that_does_not_start_is_refused_and_may_start_later(void **state)
{
	(void)state;
	token_rig.proxy->refuse("C_Initialize", CKR_DEVICE_ERROR, 0, 1);
	refuses(PROXY_MODULE, "does not start (CKR_DEVICE_ERROR)", "service");
	token_rig.proxy->refuse("C_GetSlotList", CKR_GENERAL_ERROR, 0, 2);
	refuses(PROXY_MODULE, "list the tokens", "configuration");
	assert_true(token_rig.proxy->count("C_Finalize") > 0);
	token_rig_works();
}

static void use_blank_folder(void)
{
	char folder[600], path[700];
	FILE *f = NULL;

	snprintf(folder, sizeof(folder), "%s/blank", token_rig.st.folder);
	assert_int_equal(mkdir(folder, 0700), 0);
	snprintf(path, sizeof(path), "%s/blank.conf", token_rig.st.folder);
	f = fopen(path, "w");
	assert_non_null(f);
	fprintf(f, "directories.tokendir = %s\n", folder);
	fclose(f);
	setenv("SOFTHSM2_CONF", path, 1);
}

static void finds_no_token(struct engine *e)
{
	struct engine_found found = { 0 };
	hsmime_key *keys = NULL;
	size_t count = 1;

	assert_int_equal(
	    engine_find_key(&found, e, NULL, ENGINE_SIGN, &token_rig.err), HSMIME_ENOKEY);
	assert_string_equal(token_rig.err.message, "no token is there");
	assert_int_equal(
	    engine_find_key(&found, e, TOKEN_RIG_EC, ENGINE_SIGN, &token_rig.err), HSMIME_ENOKEY);
	assert_string_equal(token_rig.err.message, "no token matches " TOKEN_RIG_EC);
	assert_int_equal(
	    engine_find_by_email(&found, e, "alice@example.org", ENGINE_SIGN, &token_rig.err),
	    HSMIME_ENOKEY);
	assert_string_equal(token_rig.err.message, "no token is there");
	assert_non_null(strstr(token_rig.err.hint, "insert the token"));
	assert_int_equal(engine_keys(&keys, &count, e, NULL, true, &token_rig.err), 0);
	assert_int_equal(count, 0);
	engine_keys_free(keys, count);
}

static void without_a_token_nothing_is_found_and_nothing_asked(void **state)
{
	struct engine *e = NULL;
	char conf[300];

	(void)state;
	snprintf(conf, sizeof(conf), "%s", getenv("SOFTHSM2_CONF"));
	use_blank_folder();
	e = operate_engine();
	finds_no_token(e);
	engine_free(e);
	setenv("SOFTHSM2_CONF", conf, 1);
	assert_int_equal(token_rig.proxy->count("C_Login"), 0);
	assert_int_equal(token_rig.proxy->count("C_OpenSession"), 0);
	token_rig_works();
}

static size_t tokens_listed(struct engine *e)
{
	hsmime_token *tokens = NULL;
	size_t count = 0;

	assert_int_equal(engine_tokens(&tokens, &count, e, &token_rig.err), 0);
	engine_tokens_free(tokens, count);
	return count;
}

static void use_without_slots(void)
{
	struct engine_found found = { 0 };
	struct engine_candidate nobody = { .key_id = (const unsigned char *)"01", .key_id_len = 2 };
	struct engine *e = NULL;

	token_rig.proxy->hide_slots(1);
	e = operate_engine();
	assert_int_equal(tokens_listed(e), 0);
	finds_no_token(e);
	assert_int_equal(
	    engine_find_recipient(&found, e, NULL, &nobody, 1, &token_rig.err), HSMIME_ENOKEY);
	assert_string_equal(token_rig.err.message, "no token is there");
	assert_int_equal(token_rig.proxy->count("C_OpenSession"), 0);
	token_rig.proxy->hide_slots(0);
	assert_true(tokens_listed(e) >= 1);
	token_key_free(operate_key(e, TOKEN_RIG_EC, ENGINE_SIGN));
	token_rig.proxy->hide_slots(1);
	assert_int_equal(tokens_listed(e), 0);
	engine_free(e);
	token_rig.proxy->hide_slots(0);
	token_rig_works();
}

/* As a smartcard's module without a reader. */
static void a_module_without_slots_has_no_tokens_until_there_is_one(void **state)
{
	(void)state;
	in_child(use_without_slots);
}

/* The reader was taken out since another engine had the module open. */
static void a_module_that_lost_its_slots_has_no_tokens(void **state)
{
	(void)state;
	token_rig_works();
	token_rig.proxy->reset();
	use_without_slots();
}

static size_t open_files(void)
{
	DIR *dir = opendir("/proc/self/fd");
	size_t count = 0;

	assert_non_null(dir);
	while (readdir(dir) != NULL)
		count++;
	closedir(dir);
	return count;
}

static void opening_and_closing_leaves_nothing_behind(void **state)
{
	size_t files;

	(void)state;
	token_rig_works();
	token_rig.proxy->reset();
	files = open_files();
	for (int i = 0; i < 30; i++)
		token_rig_works();
	assert_int_equal(open_files(), files);
	assert_int_equal(token_rig.proxy->count("C_Initialize"), 30);
	assert_int_equal(token_rig.proxy->count("C_Finalize"), 30);
	assert_int_equal(token_rig.proxy->count("C_Login"), 30);
}

static void engines_of_one_module_share_it_and_the_last_one_closes_it(void **state)
{
	struct engine *a = operate_engine(), *b = operate_engine();
	struct token_key *k = operate_key(a, TOKEN_RIG_EC, ENGINE_SIGN);

	(void)state;
	token_key_free(operate_key(b, TOKEN_RIG_EC, ENGINE_SIGN));
	assert_int_equal(token_rig.proxy->count("C_Login"), 1);
	engine_free(a);
	engine_free(b);
	assert_int_equal(token_rig.proxy->count("C_Finalize"), 0);
	assert_int_equal(operate_sign(k, &token_rig.err), 0);
	token_key_free(k);
	assert_true(token_rig.proxy->count("C_Finalize") > 0);
	engine_free(NULL);
}

/* The program around us uses the module too, and was first. */
static void a_module_of_the_program_s_is_not_finalised_and_our_sessions_are_closed(void **state)
{
	CK_FUNCTION_LIST *f = softtoken_proxy_functions();
	CK_C_INITIALIZE_ARGS args = { .flags = CKF_OS_LOCKING_OK };

	(void)state;
	assert_int_equal(f->C_Initialize(&args), CKR_OK);
	token_rig.proxy->reset();
	for (int i = 0; i < 3; i++)
		token_rig_works();
	assert_int_equal(token_rig.proxy->count("C_Finalize"), 0);
	assert_true(token_rig.proxy->count("C_OpenSession") >= 3);
	assert_int_equal(
	    token_rig.proxy->count("C_CloseSession"), token_rig.proxy->count("C_OpenSession"));
	assert_int_equal(f->C_Finalize(NULL), CKR_OK);
	token_rig_works();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		/* First, while this process has not opened the module yet. */
		cmocka_unit_test_setup(
		    a_module_without_functions_is_refused_until_it_has_them, token_rig_begin),
		cmocka_unit_test_setup(
		    a_module_whose_slots_can_not_be_listed_is_refused_and_may_start_later,
		    token_rig_begin),
		cmocka_unit_test_setup(
		    a_module_without_slots_has_no_tokens_until_there_is_one, token_rig_begin),
		cmocka_unit_test_setup(what_is_no_module_is_refused_by_name, token_rig_begin),
		cmocka_unit_test_setup(
		    a_module_that_does_not_start_is_refused_and_may_start_later, token_rig_begin),
		cmocka_unit_test_setup(
		    without_a_token_nothing_is_found_and_nothing_asked, token_rig_begin),
		cmocka_unit_test_setup(a_module_that_lost_its_slots_has_no_tokens, token_rig_begin),
		cmocka_unit_test_setup(opening_and_closing_leaves_nothing_behind, token_rig_begin),
		cmocka_unit_test_setup(
		    engines_of_one_module_share_it_and_the_last_one_closes_it, token_rig_begin),
		cmocka_unit_test_setup(
		    a_module_of_the_program_s_is_not_finalised_and_our_sessions_are_closed,
		    token_rig_begin),
	};

	return cmocka_run_group_tests(tests, token_rig_set_up, token_rig_tear_down);
}
