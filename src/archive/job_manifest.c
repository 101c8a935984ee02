/* A job's manifest, and the report of one that writes no mailbox, which is the same. */
#include "archive/job.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "archive/drafts.h"
#include "archive/manifest.h"
#include "util/output.h"
#include "util/sink.h"
#include "util/source.h"

int job_file_remove(const char *path, struct error *err)
{
	if (unlink(path) == 0)
		return folder_sync(path, path_folder(path), err);
	return errno == ENOENT ? 0 : error_errno(err, "removing", path);
}

int job_manifest_remove(struct job *j, struct error *err)
{
	char *path = NULL;
	int status = job_seal_remove(j, err);

	if (status != 0)
		return status;
	status = job_folder_path(&path, j, JOB_MANIFEST);
	status = status == 0 ? job_file_remove(path, err) : error_nomem(err);
	free(path);
	return status;
}

static int write_line(void *arg, const struct journal_entry *e)
{
	const hsmime_sink *out = arg;
	int status;

	if (e->record == NULL)
		return 0;
	status = sink_string(out, e->record);
	return status == 0 ? sink_string(out, "\n") : status;
}

/* Nothing in it is of this run: whenever it is written it is the same. */
static int write_facts(const hsmime_sink *out, struct job *j, struct error *err)
{
	const hsmime_job_state *s = j->state;
	const struct manifest_facts facts = { .job = j->name,
		.task = j->task->name,
		.done_word = j->task->done,
		.in = j->options.in,
		.out = j->options.out,
		.list_folder = j->beside,
		.done = s->counts.done,
		.copied = s->counts.copied,
		.skipped = s->counts.skipped,
		.failed = s->counts.failed,
		.octets = s->counts.octets,
		.started = s->started,
		.finished = s->changed };
	char *line = NULL;
	int status = manifest_facts_line(&line, &facts);

	status = status == 0 ? sink_string(out, line) : error_nomem(err);
	free(line);
	return status;
}

static int write_manifest(struct job *j, const char *path, struct error *err)
{
	hsmime_output *out = NULL;
	hsmime_sink sink;
	int status = hsmime_output_file(&out, path);

	if (status != 0)
		status = error_nomem(err);
	else
		status = output_begin(out, true, j->ctx->shared->libctx, 0, err);
	output_sink(&sink, out);
	if (status == 0)
		status = write_facts(&sink, j, err);
	if (status == 0)
		status = j->journal->kind->each(j->journal, false, write_line, &sink, err);
	if (status == 0)
		status = output_commit(out, err);
	hsmime_output_free(out);
	return status;
}

int job_file_copy(const char *from, const char *to, OSSL_LIB_CTX *libctx, struct error *err)
{
	hsmime_output *out = NULL;
	hsmime_file file;
	hsmime_source source;
	hsmime_sink sink;
	int fd = open(from, O_RDONLY | O_CLOEXEC), status;

	if (fd < 0)
		return error_errno(err, "reading", from);
	hsmime_source_fd(&source, &file, fd);
	status = hsmime_output_file(&out, to) == 0 ? output_begin(out, true, libctx, 0, err)
						   : error_nomem(err);
	if (status == 0) {
		output_sink(&sink, out);
		status = source_copy(&sink, &source);
	}
	if (status == 0)
		status = output_commit(out, err);
	hsmime_output_free(out);
	close(fd);
	return status != 0 ? error_keep(err, status, "a file of the job can't be copied") : 0;
}

int job_report_again(struct job *j, struct error *err)
{
	char *path = NULL;
	int status;

	if (j->options.report == NULL || access(j->options.report, F_OK) == 0)
		return 0;
	status = job_folder_path(&path, j, JOB_MANIFEST);
	status = status == 0 ? job_file_copy(path, j->options.report, j->ctx->shared->libctx, err)
			     : error_nomem(err);
	free(path);
	return status;
}

/* The manifest says that all is done, so it comes last; and what another one was sealed with does not stay beside it. */
int job_manifest(struct job *j, struct error *err)
{
	char *path = NULL;
	int status = job_manifest_remove(j, err);

	if (status == 0 && j->options.report != NULL)
		status = write_manifest(j, j->options.report, err);
	if (status != 0)
		return status;
	status = job_folder_path(&path, j, JOB_MANIFEST);
	status = status == 0 ? write_manifest(j, path, err) : error_nomem(err);
	/* Before a seal says that it is there. */
	if (status == 0)
		status = folder_sync(path, path_folder(path), err);
	free(path);
	return status;
}
