#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/log.h"
#include "pin_reads.h"

static char folder[64], path[128], spec[160];
static struct error err;
static char logged[1024];
static int warnings;

static void log_it(void *arg, int level, const char *message)
{
	(void)arg;
	warnings += level == 0;
	snprintf(logged, sizeof(logged), "%s", message);
}

static int set_up(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/hsmime-pin-XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/pin", folder);
	snprintf(spec, sizeof(spec), "file:%s", path);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(folder);
}

static int reset(void **state)
{
	(void)state;
	memset(&err, 0, sizeof(err));
	logged[0] = '\0';
	warnings = 0;
	log_to((struct log_target){ log_it, NULL });
	return 0;
}

static void write_file(const char *octets, size_t len, mode_t mode)
{
	int fd;

	unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, octets, len), len);
	assert_int_equal(fchmod(fd, mode), 0);
	assert_int_equal(close(fd), 0);
}

static void gives(const char *s, const char *expected)
{
	struct pin_source *p = pin_open(s);

	pin_read_gives(p, expected);
	pin_read_gives(p, expected); /* as often as wanted */
	pin_source_free(p);
}

static void fails(const char *s, const char *why)
{
	struct pin_source *p = pin_open(s);

	pin_read_fails(p, why);
	pin_source_free(p);
}

static void malformed_sources_are_refused_and_not_repeated(void **state)
{
	static const char *const specs[] = { "", "98765", "file", "file:", "fd:", "fd:x", "fd:-1",
		"fd:1x", "fd:65536", "fd:99999999999999999999", "command:", "cred:", "cred:a/98765",
		"cred:..", "cred:.", "env:", "env:A=98765", "File:/98765", " file:/98765", "|98765",
		"http://98765" };

	(void)state;
	for (size_t i = 0; i < sizeof(specs) / sizeof(specs[0]); i++) {
		struct pin_source *p = NULL;

		assert_int_equal(pin_source_new(&p, specs[i], NULL, NULL, &err), HSMIME_EUSAGE);
		assert_null(p);
		assert_null(strstr(err.message, "98765"));
		assert_non_null(strstr(err.hint, "fd:NUMBER"));
	}
}

static void a_file_s_first_line_is_the_pin(void **state)
{
	(void)state;
	write_file("98765", 5, 0600);
	gives(spec, "98765");
	write_file("98765\n", 6, 0600);
	gives(spec, "98765");
	write_file("98765\r\n", 7, 0600);
	gives(spec, "98765");
	write_file("98765\nsecond line\n", 18, 0600);
	gives(spec, "98765");
	write_file(" 98 765 \n", 9, 0600);
	gives(spec, " 98 765 ");
	write_file("\xc3\xa4\n", 3, 0600);
	gives(spec, "\xc3\xa4");
	assert_int_equal(warnings, 0);
	assert_string_equal(logged, "");
}

static void a_file_without_a_pin_is_an_error(void **state)
{
	(void)state;
	write_file("", 0, 0600);
	fails(spec, "empty");
	write_file("\n98765\n", 7, 0600);
	fails(spec, "empty");
	write_file("\r\n", 2, 0600);
	fails(spec, "empty");
	write_file("987\00065", 6, 0600);
	fails(spec, "NUL");
	fails("file:/no/such/file", "No such file");
	fails("file:/", "directory");
}

static void a_pin_may_have_255_octets_and_no_more(void **state)
{
	char octets[257], expected[256];

	(void)state;
	memset(octets, '7', sizeof(octets));
	memset(expected, '7', 255);
	expected[255] = '\0';
	write_file(octets, 255, 0600);
	gives(spec, expected);
	octets[255] = '\n';
	write_file(octets, 256, 0600);
	gives(spec, expected);
	octets[255] = '7';
	write_file(octets, 256, 0600);
	fails(spec, "too long");
	write_file(octets, 257, 0600);
	fails(spec, "too long");
	fails("file:/dev/zero", "NUL");
}

static void a_file_that_everyone_can_read_is_a_warning_once(void **state)
{
	(void)state;
	write_file("98765", 5, 0644);
	gives(spec, "98765");
	assert_int_equal(warnings, 1);
	assert_non_null(strstr(logged, "every user"));
	assert_null(strstr(logged, "98765"));
	logged[0] = '\0';
	write_file("98765", 5, 0640);
	gives(spec, "98765");
	assert_string_equal(logged, "");
}

static int pipe_with(const char *octets)
{
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], octets, strlen(octets)), strlen(octets));
	close(ends[1]);
	return ends[0];
}

static void a_descriptor_is_read_once_up_to_the_line_s_end(void **state)
{
	char name[16], rest[16];
	int fd = pipe_with("98765\nrest");

	(void)state;
	snprintf(name, sizeof(name), "fd:%d", fd);
	gives(name, "98765");
	assert_int_equal(read(fd, rest, sizeof(rest)), 4);
	assert_memory_equal(rest, "rest", 4);
	close(fd);
}

static void a_descriptor_without_a_pin_is_an_error_each_time(void **state)
{
	char name[16];
	int fd = pipe_with("\n98765\n");
	struct pin_source *p = NULL;

	(void)state;
	snprintf(name, sizeof(name), "fd:%d", fd);
	p = pin_open(name);
	pin_read_fails(p, "empty");
	pin_read_fails(p, "read before"); /* not the line after it */
	pin_source_free(p);
	close(fd);
	fails(name, "Bad file descriptor");
}

static void *read_in_thread(void *arg)
{
	struct secret pin;
	struct error own = { 0 };

	if (pin_read(&pin, arg, &pin_request, &own) != 0 || pin.len != 5)
		return arg;
	secret_free(&pin);
	return NULL;
}

static void threads_share_what_a_descriptor_gave(void **state)
{
	char name[16];
	int fd = pipe_with("98765\n");
	struct pin_source *p = NULL;
	pthread_t threads[8];

	(void)state;
	snprintf(name, sizeof(name), "fd:%d", fd);
	p = pin_open(name);
	for (size_t i = 0; i < 8; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, read_in_thread, p), 0);
	for (size_t i = 0; i < 8; i++) {
		void *failed = NULL;

		pthread_join(threads[i], &failed);
		assert_null(failed);
	}
	pin_source_free(p);
	close(fd);
}

static void a_command_s_first_line_is_the_pin(void **state)
{
	(void)state;
	gives("command:echo 98765", "98765");
	gives("command:printf 98765", "98765");
	/* It may go on after the line, and is not killed for it. */
	gives(
	    "command:echo 98765; i=0; while [ $i -lt 400 ]; do echo $i || exit 1; i=$((i+1)); done",
	    "98765");
	gives("command:read x && echo stdin || echo 98765", "98765");
}

static void a_command_that_fails_gives_no_pin_and_is_not_shown(void **state)
{
	(void)state;
	fails("command:false", "did not succeed");
	fails("command:echo 98765; exit 1", "did not succeed");
	fails("command:echo 98765; kill -9 $$", "did not succeed");
	fails("command:/no/such/program 98765 2>/dev/null", "did not succeed");
	fails("command:true # 98765", "empty");
	fails("command:head -c 300 /dev/zero | tr '\\0' 7", "too long");
	/* It never ends by itself. */
	fails("command:yes 98765 | tr -d '\\n'", "");
}

static void a_command_works_where_the_program_ignores_its_children(void **state)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN }, before;

	(void)state;
	sigaction(SIGCHLD, &ignore, &before);
	gives("command:echo 98765", "98765");
	sigaction(SIGCHLD, &before, NULL);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

static void a_credential_comes_from_its_folder(void **state)
{
	(void)state;
	write_file("98765\n", 6, 0400);
	setenv("CREDENTIALS_DIRECTORY", folder, 1);
	gives("cred:pin", "98765");
	fails("cred:other", "No such file");
	setenv("CREDENTIALS_DIRECTORY", "relative", 1);
	fails("cred:pin", "CREDENTIALS_DIRECTORY");
	unsetenv("CREDENTIALS_DIRECTORY");
	fails("cred:pin", "CREDENTIALS_DIRECTORY");
}

static void the_environment_gives_a_pin_with_a_warning(void **state)
{
	char octets[257];

	(void)state;
	setenv("PIN_OF_TEST", "98765", 1);
	gives("env:PIN_OF_TEST", "98765");
	assert_int_equal(warnings, 1);
	assert_non_null(strstr(logged, "tests only"));
	assert_null(strstr(logged, "98765"));
	setenv("PIN_OF_TEST", "", 1);
	fails("env:PIN_OF_TEST", "not set");
	memset(octets, '7', 256);
	octets[256] = '\0';
	setenv("PIN_OF_TEST", octets, 1);
	fails("env:PIN_OF_TEST", "too long");
	unsetenv("PIN_OF_TEST");
	fails("env:PIN_OF_TEST", "not set");
}

static void nothing_may_be_freed(void **state)
{
	(void)state;
	pin_source_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(malformed_sources_are_refused_and_not_repeated, reset),
		cmocka_unit_test_setup(a_file_s_first_line_is_the_pin, reset),
		cmocka_unit_test_setup(a_file_without_a_pin_is_an_error, reset),
		cmocka_unit_test_setup(a_pin_may_have_255_octets_and_no_more, reset),
		cmocka_unit_test_setup(a_file_that_everyone_can_read_is_a_warning_once, reset),
		cmocka_unit_test_setup(a_descriptor_is_read_once_up_to_the_line_s_end, reset),
		cmocka_unit_test_setup(a_descriptor_without_a_pin_is_an_error_each_time, reset),
		cmocka_unit_test_setup(threads_share_what_a_descriptor_gave, reset),
		cmocka_unit_test_setup(a_command_s_first_line_is_the_pin, reset),
		cmocka_unit_test_setup(a_command_that_fails_gives_no_pin_and_is_not_shown, reset),
		cmocka_unit_test_setup(
		    a_command_works_where_the_program_ignores_its_children, reset),
		cmocka_unit_test_setup(a_credential_comes_from_its_folder, reset),
		cmocka_unit_test_setup(the_environment_gives_a_pin_with_a_warning, reset),
		cmocka_unit_test_setup(nothing_may_be_freed, reset),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
