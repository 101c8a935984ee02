/* hsmime/job.h: jobs, begun, gone on with, and told of. */
#include "archive/job.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "archive/choice.h"
#include "archive/report_html.h"
#include "engine/uri.h"
#include "util/output.h"

#define WORKERS 32
#define WORKERS_MAX 256

static void begin(struct job *j, hsmime_ctx *ctx, const hsmime_job_options *options)
{
	/* No host's: of what is looked at before it is one. */
	*j = (struct job){ .ctx = ctx, .options = *options, .tag = "0" };
	pthread_mutex_init(&j->journal_lock, NULL);
	pthread_mutex_init(&j->state_lock, NULL);
	if (j->options.workers == 0)
		j->options.workers = WORKERS;
	if (j->options.workers > WORKERS_MAX)
		j->options.workers = WORKERS_MAX;
}

/* The outcome is told with a state, whole, or not at all. */
static int end(hsmime_job_state **state, struct job *j, int status)
{
	struct error err = j->ctx->err;

	job_close(j);
	*state = j->state;
	if (status == HSMIME_EUSAGE ||
	    (status != 0 && (j->state == NULL || j->state->folder == NULL))) {
		hsmime_job_state_free(j->state);
		*state = NULL;
	}
	(void)ctx_begin(j->ctx);
	j->ctx->err = err;
	return ctx_end(j->ctx, status);
}

static int check_options(const struct job *j, struct error *err)
{
	const hsmime_job_options *o = &j->options;
	struct uri uri = { 0 };
	int status = 0;

	if (o->in == NULL || (j->task->writes ? o->out : o->report) == NULL)
		return error_set(err, HSMIME_EUSAGE,
		    "a job wants a mailbox to read, and %s to write",
		    j->task->writes ? "one" : "a report");
	if (o->recipient != NULL && !choice_is_id(o->recipient))
		return choice_no_id(o->recipient, err);
	/* Before the journal keeps it: a PIN may be in it. */
	if (o->key_uri != NULL && strncasecmp(o->key_uri, "pkcs11:", 7) == 0)
		status = uri_parse(&uri, o->key_uri, NULL, err);
	uri_free(&uri);
	return status;
}

/* What is finished stays as it is; whoever took the report away gets it again, and a seal may be wanted only now. */
static int run_finished(struct job *j)
{
	struct error *err = &j->ctx->err;
	int status;

	if (j->options.dry_run)
		return 0;
	status = job_report_again(j, err);
	/* Of several hosts one seals. */
	if (status == 0 && job_is_shared(j) && job_seal_wanted(j))
		return job_run(j);
	if (status == 0)
		status = job_seal_again(j, err);
	if (status == 0 && job_seal_wanted(j))
		status = job_seal_check(j);
	if (status == 0)
		status = job_seal_keep(j, err);
	return status == 0 ? job_seal(j) : status;
}

static int run_unfinished(struct job *j)
{
	int status = job_check(j);

	if (status == 0 && !j->options.dry_run)
		status = job_seal_keep(j, &j->ctx->err);
	return status == 0 ? job_run(j) : status;
}

/* What retry does is known by what failed. */
static int no_dry_retry(const struct job *j, struct error *err)
{
	if (!j->options.dry_run)
		return 0;
	error_set(err, HSMIME_EUSAGE, "what is done again is not tried before");
	return error_hint(err, "the state of the job tells what failed, and of which cause");
}

static int run_task(hsmime_job_state **state, hsmime_ctx *ctx, const struct job_task *task,
    const hsmime_job_options *options)
{
	struct job j;
	int status;

	*state = NULL;
	error_clear(&ctx->err);
	begin(&j, ctx, options);
	j.task = task;
	if (!task->writes)
		j.options.out = NULL;
	else
		j.options.report = NULL;
	status = check_options(&j, &ctx->err);
	if (status == 0)
		status = job_open(&j, &ctx->err);
	if (status == 0)
		status = job_state_read(&j, &ctx->err);
	if (status == 0)
		status = job_sink_check(&j, &ctx->err);
	if (status == 0)
		status = j.state->finished ? run_finished(&j) : run_unfinished(&j);
	return end(state, &j, status);
}

int hsmime_archive_decrypt(
    hsmime_job_state **state, hsmime_ctx *ctx, const hsmime_job_options *options)
{
	return run_task(state, ctx, &task_decrypt, options);
}

int hsmime_archive_rewrap(
    hsmime_job_state **state, hsmime_ctx *ctx, const hsmime_job_options *options)
{
	return run_task(state, ctx, &task_rewrap, options);
}

int hsmime_archive_verify(
    hsmime_job_state **state, hsmime_ctx *ctx, const hsmime_job_options *options)
{
	return run_task(state, ctx, &task_verify, options);
}

static int wait_again(struct job *j, const char *cause, struct error *err)
{
	uint64_t count = 0;
	int status;

	if (!atomic_load(&j->listed)) {
		error_set(err, HSMIME_EUSAGE, "the job in %s was not listed to its end", j->folder);
		return error_hint(err, "go on with it first, by the command that began it");
	}
	/* It tells that all is done, and is written again then; a journal of several hosts says so itself, and who is at work. */
	status = job_is_shared(j) ? 0 : job_manifest_remove(j, err);
	if (status == 0)
		status = j->journal->kind->retry(&count, j->journal, cause, err);
	return status == 0 && job_is_shared(j) ? job_manifest_remove(j, err) : status;
}

int hsmime_archive_retry(hsmime_job_state **state, hsmime_ctx *ctx, const char *folder,
    const char *cause, const hsmime_job_options *options)
{
	struct job j;
	int status;

	*state = NULL;
	error_clear(&ctx->err);
	begin(&j, ctx, options);
	j.retry = true;
	status = no_dry_retry(&j, &ctx->err);
	if (status == 0)
		status = job_cause_check(cause, &ctx->err);
	if (status == 0)
		status = job_folder_find(&j, folder, &ctx->err);
	if (status == 0)
		status = job_seal_find(&j, &ctx->err);
	if (status == 0)
		status = job_certs_check(&j, &ctx->err);
	if (status == 0)
		status = job_check(&j);
	if (status == 0)
		status = job_open_source(&j, &ctx->err);
	if (status == 0)
		status = job_state_read(&j, &ctx->err);
	if (status == 0)
		status = job_sink_open(&j, &ctx->err);
	if (status == 0)
		status = wait_again(&j, cause, &ctx->err);
	if (status == 0)
		status = job_seal_keep(&j, &ctx->err);
	if (status == 0)
		status = job_state_read(&j, &ctx->err);
	if (status == 0)
		status = job_run(&j);
	return end(state, &j, status);
}

/* A job that is only looked at. */
static int look(struct job *j, hsmime_ctx *ctx, const char *folder)
{
	const hsmime_job_options none = HSMIME_JOB_OPTIONS_INIT;
	int status;

	error_clear(&ctx->err);
	begin(j, ctx, &none);
	status = job_folder_find(j, folder, &ctx->err);
	return status == 0 ? job_state_read(j, &ctx->err) : status;
}

int hsmime_archive_status(hsmime_job_state **state, hsmime_ctx *ctx, const char *folder)
{
	struct job j;
	int status;

	*state = NULL;
	status = look(&j, ctx, folder);
	return end(state, &j, status);
}

static ssize_t write_cookie(void *cookie, const char *octets, size_t len)
{
	const hsmime_sink *sink = cookie;

	return sink->write(sink->arg, octets, len) == 0 ? (ssize_t)len : 0;
}

static int write_report(struct job *j, hsmime_output *to)
{
	struct error *err = &j->ctx->err;
	hsmime_sink sink;
	FILE *out = NULL;
	bool failed;
	int status = output_begin(to, true, j->ctx->shared->libctx, j->ctx->spool_max, err);

	output_sink(&sink, to);
	if (status == 0)
		out = fopencookie(&sink, "w", (cookie_io_functions_t){ .write = write_cookie });
	if (out == NULL)
		return status != 0 ? status : error_nomem(err);
	status = report_html(out, j, err);
	failed = ferror(out) != 0;
	failed = fclose(out) != 0 || failed;
	if (failed && status == 0)
		status = error_keep(err, HSMIME_EIO, "the report can't be written");
	return status == 0 ? output_commit(to, err) : status;
}

int hsmime_archive_report(hsmime_ctx *ctx, hsmime_output *out, const char *folder)
{
	hsmime_job_state *state = NULL;
	struct job j;
	int status = look(&j, ctx, folder);

	if (status == 0)
		status = write_report(&j, out);
	status = end(&state, &j, status);
	hsmime_job_state_free(state);
	return status;
}
