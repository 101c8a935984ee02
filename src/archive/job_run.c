/* A run of a job: its mailboxes, its threads, and what they need. */
#include "archive/job.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define ON_THE_WAY 512 /* messages, beside those with workers */
#define FILES_SPARED 256

/*
 * Each message on its way has an open file, and each worker one more, beside what modules, journal and OpenSSL
 * open. Where there may be few there are fewer workers.
 */
static size_t fit_files(struct job *j)
{
	struct rlimit files = { 0 };
	size_t workers = j->options.workers, size = ON_THE_WAY + workers, room;

	if (getrlimit(RLIMIT_NOFILE, &files) != 0 ||
	    files.rlim_cur >= size + workers + FILES_SPARED)
		return size;
	room =
	    files.rlim_cur > 2 * FILES_SPARED ? files.rlim_cur - FILES_SPARED : files.rlim_cur / 2;
	if (workers > room / 4)
		j->options.workers = room / 4 > 0 ? (unsigned)(room / 4) : 1;
	return room > 2 * j->options.workers ? room - j->options.workers : j->options.workers;
}

static int open_failed(struct job *j, struct error *err)
{
	char *place = NULL, *name = NULL;
	int status = job_folder_path(&place, j, "failed");

	if (status == 0 && asprintf(&name, "eml:%s", place) < 0) {
		name = NULL;
		status = HSMIME_ENOMEM;
	}
	if (status != 0)
		status = error_nomem(err);
	else if (job_is_shared(j))
		status = mail_sink_open_shared(&j->failed, name, j->name, j->tag, err);
	else
		status = mail_sink_open(&j->failed, name, j->name, 0, err);
	free(name);
	free(place);
	return status;
}

int job_open_source(struct job *j, struct error *err)
{
	int status = mail_source_open(&j->source, j->options.in, err);

	if (status == 0 && j->beside != NULL && (j->source->beside = strdup(j->beside)) == NULL)
		status = error_nomem(err);
	if (status == 0 && j->task->writes)
		status = mail_sink_apart(j->options.out, j->source, err);
	return status == 0 ? job_folder_apart(j, err) : status;
}

int job_check(struct job *j)
{
	int status = j->task->check != NULL ? j->task->check(j->ctx, &j->options) : 0;

	return status == 0 ? job_seal_check(j) : status;
}

/* A mistake in what was asked leaves no job behind, which the right words would then be refused for. */
int job_open(struct job *j, struct error *err)
{
	bool is_new;
	int status = job_folder_name(j, err);

	if (status == 0)
		status = job_journal_check(j, err);
	if (status == 0)
		status = job_open_source(j, err);
	if (status == 0)
		job_places_take(j);
	if (status == 0)
		status = job_seal_find(j, err);
	is_new = status == 0 && job_folder_is_new(j);
	/* What another host left is there from one moment to the next. */
	j->fresh = is_new && !job_is_shared(j);
	if (is_new) {
		status = job_seal_apart(j, err);
		status = status == 0 ? job_check(j) : status;
		status = status == 0 ? job_sink_open(j, err) : status;
	}
	return status == 0 ? job_folder_open(j, err) : status;
}

/* How far it came is told all the same, as far as the journal can be read. */
static int tell_failure(struct job *j, int status)
{
	struct error ignored = { 0 };

	(void)job_state_read(j, &ignored);
	return status;
}

static void close_sinks(struct job *j)
{
	mail_sink_close(j->sink);
	mail_sink_close(j->failed);
	j->sink = j->failed = NULL;
}

/* As this process, with which nobody else's files are mistaken. */
static int open_sinks(struct job *j, struct error *err)
{
	int status = job_join(j, err);

	if (job_is_shared(j))
		close_sinks(j);
	if (status == 0 && j->sink == NULL)
		status = job_sink_open(j, err);
	if (status == 0 && j->task->writes && !j->options.dry_run)
		status = open_failed(j, err);
	return status;
}

static int begin_flow(struct job *j, struct error *err)
{
	bool ordered = j->sink != NULL && j->sink->kind->ordered;

	if (flow_init(&j->flow, fit_files(j), ordered) != 0)
		return error_nomem(err);
	return job_pulse_begin(j, err);
}

static int run_threads(struct job *j)
{
	int status;

	j->ctx->keyring = j->keyring;
	j->ctx->looks = j->options.dry_run != 0;
	status = job_threads(j);
	j->ctx->keyring = NULL;
	j->ctx->looks = false;
	j->state->counts.operations = keyring_operations(j->keyring);
	return status;
}

static int run_all(struct job *j, struct error *err)
{
	int status = run_threads(j);

	return status == 0 && !atomic_load(&j->lost) ? job_finish(j, err) : tell_failure(j, status);
}

/* Until nothing is left to be done, or something ends it. */
static int run_once(struct job *j, struct error *err)
{
	int status = open_sinks(j, err);

	if (status != 0)
		return status;
	status = begin_flow(j, err);
	if (status == 0)
		status = j->state->finished ? job_seal_once(j, err) : run_all(j, err);
	status = job_unless_lost(j, status);
	job_pulse_end(j);
	flow_free(&j->flow);
	return status;
}

int job_run(struct job *j)
{
	struct error *err = &j->ctx->err;
	int status = j->options.dry_run ? 0 : ctx_keep_substitute(j->ctx, j->folder);

	if (status == 0 && keyring_new(&j->keyring) != 0)
		status = error_nomem(err);
	/* Who was only slow goes on as another host. */
	do {
		status = status == 0 ? run_once(j, err) : status;
	} while (status == 0 && atomic_load(&j->lost) && !j->state->stopped);
	return status;
}

static int free_keyring(void *arg)
{
	keyring_free(arg);
	return 0;
}

void job_close(struct job *j)
{
	if (j->keyring != NULL)
		(void)ctx_run(j->ctx, free_keyring, j->keyring);
	mail_sink_close(j->sink);
	mail_sink_close(j->failed);
	mail_source_close(j->source);
	journal_close(j->journal);
	job_trial_close(j);
	job_certs_free(j);
	for (size_t i = 0; i < sizeof(j->settings) / sizeof(j->settings[0]); i++)
		free(j->settings[i]);
	free(j->asked);
	free(j->beside);
	free(j->seal);
	free(j->folder);
	pthread_mutex_destroy(&j->journal_lock);
	pthread_mutex_destroy(&j->state_lock);
}
