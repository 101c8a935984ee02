/* One message to its outcome. Whatever it is, it costs only itself; what the tokens or the disk do costs no message. */
#include "archive/job.h"

#include <stdlib.h>
#include <string.h>

#include "archive/inspect.h"
#include "archive/job_task.h"
#include "archive/reading.h"
#include "archive/record.h"
#include "text/result_json.h"
#include "util/output.h"
#include "util/sink.h"
#include "util/source.h"

#define AWAY_PAUSE_MS 500

struct worker {
	struct job *j;
	hsmime_ctx *ctx;
	/* Of the message at hand: */
	struct message *m;
	struct reading in;
	hsmime_result *result;
	struct inspection found;
	const char *cause;      /* of its failure, where the task knows better; or NULL */
	bool of_job;            /* that is no message's */
	hsmime_output *nowhere; /* of a dry run */
};

static int copy_octets(struct worker *w, hsmime_output *out)
{
	hsmime_sink sink;
	int status = output_begin(out, true, w->ctx->shared->libctx, 0, &w->ctx->err);

	output_sink(&sink, out);
	if (status == 0)
		status = source_seek(&w->in.source, 0);
	if (status == 0)
		status = source_copy(&sink, &w->in.source);
	return status == 0 ? output_commit(out, &w->ctx->err) : status;
}

static int do_task(struct worker *w, hsmime_output *out)
{
	struct task_message m = { .ctx = w->ctx,
		.options = &w->j->options,
		.certs = w->j->certs,
		.source = &w->in.source,
		.entry = &w->m->entry,
		.job = w->j->name,
		.bare = w->in.bare };
	const struct job_task *task = w->j->task;
	int status = task->work(&m, out);

	if (status == 0 && task->finish != NULL)
		status = reading_hash_rest(&w->in, &w->m->entry);
	if (status == 0 && task->finish != NULL)
		status = task->finish(&m, out);
	w->result = m.result;
	w->cause = m.cause;
	w->of_job = m.of_job;
	w->m->doubtful = m.doubtful;
	return status;
}

static int hash_output(struct worker *w)
{
	hsmime_source written;

	if (output_digest(w->m->entry.output_sha, w->m->draft.output))
		return 0;
	output_source(&written, w->m->draft.output);
	return reading_hash(w->m->entry.output_sha, &w->in, &written);
}

/* Through write into a draft of sink. *sinks: the failure is the sink's and no message's. */
static int make_draft(bool *sinks, struct worker *w, struct mail_sink *sink, const char *extension,
    int (*write)(struct worker *w, hsmime_output *out))
{
	struct message *m = w->m;
	const struct mail_form form = { .extension = extension };
	int status;

	*sinks = false;
	if (w->j->options.dry_run)
		return write == copy_octets ? 0 : write(w, w->nowhere);
	status = mail_sink_begin(&m->draft, sink, &m->entry.item, &form, &w->ctx->err);
	if (status == 0)
		status = reading_digest_along(m->draft.output, &w->in);
	*sinks = status != 0;
	if (status == 0)
		status = write(w, m->draft.output);
	/* Before its digest is asked for once more of what was written. */
	if (status == 0)
		status = reading_hash_rest(&w->in, &m->entry);
	if (status != 0)
		return status;
	/* Before it ends, while one that is small is in memory. */
	status = hash_output(w);
	if (status == 0)
		status = mail_sink_end(&m->draft, sink, &w->ctx->err);
	*sinks = status != 0;
	return status;
}

static void drop_draft(struct message *m)
{
	mail_sink_drop(&m->draft);
	memset(&m->draft, 0, sizeof(m->draft));
}

static bool stays_closed(const hsmime_result *r)
{
	for (size_t i = 0; r != NULL && i < r->layer_count; i++)
		if (layer_is_encrypted(&r->layers[i]) && !r->layers[i].opened)
			return true;
	return false;
}

static int conclude(struct worker *w, enum journal_state state, const char *cause, const char *why)
{
	struct journal_entry *e = &w->m->entry;
	int status = w->in.unread ? 0 : reading_hash_rest(&w->in, e);

	if (status != 0)
		return status;
	e->state = state;
	/* Of a dry run, which opens nothing, it is not known. */
	e->closed = w->j->options.deep && !w->j->options.dry_run && stays_closed(w->result);
	free(e->cause);
	e->cause = cause != NULL ? strdup(cause) : NULL;
	/* Of what was not written there is one of the two. */
	e->has_sha = e->has_sha && w->m->draft.output != NULL;
	if (cause != NULL && e->cause == NULL)
		return HSMIME_ENOMEM;
	if (w->j->options.dry_run)
		return 0;
	return record_make(e, &(struct record_facts){ .mailbox = w->j->options.in,
				  .done = w->j->task->done,
				  .found = &w->found,
				  .result = w->result,
				  .why = why,
				  .hashed = w->in.hashed });
}

/* It can't be had whole, so there is nothing to keep. */
static int give_up_unread(struct worker *w)
{
	struct error why = w->ctx->err;

	drop_draft(w->m);
	return conclude(w, JOURNAL_FAILED, "unreadable", why.message);
}

/* As it was, byte for byte, into failed/. */
static int keep_failed(bool *sinks, struct worker *w, const char *cause)
{
	struct error why = w->ctx->err;
	int status;

	drop_draft(w->m);
	if (!w->j->task->writes)
		return conclude(w, JOURNAL_FAILED, cause, why.message);
	status = make_draft(sinks, w, w->j->failed, NULL, copy_octets);
	return status == 0 ? conclude(w, JOURNAL_FAILED, cause, why.message) : status;
}

/* What could not be opened, or not be looked through, is not plain. */
static bool is_plain(const hsmime_result *r)
{
	for (size_t i = 0; r != NULL && i < r->layer_count; i++)
		if (layer_is_encrypted(&r->layers[i]))
			return false;
	return r == NULL || r->not_searched == NULL;
}

static int copy_message(bool *sinks, struct worker *w)
{
	int status;

	if ((w->j->options.skip_plain && is_plain(w->result)) || !w->j->task->writes)
		return conclude(w, JOURNAL_SKIPPED, NULL, NULL);
	status = make_draft(sinks, w, w->j->sink, NULL, copy_octets);
	return status == 0 ? conclude(w, JOURNAL_COPIED, NULL, NULL) : status;
}

static int look_at(struct worker *w)
{
	struct cms_env env = ctx_env(w->ctx);
	int status = inspect(&w->found, &w->in.source, &env);

	if (status == 0 && w->found.kind == INSPECT_MALFORMED)
		return HSMIME_EFORMAT;
	return status == 0 ? source_seek(&w->in.source, 0) : status;
}

/* Only where that is asked: most are what the task is for. What was said of a failure before holds. */
static int look_afterwards(struct worker *w)
{
	struct error why = w->ctx->err;
	int status = source_seek(&w->in.source, 0);

	if (status == 0)
		status = look_at(w);
	w->ctx->err = why;
	return status == HSMIME_EFORMAT ? 0 : status;
}

/* Where no token is there a missing key says nothing of the message. */
static int without_token(const struct worker *w, int status)
{
	struct engine *e = w->ctx->shared->engine;

	return status == HSMIME_ENOKEY && e != NULL && !engine_has_token(e) ? HSMIME_ETOKEN
									    : status;
}

/* It is not for the task, and nothing is wrong with it. */
static int pass_over(bool *sinks, struct worker *w)
{
	drop_draft(w->m);
	error_clear(&w->ctx->err);
	return copy_message(sinks, w);
}

/* A dry run, and the key is there. Of what only is judged nothing is known before it is opened. */
static int conclude_looked(struct worker *w)
{
	error_clear(&w->ctx->err);
	return conclude(w, w->j->task->writes ? JOURNAL_DONE : JOURNAL_COPIED, NULL, NULL);
}

static int do_message(bool *sinks, struct worker *w)
{
	const struct job_task *task = w->j->task;
	int status = task->writes ? make_draft(sinks, w, w->j->sink, task->extension, do_task)
				  : do_task(w, NULL);

	if (status == 0)
		return conclude(w, JOURNAL_DONE, NULL, NULL);
	if (status == HSMIME_ENOKEY && w->ctx->key_found)
		return conclude_looked(w);
	if (status != TASK_NOTHING)
		return status;
	status = task->looks_first ? 0 : look_afterwards(w);
	return status == 0 ? pass_over(sinks, w) : status;
}

/* A status that is the message's: what that means for it. */
static int settle_failure(bool *sinks, struct worker *w, int status)
{
	const struct job_task *task = w->j->task;
	bool other = status == HSMIME_EFORMAT || status == HSMIME_EUNSUPPORTED;
	int looked = task->looks_first ? 0 : look_afterwards(w);

	if (looked != 0)
		return looked;
	if (other && w->found.kind != INSPECT_MALFORMED && !task->is_for(w->found.kind))
		return pass_over(sinks, w);
	return keep_failed(sinks, w, w->cause != NULL ? w->cause : task_cause(task, status));
}

/* *sinks: what failed is not the message. */
static int bring_about(bool *sinks, struct worker *w)
{
	const struct job_task *task = w->j->task;
	int status;

	w->m->doubtful = false;
	status = reading_open(&w->in, w->j->source, &w->m->entry, w->j->retry, &w->ctx->err);

	if (status == 0 && task->looks_first)
		status = look_at(w);
	if (status == 0 && task->looks_first && !task->is_for(w->found.kind))
		status = copy_message(sinks, w);
	else if (status == 0)
		status = do_message(sinks, w);
	if (status != 0 && w->in.unread)
		return give_up_unread(w);
	status = without_token(w, status);
	if (status == 0 || *sinks || w->of_job || task_cause(task, status) == NULL)
		return status;
	status = settle_failure(sinks, w, status);
	return status != 0 && w->in.unread ? give_up_unread(w) : status;
}

static void end_message(struct worker *w)
{
	hsmime_result_free(w->result);
	w->result = NULL;
	inspection_free(&w->found);
	memset(&w->found, 0, sizeof(w->found));
	w->of_job = false;
	w->cause = NULL;
	reading_close(&w->in);
}

static void bring(struct worker *w, _Atomic(struct message *) *at)
{
	struct job *j = w->j;
	bool sinks = false;
	int status;

	error_clear(&w->ctx->err);
	w->ctx->key_found = false;
	status = bring_about(&sinks, w);
	end_message(w);
	atomic_store(at, NULL);
	if (status == 0) {
		flow_done(&j->flow, w->m);
		return;
	}
	flow_again(&j->flow, w->m, true);
	if (status != HSMIME_ETOKEN || sinks || !job_may_wait(j, w->ctx))
		flow_stop(&j->flow, status, &w->ctx->err);
	else
		flow_pause(&j->flow, AWAY_PAUSE_MS);
}

static int open_nowhere(hsmime_output **out)
{
	hsmime_sink sink;

	sink_null(&sink);
	return hsmime_output_callback(out, &sink);
}

int job_work(struct job *j, hsmime_ctx *ctx, _Atomic(struct message *) *at)
{
	struct worker w = { .j = j, .ctx = ctx };
	int status = reading_init(&w.in, ctx->shared->libctx);

	if (status == 0 && j->options.dry_run)
		status = open_nowhere(&w.nowhere);
	if (status != 0)
		(void)error_nomem(&ctx->err);
	while (status == 0 && (w.m = flow_take(&j->flow)) != NULL) {
		atomic_store(at, w.m);
		bring(&w, at);
	}
	if (status != 0)
		flow_stop(&j->flow, status, &ctx->err);
	reading_free(&w.in);
	hsmime_output_free(w.nowhere);
	return status;
}
