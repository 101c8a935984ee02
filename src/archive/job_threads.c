/* A job's threads: one that lists, many that work, one that writes; and the caller's, which watches. */
#include "archive/job.h"

#include <stdlib.h>
#include <time.h>

#include "archive/job_pace.h"
#include "engine/zone.h"
#include "util/clock.h"

#define TELL_MS 50

struct thread {
	struct job *j;
	hsmime_ctx *ctx; /* its own */
	pthread_t id;
	bool started;
	_Atomic(struct message *) at; /* a worker's */
};

static void *run_lister(void *arg)
{
	struct thread *t = arg;

	job_list(t->j, t->ctx);
	return NULL;
}

static int work_in_zone(void *arg)
{
	struct thread *t = arg;

	return job_work(t->j, t->ctx, &t->at);
}

/*
 * A call of a token that never returns takes the library's thread that works with it, its context, and what it had
 * open. The message is another's from then on: that thread touches nothing more (engine/zone.h).
 */
static int replace_worker(struct thread *t, const struct error *why)
{
	struct message *m = atomic_exchange(&t->at, NULL);
	int status = hsmime_ctx_share(&t->ctx, t->j->ctx);

	if (m != NULL)
		flow_again(&t->j->flow, m, true);
	if (status != 0)
		return status;
	t->ctx->err = *why;
	return job_may_wait(t->j, t->ctx) ? 0 : HSMIME_ETOKEN;
}

/* All of it in one zone: no message is handed over to a thread that does its token calls, and back. */
static void *run_worker(void *arg)
{
	struct thread *t = arg;
	struct job *j = t->j;
	int status = 0;
	bool lost = true;

	while (status == 0 && lost) {
		struct error given_up = { 0 };

		(void)zone_run(work_in_zone, t, j->ctx->shared->call_limit, &given_up);
		lost = given_up.code != 0;
		if (lost)
			status = replace_worker(t, &given_up);
		if (status != 0)
			flow_stop(&j->flow, status, &given_up);
	}
	return NULL;
}

static void *run_writer(void *arg)
{
	struct thread *t = arg;

	job_write(t->j, t->ctx);
	return NULL;
}

bool job_may_wait(struct job *j, hsmime_ctx *ctx)
{
	int64_t now = clock_ms(CLOCK_MONOTONIC), since = 0;

	/* Where none has done anything yet a person is there, and rather told. */
	if (keyring_operations(j->keyring) == 0)
		return false;
	if (atomic_compare_exchange_strong(&j->away, &since, now)) {
		since = now;
		if (j->options.token_wait > 0)
			ctx_log(ctx, 0, "waiting up to %u seconds for the token: %s",
			    j->options.token_wait, ctx->err.message);
	}
	return now - since < (int64_t)j->options.token_wait * 1000;
}

static int start(struct thread *t, struct job *j, void *(*run)(void *arg))
{
	int status;

	t->j = j;
	status = hsmime_ctx_share(&t->ctx, j->ctx);
	if (status != 0)
		return error_nomem(&j->ctx->err);
	t->started = pthread_create(&t->id, NULL, run, t) == 0;
	return t->started ? 0
			  : error_set(&j->ctx->err, HSMIME_ENOMEM, "the system gives no thread");
}

static void join(struct thread *t)
{
	if (t->started)
		pthread_join(t->id, NULL);
	hsmime_ctx_free(t->ctx);
	t->ctx = NULL;
	t->started = false;
}

/* The caller's thread: what it is told, and whether it wants to go on. */
static void watch(struct job *j, int64_t begun, struct thread *writer)
{
	const hsmime_job_options *o = &j->options;
	bool over = false;
	struct pace pace;

	pace_begin(&pace, &j->flow, o->workers);
	while (!over) {
		hsmime_job_counts counts;
		struct timespec until = clock_after(CLOCK_REALTIME, TELL_MS);

		over = pthread_timedjoin_np(writer->id, NULL, &until) == 0;
		pace_look(&pace);
		pthread_mutex_lock(&j->state_lock);
		counts = j->state->counts;
		pthread_mutex_unlock(&j->state_lock);
		counts.seconds = (double)(clock_ms(CLOCK_MONOTONIC) - begun) / 1000;
		counts.listed = atomic_load(&j->listed);
		counts.operations = keyring_operations(j->keyring);
		if (o->callback != NULL && o->callback(o->callback_arg, &counts) != 0 && !over) {
			j->state->stopped = 1;
			atomic_store(&j->wanted_over, true);
			flow_stop(&j->flow, 0, NULL);
		}
	}
	writer->started = false;
}

int job_threads(struct job *j)
{
	size_t count = j->options.workers;
	struct thread *workers = calloc(count, sizeof(*workers));
	struct thread lister = { 0 }, writer = { 0 };
	int64_t begun = clock_ms(CLOCK_MONOTONIC);
	int status = workers != NULL ? start(&writer, j, run_writer) : error_nomem(&j->ctx->err);

	for (size_t i = 0; status == 0 && i < count; i++)
		status = start(&workers[i], j, run_worker);
	if (status == 0)
		status = start(&lister, j, run_lister);
	if (status != 0)
		flow_stop(&j->flow, status, &j->ctx->err);
	if (writer.started)
		watch(j, begun, &writer);
	join(&lister);
	for (size_t i = 0; workers != NULL && i < count; i++)
		join(&workers[i]);
	join(&writer);
	free(workers);
	if (j->flow.status != 0)
		j->ctx->err = j->flow.err;
	return j->flow.status;
}
