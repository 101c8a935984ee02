/*
 * What is left to do once nothing waits: what nobody needs any more goes, the manifest is written, and sealed. Of several
 * hosts one does it, and the others wait for it.
 */
#include "archive/job.h"

/* Nothing waits, and nothing can come. */
static bool is_complete(const struct job *j)
{
	return atomic_load(&j->listed) && j->state->counts.waiting == 0;
}

/* Of several hosts one that was given up may have left more since, as nothing waits any more. */
static int finish_sink(struct job *j, struct mail_sink *sink, struct error *err)
{
	int status = job_is_shared(j) ? mail_sink_clear(sink, NULL, err) : 0;

	return status == 0 ? mail_sink_finish(sink, err) : status;
}

static int finish_mine(struct job *j, struct error *err)
{
	int status = 0;

	if (j->task->writes)
		status = finish_sink(j, j->sink, err);
	if (status == 0 && j->task->writes)
		status = finish_sink(j, j->failed, err);
	if (status == 0)
		status = job_manifest(j, err);
	if (status == 0)
		status = j->journal->kind->finished(j->journal, err);
	if (status != 0)
		return status;
	j->state->finished = 1;
	j->state->stopped = 0; /* nothing was left to stop */
	return job_seal(j);
}

int job_finish(struct job *j, struct error *err)
{
	bool mine = false;
	int status = job_state_read(j, err);

	if (status != 0 || !is_complete(j) || j->options.dry_run)
		return status;
	status = job_claim_finish(&mine, j, err);
	if (status == 0 && mine)
		return finish_mine(j, err);
	/* Who does that may die before its seal. */
	return status == 0 && j->state->finished ? job_seal_once(j, err) : status;
}

int job_seal_once(struct job *j, struct error *err)
{
	bool mine = false;
	int status;

	if (!job_seal_wanted(j))
		return 0;
	status = job_claim_seal(&mine, j, err);
	if (status != 0 || j->state->stopped)
		return status;
	if (!j->state->finished) {
		error_set(err, HSMIME_EIO, "another host does again what failed");
		return error_hint(err, "once that is done, the same command seals the manifest");
	}
	if (!mine) {
		ctx_log(j->ctx, 0, "another host sealed the manifest: it is sealed already");
		return 0;
	}
	status = job_seal_check(j);
	if (status == 0)
		status = job_seal_keep(j, err);
	return status == 0 ? job_seal(j) : status;
}
