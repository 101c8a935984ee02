/* A PIN source that gave a wrong PIN is not used again, by other processes neither. */
#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "memory_rig.h"

static void a_refused_file_is_not_sent_by_the_next_process(void **state)
{
	(void)state;
	memory_spends_a_try(memory_file);
	assert_int_equal(memory_records(), 1);
	memory_refuses(memory_file);
	assert_non_null(strstr(pin_rig.err.hint, "hsmime pin forget"));
	memory_refuses(memory_file);
	/* The other token knows nothing of it. */
	memory_next_process(memory_file, false);
	pin_rig_refused("pkcs11:token=Beta;id=%01", "CKR_PIN_INCORRECT", 1);
}

static void a_changed_file_is_another_source(void **state)
{
	(void)state;
	memory_spends_a_try(memory_file);
	memory_write_pin(pin_rig_right);
	memory_logs_in(memory_file, false);
	assert_int_equal(memory_records(), 0);
	memory_write_pin(pin_rig_wrong);
	memory_spends_a_try(memory_file);
	memory_refuses(memory_file);
}

static void the_same_file_by_another_name_is_the_same(void **state)
{
	char other[500], folder[600];

	(void)state;
	snprintf(other, sizeof(other), "%s/link", pin_rig.st.folder);
	unlink(other);
	assert_int_equal(symlink(pin_rig.file, other), 0);
	snprintf(folder, sizeof(folder), "file:%s", other);
	memory_spends_a_try(memory_file);
	memory_refuses(folder);
}

static void what_can_not_be_seen_to_change_stays_refused(void **state)
{
	(void)state;
	setenv("TEST_PIN", pin_rig_wrong, 1);
	memory_spends_a_try("env:TEST_PIN");
	setenv("TEST_PIN", pin_rig_right, 1);
	memory_refuses("env:TEST_PIN");
	setenv("OTHER_PIN", pin_rig_right, 1);
	memory_logs_in("env:OTHER_PIN", false);
	memory_refuses("env:TEST_PIN");
	unsetenv("OTHER_PIN");
	unsetenv("TEST_PIN");
}

static void a_command_is_remembered_without_its_text(void **state)
{
	char command[600], folder[400], path[800], text[4096] = "";
	const struct dirent *entry;
	DIR *dir;

	(void)state;
	snprintf(command, sizeof(command), "command:cat '%s' # hush", pin_rig.file);
	memory_spends_a_try(command);
	memory_refuses(command);
	snprintf(folder, sizeof(folder), "%s/pins", memory_folder);
	dir = opendir(folder);
	assert_non_null(dir);
	while ((entry = readdir(dir)) != NULL) {
		int fd;

		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		fd = open(path, O_RDONLY);
		assert_true(read(fd, text, sizeof(text) - 1) > 0);
		close(fd);
	}
	closedir(dir);
	assert_non_null(strstr(text, "source: command:\n"));
	assert_null(strstr(text, "hush"));
}

static void a_person_who_logs_in_clears_it(void **state)
{
	(void)state;
	memory_spends_a_try(memory_file);
	pin_rig.person.answer = pin_rig_wrong;
	memory_next_process(NULL, true);
	assert_int_equal(pin_rig_find(PIN_RIG_KEY), HSMIME_EPIN);
	assert_int_equal(memory_records(), 1);
	pin_rig.person.answer = pin_rig_right;
	memory_logs_in(NULL, true);
	assert_int_equal(memory_records(), 0);
	memory_spends_a_try(memory_file);
}

static void what_a_person_types_is_not_remembered(void **state)
{
	(void)state;
	pin_rig.person.answer = pin_rig_wrong;
	memory_next_process(NULL, true);
	assert_int_equal(pin_rig_find(PIN_RIG_KEY), HSMIME_EPIN);
	assert_int_equal(memory_records(), 0);
}

static void refusals_that_are_not_the_pin_s_are_not_remembered(void **state)
{
	static const CK_RV list[] = { CKR_DEVICE_MEMORY, CKR_PIN_LOCKED, CKR_PIN_EXPIRED,
		CKR_USER_ANOTHER_ALREADY_LOGGED_IN };

	(void)state;
	memory_write_pin(pin_rig_right);
	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
		memory_next_process(memory_file, false);
		pin_rig.proxy->refuse("C_Login", list[i], 0, 1);
		assert_int_not_equal(pin_rig_find(PIN_RIG_KEY), 0);
		assert_int_equal(memory_records(), 0);
	}
	memory_logs_in(memory_file, false);
}

/* Other warnings, of wrong PINs before, come as well. */
static void warned_once_of_the_folder(void)
{
	const char *words = strstr(pin_rig.logged, "the state folder can't be used");

	assert_non_null(words);
	assert_null(strstr(words + 1, "the state folder can't be used"));
}

static void a_folder_that_can_not_be_written_is_a_warning_once(void **state)
{
	FILE *f;

	(void)state;
	snprintf(memory_folder, sizeof(memory_folder), "%s/occupied", pin_rig.st.folder);
	f = fopen(memory_folder, "w");
	assert_non_null(f);
	fclose(f);
	memory_next_process(memory_file, false);
	pin_rig_refused(PIN_RIG_KEY, "CKR_PIN_INCORRECT", 1);
	warned_once_of_the_folder();
	unlink(memory_folder);
}

static void a_folder_that_others_may_write_is_not_used(void **state)
{
	char folder[400];

	(void)state;
	memory_write_pin(pin_rig_right);
	memory_logs_in(memory_file, false);
	snprintf(folder, sizeof(folder), "%s/pins", memory_folder);
	assert_int_equal(chmod(folder, 0777), 0);
	memory_logs_in(memory_file, false);
	warned_once_of_the_folder();
}

/* Where nothing tells the next run of a PIN that was refused, the token's own warning is heeded. */
static void unattended_a_token_that_warns_gets_none_where_nothing_is_kept(void **state)
{
	char folder[400];

	(void)state;
	memory_spends_a_try(memory_file);
	snprintf(folder, sizeof(folder), "%s/pins", memory_folder);
	assert_int_equal(chmod(folder, 0777), 0);
	memory_write_pin(pin_rig_right);
	for (int i = 0; i < 2; i++) {
		memory_next_process(memory_file, false);
		pin_rig_refused(PIN_RIG_KEY, "the state folder can't be written", 0);
	}
	/* A person may go on, which resets the count. */
	pin_rig.person.answer = pin_rig_right;
	memory_logs_in(NULL, true);
	memory_logs_in(memory_file, false);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, memory_rig_begin, pin_rig_end)
	const struct CMUnitTest tests[] = {
		TEST(a_refused_file_is_not_sent_by_the_next_process),
		TEST(a_changed_file_is_another_source),
		TEST(the_same_file_by_another_name_is_the_same),
		TEST(what_can_not_be_seen_to_change_stays_refused),
		TEST(a_command_is_remembered_without_its_text),
		TEST(a_person_who_logs_in_clears_it),
		TEST(what_a_person_types_is_not_remembered),
		TEST(refusals_that_are_not_the_pin_s_are_not_remembered),
		TEST(a_folder_that_can_not_be_written_is_a_warning_once),
		TEST(a_folder_that_others_may_write_is_not_used),
		TEST(unattended_a_token_that_warns_gets_none_where_nothing_is_kept),
	};

	return cmocka_run_group_tests(tests, pin_rig_set_up, pin_rig_tear_down);
}
