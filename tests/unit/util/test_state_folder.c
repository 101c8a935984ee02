/* Where what outlives a process is kept. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <pwd.h>
#include <stdio.h>
#include <unistd.h>

#include "util/state_folder.h"

static const char *const variables[] = { "XDG_STATE_HOME", "STATE_DIRECTORY", "HOME" };

static int unset(void **state)
{
	(void)state;
	for (size_t i = 0; i < 3; i++)
		unsetenv(variables[i]);
	return 0;
}

static void is(const char *expected)
{
	char path[4096];

	assert_int_equal(state_folder(path, sizeof(path), NULL), 0);
	assert_string_equal(path, expected);
}

static void the_first_that_is_set_counts(void **state)
{
	char path[64];

	(void)state;
	setenv("HOME", "/home/x", 1);
	is("/home/x/.local/state/hsmime");
	setenv("STATE_DIRECTORY", "/var/lib/mail:/var/lib/other", 1);
	is("/var/lib/mail/hsmime");
	setenv("XDG_STATE_HOME", "/state", 1);
	is("/state/hsmime");
	assert_int_equal(state_folder(path, sizeof(path), "/given"), 0);
	assert_string_equal(path, "/given");
}

static void a_path_that_is_not_absolute_counts_as_none(void **state)
{
	(void)state;
	setenv("XDG_STATE_HOME", "state", 1);
	setenv("STATE_DIRECTORY", "", 1);
	setenv("HOME", "/home/x", 1);
	is("/home/x/.local/state/hsmime");
}

/* As a service of the system, to which nobody tells a home. */
static void without_variables_the_home_of_the_user_database_counts(void **state)
{
	const struct passwd *p = getpwuid(getuid());
	char expected[4096];

	(void)state;
	if (p == NULL || p->pw_dir[0] != '/')
		skip();
	snprintf(expected, sizeof(expected), "%s/.local/state/hsmime", p->pw_dir);
	is(expected);
}

static void what_is_too_long_is_none(void **state)
{
	char path[16];

	(void)state;
	setenv("XDG_STATE_HOME", "/a/folder/that/is/long", 1);
	assert_int_equal(state_folder(path, sizeof(path), NULL), -1);
	assert_string_equal(path, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(the_first_that_is_set_counts, unset),
		cmocka_unit_test_setup(a_path_that_is_not_absolute_counts_as_none, unset),
		cmocka_unit_test_setup(
		    without_variables_the_home_of_the_user_database_counts, unset),
		cmocka_unit_test_setup(what_is_too_long_is_none, unset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
