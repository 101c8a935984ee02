/*
 * One host of several on a job: it says that it is there, gives back what others left behind when they died, and
 * finishes the job, or waits for who does.
 */
#include "archive/job.h"

#include <stdlib.h>
#include <time.h>

#include "util/clock.h"

#define POLL_MS 250

static unsigned lease_of(const struct job *j)
{
	return j->options.lease != 0 ? j->options.lease : JOURNAL_LEASE;
}

void job_lose(struct job *j)
{
	if (!atomic_exchange(&j->lost, true))
		ctx_log(j->ctx, 0,
		    "this host was not heard of for too long: others do what it had; it begins "
		    "anew");
	flow_stop(&j->flow, 0, NULL);
}

int job_unless_lost(struct job *j, int status)
{
	if (status != JOURNAL_LOST)
		return status;
	job_lose(j);
	return 0;
}

int job_join(struct job *j, struct error *err)
{
	atomic_store(&j->lost, false);
	return j->journal->kind->join(j->tag, j->journal, lease_of(j), err);
}

/* True: it is over before that. */
static bool pulse_wait(struct job *j, int64_t ms)
{
	struct timespec until = clock_after(CLOCK_MONOTONIC, ms);
	int r = 0;

	pthread_mutex_lock(&j->pulse_lock);
	while (r == 0 && !j->pulse_over)
		r = pthread_cond_timedwait(&j->pulse_end, &j->pulse_lock, &until);
	pthread_mutex_unlock(&j->pulse_lock);
	return r == 0;
}

/* What fails here fails for who works, too, and is said there. */
static void *run_pulse(void *arg)
{
	struct job *j = arg;

	while (!pulse_wait(j, (int64_t)lease_of(j) * 250)) {
		struct error ignored = { 0 };

		if (j->journal->kind->beat(j->journal, &ignored) == JOURNAL_LOST)
			job_lose(j);
	}
	return NULL;
}

int job_pulse_begin(struct job *j, struct error *err)
{
	pthread_condattr_t monotonic;

	if (!job_is_shared(j))
		return 0;
	pthread_mutex_init(&j->pulse_lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&j->pulse_end, &monotonic);
	pthread_condattr_destroy(&monotonic);
	j->pulse_over = false;
	j->has_pulse = pthread_create(&j->pulse, NULL, run_pulse, j) == 0;
	return j->has_pulse ? 0 : error_set(err, HSMIME_ENOMEM, "the system gives no thread");
}

void job_pulse_end(struct job *j)
{
	if (!j->has_pulse)
		return;
	pthread_mutex_lock(&j->pulse_lock);
	j->pulse_over = true;
	pthread_cond_signal(&j->pulse_end);
	pthread_mutex_unlock(&j->pulse_lock);
	pthread_join(j->pulse, NULL);
	pthread_cond_destroy(&j->pulse_end);
	pthread_mutex_destroy(&j->pulse_lock);
	j->has_pulse = false;
}

/* First its files, so that nothing of it can get a name any more; then what it had. */
static int release(struct job *j, const char *tag, hsmime_ctx *ctx)
{
	struct error *err = &ctx->err;
	int status = j->task->writes ? mail_sink_clear(j->sink, tag, err) : 0;

	if (status == 0 && j->task->writes)
		status = mail_sink_clear(j->failed, tag, err);
	if (status != 0)
		return status;
	pthread_mutex_lock(&j->journal_lock);
	status = j->journal->kind->release(j->journal, tag, err);
	pthread_mutex_unlock(&j->journal_lock);
	if (status == 0)
		ctx_log(ctx, 0,
		    "another host was not heard of for too long: what it had is given out again");
	return status;
}

int job_reap(struct job *j, hsmime_ctx *ctx)
{
	char tag[JOURNAL_TAG] = "";
	int status = 0;

	do {
		pthread_mutex_lock(&j->journal_lock);
		status = j->journal->kind->reap(tag, j->journal, &ctx->err);
		pthread_mutex_unlock(&j->journal_lock);
		if (status == 0 && tag[0] != '\0')
			status = release(j, tag, ctx);
	} while (status == 0 && tag[0] != '\0');
	return status;
}

static bool wants_to_stop(struct job *j)
{
	hsmime_job_counts counts = j->state->counts;

	return j->options.callback != NULL &&
	       j->options.callback(j->options.callback_arg, &counts) != 0;
}

static void pause_ms(unsigned ms)
{
	const struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000 };

	(void)nanosleep(&t, NULL);
}

/* What one host does while the others wait. */
struct turn {
	/* *over: it is done already, or nobody's any more. */
	int (*look)(bool *over, struct job *j, struct error *err);
	const char *words; /* while another one does it */
};

/* Another one may have done it, and left, before this one asked. */
static int claim_once(
    bool *mine, bool *over, struct job *j, const struct turn *turn, struct error *err)
{
	int status = j->journal->kind->claim(mine, j->journal, JOURNAL_FINISHES, err);

	*over = false;
	if (status == 0)
		status = turn->look(over, j, err);
	*mine = *mine && status == 0 && !*over;
	return status;
}

static int await_turn(bool *mine, struct job *j, const struct turn *turn, struct error *err)
{
	bool told = false, over;
	int status = claim_once(mine, &over, j, turn, err);

	while (status == 0 && !*mine && !over) {
		if (!told)
			ctx_log(j->ctx, 0, "%s", turn->words);
		told = true;
		if (wants_to_stop(j)) {
			j->state->stopped = 1;
			return 0;
		}
		pause_ms(POLL_MS);
		status = job_reap(j, j->ctx);
		if (status == 0)
			status = claim_once(mine, &over, j, turn, err);
	}
	return status;
}

static int look_finished(bool *over, struct job *j, struct error *err)
{
	int status = job_state_read(j, err);

	*over = status == 0 && j->state->finished;
	return status;
}

int job_claim_finish(bool *mine, struct job *j, struct error *err)
{
	static const struct turn turn = { look_finished,
		"nothing waits any more: another host finishes the job" };

	return await_turn(mine, j, &turn, err);
}

/* By which key is known anew: it may be the one that is asked for by now. */
static int look_sealed(bool *over, struct job *j, struct error *err)
{
	int status = job_state_read(j, err);

	if (status == 0)
		status = job_seal_find(j, err);
	*over = status == 0 && (!j->state->finished || !job_seal_wanted(j));
	return status;
}

int job_claim_seal(bool *mine, struct job *j, struct error *err)
{
	static const struct turn turn = { look_sealed, "another host seals the manifest" };

	return await_turn(mine, j, &turn, err);
}
