/* A command that gives the PIN does not hold us up, whatever it leaves behind. */
#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

#include "pin_reads.h"

static char folder[64],
    note[96]; /* where a command writes down its number, or that of what it left */
static atomic_uint limit;

/* Waiting for good is ended by the alarm. */
static int begin(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/hsmime-pin-XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(note, sizeof(note), "%s/number", folder);
	alarm(30);
	return 0;
}

static pid_t noted(void)
{
	FILE *f = fopen(note, "r");
	char line[32] = "";

	assert_non_null(f);
	assert_non_null(fgets(line, sizeof(line), f));
	fclose(f);
	return (pid_t)strtol(line, NULL, 10);
}

static int end(void **state)
{
	(void)state;
	alarm(0);
	unlink(note);
	return rmdir(folder);
}

static struct pin_source *command(const char *text, unsigned milliseconds)
{
	char spec[400];
	struct pin_source *p = NULL;

	snprintf(spec, sizeof(spec), "command:N='%s'; %s", note, text);
	p = pin_open(spec);
	atomic_store(&limit, milliseconds);
	p->limit = &limit;
	return p;
}

/* What keeps the command's output is still there afterwards, and is ended here. */
static void gives_beside_what_goes_on(const char *text)
{
	struct pin_source *p = command(text, 0);

	pin_read_gives(p, "98765");
	assert_int_equal(kill(noted(), SIGKILL), 0);
	pin_source_free(p);
}

static void what_a_command_leaves_running_is_not_waited_for(void **state)
{
	struct pin_source *p = NULL;

	(void)state;
	gives_beside_what_goes_on("echo 98765; sleep 100 2>&- & echo $! >\"$N\"");
	gives_beside_what_goes_on("printf 98765; sleep 100 2>&- & echo $! >\"$N\"");
	gives_beside_what_goes_on("sleep 100 2>&- & echo $! >\"$N\"; printf 98765");
	p = command("sleep 100 2>&- & echo $! >\"$N\"", 0);
	pin_read_fails(p, "empty");
	assert_int_equal(kill(noted(), SIGKILL), 0);
	pin_source_free(p);
}

static void its_end_counts_though_something_keeps_its_output(void **state)
{
	struct pin_source *p = command("echo 98765; sleep 100 2>&- & echo $! >\"$N\"; exit 1", 0);

	(void)state;
	pin_read_fails(p, "did not succeed");
	assert_int_equal(kill(noted(), SIGKILL), 0);
	pin_source_free(p);
}

/* It is killed, and waited for. */
static void takes_too_long(const char *text)
{
	struct pin_source *p = command(text, 50);

	pin_read_fails(p, "took too long");
	assert_int_equal(kill(noted(), 0), -1);
	assert_int_equal(errno, ESRCH);
	pin_source_free(p);
}

static void a_command_that_does_not_end_gives_no_pin(void **state)
{
	(void)state;
	takes_too_long("echo $$ >\"$N\"; exec sleep 100 2>&-");
	takes_too_long("echo $$ >\"$N\"; printf 98765; exec sleep 100 2>&-");
	takes_too_long("echo $$ >\"$N\"; echo 98765; exec sleep 100 2>&-");
	takes_too_long("echo $$ >\"$N\"; echo 98765; exec sleep 100 >&- 2>&-");
}

/* Five times the limit. */
static void until_the_pin_is_there_a_person_may_take_longer(void **state)
{
	struct pin_source *p = command("sleep 0.5; echo 98765", 100);

	(void)state;
	pin_read_gives(p, "98765");
	pin_source_free(p);
}

static void where_the_program_ignores_its_children_it_is_no_other(void **state)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN }, before;

	(void)state;
	sigaction(SIGCHLD, &ignore, &before);
	gives_beside_what_goes_on("echo 98765; sleep 100 2>&- & echo $! >\"$N\"");
	takes_too_long("echo $$ >\"$N\"; echo 98765; exec sleep 100 2>&-");
	sigaction(SIGCHLD, &before, NULL);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(what_a_command_leaves_running_is_not_waited_for),
		TEST(its_end_counts_though_something_keeps_its_output),
		TEST(a_command_that_does_not_end_gives_no_pin),
		TEST(until_the_pin_is_there_a_person_may_take_longer),
		TEST(where_the_program_ignores_its_children_it_is_no_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
