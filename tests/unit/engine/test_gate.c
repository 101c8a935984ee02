/* engine/gate.h; a gate that does not open is ended by the alarm. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <semaphore.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/gate.h"

static struct gate made, fixed = GATE_INIT;
static sem_t inside, go_on;
static int through;

static void *pass(void *arg)
{
	struct gate *g = arg;

	for (int i = 0; i < 20000; i++) {
		gate_enter(g);
		through++;
		gate_leave(g);
	}
	return NULL;
}

static void one_at_a_time_passes(void **state)
{
	pthread_t threads[4];

	(void)state;
	through = 0;
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, pass, &made), 0);
	for (size_t i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(through, 80000);
}

static void *stay(void *arg)
{
	struct gate *g = arg;

	gate_enter(g);
	sem_post(&inside);
	sem_wait(&go_on);
	gate_leave(g);
	return NULL;
}

static void *wait_for(void *arg)
{
	struct gate *g = arg;

	sem_post(&inside);
	gate_enter(g);
	gate_leave(g);
	return NULL;
}

/* 0 where the gate is open for every thread of the child, and for the child's child. */
static int child_passes(struct gate *g)
{
	pthread_t threads[4];
	int status = 0;

	alarm(20);
	for (size_t i = 0; i < 4; i++)
		if (pthread_create(&threads[i], NULL, pass, g) != 0)
			return 1;
	for (size_t i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	if (fork() == 0) {
		alarm(20);
		pass(g);
		gate_free(g);
		_exit(0);
	}
	wait(&status);
	gate_free(g);
	return status == 0 ? 0 : 2;
}

static void open_in_a_child(struct gate *g)
{
	pthread_t in, waiting;
	int status = -1;
	pid_t pid;

	sem_init(&inside, 0, 0);
	sem_init(&go_on, 0, 0);
	assert_int_equal(pthread_create(&in, NULL, stay, g), 0);
	sem_wait(&inside);
	assert_int_equal(pthread_create(&waiting, NULL, wait_for, g), 0);
	sem_wait(&inside);
	pid = fork();
	if (pid == 0)
		_exit(child_passes(g));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	sem_post(&go_on);
	pthread_join(in, NULL);
	pthread_join(waiting, NULL);
}

static void in_a_child_a_gate_is_open_whoever_was_inside(void **state)
{
	(void)state;
	open_in_a_child(&made);
	open_in_a_child(&fixed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_at_a_time_passes),
		cmocka_unit_test(in_a_child_a_gate_is_open_whoever_was_inside),
	};

	gate_init(&made);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
