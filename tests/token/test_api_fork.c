/* A process that forks while a context of libhsmime is in use: the child signs and ends, and so does its parent. */
#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

#include "api_messages.h"

/* A person who is asked for the PIN; the first one waits there until go_on. */
static sem_t asked, go_on;
static atomic_int waits;

static ptrdiff_t give_pin(void *arg, const hsmime_pin_request *r, char *pin, size_t size)
{
	size_t len = strlen(SOFTTOKEN_PIN);

	(void)arg;
	(void)r;
	assert_true(len <= size);
	if (atomic_exchange(&waits, 0) != 0) {
		sem_post(&asked);
		while (sem_wait(&go_on) != 0)
			continue;
	}
	memcpy(pin, SOFTTOKEN_PIN, len);
	return (ptrdiff_t)len;
}

static int sign(hsmime_ctx *ctx)
{
	struct text signature = { 0 };
	hsmime_output *out = text_output(&signature);
	int status = message_make(ctx, out, &api_messages.list[0]);

	hsmime_output_free(out);
	text_free(&signature);
	return status;
}

static void *sign_in_thread(void *arg)
{
	return sign(arg) == 0 ? NULL : arg;
}

/* A child has its parent's memory without the threads that hold it: LeakSanitizer takes that for lost. */
static bool is_child;
__attribute__((visibility("default"))) int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void)
{
	return is_child;
}

/* How a child ends. */
enum ending { ENDS_AT_ONCE, FREES, FREES_AND_EXITS, EXITS, ENDINGS };

_Noreturn static void be_child(hsmime_ctx *ctx, enum ending ending)
{
	int status;

	is_child = true;
	alarm(60);
	status = sign(ctx);
	if (status == 0)
		status = sign(ctx);
	if (ending == FREES || ending == FREES_AND_EXITS)
		hsmime_ctx_free(ctx);
	if (ending == EXITS || ending == FREES_AND_EXITS)
		exit(status == 0 ? 0 : 1);
	_exit(status == 0 ? 0 : 1);
}

static void children_sign(hsmime_ctx *ctx)
{
	for (enum ending ending = 0; ending < ENDINGS; ending++) {
		int status = -1;
		pid_t pid;

		fflush(NULL); /* or exit() writes it once more */
		pid = fork();
		if (pid == 0)
			be_child(ctx, ending);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		if (status != 0)
			fail_msg("child %d: %#x", (int)ending, (unsigned)status);
	}
}

static hsmime_ctx *with_a_person(void)
{
	char folder[512];
	hsmime_ctx *ctx;

	api_path(folder, sizeof(folder), "state");
	assert_int_equal(hsmime_ctx_new(&ctx), 0);
	assert_int_equal(hsmime_ctx_set_state_dir(ctx, folder), 0);
	assert_int_equal(hsmime_ctx_set_module(ctx, PROXY_MODULE), 0);
	hsmime_ctx_set_pin_callback(ctx, give_pin, NULL);
	return ctx;
}

static void children_of_a_process_whose_thread_is_asked_for_a_pin_sign(void **state)
{
	hsmime_ctx *ctx = with_a_person(), *beside;
	pthread_t thread;
	void *failed = NULL;

	(void)state;
	assert_int_equal(hsmime_ctx_share(&beside, ctx), 0);
	sem_init(&asked, 0, 0);
	sem_init(&go_on, 0, 0);
	atomic_store(&waits, 1);
	assert_int_equal(pthread_create(&thread, NULL, sign_in_thread, beside), 0);
	while (sem_wait(&asked) != 0)
		continue;
	children_sign(ctx);
	sem_post(&go_on);
	assert_int_equal(pthread_join(thread, &failed), 0);
	assert_null(failed);
	assert_int_equal(sign(ctx), 0);
	hsmime_ctx_free(beside);
	hsmime_ctx_free(ctx);
}

static void children_of_a_process_that_signed_sign_and_it_goes_on(void **state)
{
	hsmime_ctx *ctx = with_a_person();

	(void)state;
	assert_int_equal(sign(ctx), 0);
	children_sign(ctx);
	assert_int_equal(sign(ctx), 0);
	hsmime_ctx_free(ctx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(children_of_a_process_whose_thread_is_asked_for_a_pin_sign),
		cmocka_unit_test(children_of_a_process_that_signed_sign_and_it_goes_on),
	};

	return cmocka_run_group_tests(tests, api_messages_setup, api_messages_teardown);
}
