/* By what the memory of refused PINs tells sources apart. */
#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <unistd.h>

#include "engine/pin_change.h"
#include "memory_rig.h"

/* Of a pipe that holds a PIN; the descriptor gets that number. */
static const char *pipe_at(int number, const char *pin)
{
	static char name[16];
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	assert_true(dprintf(ends[1], "%s\n", pin) > 0);
	close(ends[1]);
	assert_int_equal(dup2(ends[0], number), number);
	close(ends[0]);
	snprintf(name, sizeof(name), "fd:%d", number);
	return name;
}

static void a_pipe_is_a_pipe_whatever_its_number(void **state)
{
	(void)state;
	memory_spends_a_try(pipe_at(70, pin_rig_wrong));
	memory_refuses(pipe_at(71, pin_rig_wrong));
	close(70);
	close(71);
}

/* The file at that number, from octet start on. */
static const char *file_at(int number, const char *path, long start)
{
	static char name[16];
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(dup2(fd, number), number);
	close(fd);
	assert_int_equal(lseek(number, start, SEEK_SET), start);
	snprintf(name, sizeof(name), "fd:%d", number);
	return name;
}

static void a_file_is_the_same_open_or_not_and_a_number_is_no_name(void **state)
{
	char other[400], both[100];
	FILE *f;

	(void)state;
	memory_spends_a_try(file_at(70, pin_rig.file, 0));
	memory_refuses(file_at(71, pin_rig.file, 0));
	memory_refuses(memory_file);
	/* The same number, another file. */
	snprintf(other, sizeof(other), "%s/other", pin_rig.st.folder);
	f = fopen(other, "w");
	assert_non_null(f);
	snprintf(both, sizeof(both), "%s\n%s\n", pin_rig_wrong, pin_rig_right);
	fputs(both, f);
	assert_int_equal(fclose(f), 0);
	memory_spends_a_try(file_at(70, other, 0));
	memory_refuses(memory_file);
	/* Its second line is another PIN than its first. */
	memory_logs_in(file_at(70, other, (long)strlen(pin_rig_wrong) + 1), false);
	memory_refuses(file_at(70, other, 0));
	unlink(other);
	close(70);
	close(71);
}

static void who_logs_in_says_nothing_of_the_officer_s_pin(void **state)
{
	struct pin_job job = {
		.uri = "pkcs11:token=Alpha", .so_source = memory_file, .new_source = "env:NEW_PIN"
	};

	(void)state;
	setenv("NEW_PIN", "new-pin-1", 1);
	memory_next_process(NULL, false);
	assert_int_equal(engine_pin_unblock(pin_rig.e, &job, &pin_rig.err), HSMIME_EPIN);
	assert_int_equal(pin_rig.proxy->count("C_Login"), 1);
	pin_rig.person.answer = pin_rig_right;
	memory_logs_in(NULL, true);
	assert_int_equal(memory_records(), 1);
	memory_next_process(NULL, false);
	assert_int_equal(engine_pin_unblock(pin_rig.e, &job, &pin_rig.err), HSMIME_EPIN);
	assert_int_equal(pin_rig.proxy->count("C_Login"), 0);
	assert_int_equal(engine_pin_forget(pin_rig.e, &job, &pin_rig.err), 0);
	assert_int_equal(memory_records(), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, memory_rig_begin, pin_rig_end)
	const struct CMUnitTest tests[] = {
		TEST(a_pipe_is_a_pipe_whatever_its_number),
		TEST(a_file_is_the_same_open_or_not_and_a_number_is_no_name),
		TEST(who_logs_in_says_nothing_of_the_officer_s_pin),
	};

	return cmocka_run_group_tests(tests, pin_rig_set_up, pin_rig_tear_down);
}
