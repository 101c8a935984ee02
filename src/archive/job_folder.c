/* A job's folder, and what it was begun with. */
#include "archive/job.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/pem.h>
#include <openssl/sha.h>

#include "api/certs.h"
#include "archive/drafts.h"
#include "text/json.h"
#include "util/output.h"

#define SUFFIX ".hsmime"

int job_folder_path(char **out, const struct job *j, const char *name)
{
	if (asprintf(out, "%s/%s", j->folder, name) >= 0)
		return 0;
	*out = NULL;
	return HSMIME_ENOMEM;
}

/* What another job would have otherwise, and nothing else. */
static int write_settings(char **out, const hsmime_job_options *o)
{
	size_t len = 0;
	struct json j = { .compact = true, .out = open_memstream(out, &len) };

	if (j.out == NULL)
		return HSMIME_ENOMEM;
	json_open(&j, NULL, '{');
	json_text(&j, "task", "decrypt");
	json_text(&j, "in", o->in);
	json_text(&j, "out", o->out);
	json_text(&j, "key", o->key_uri);
	json_bool(&j, "require_authenticated", o->require_authenticated != 0);
	json_bool(&j, "skip_plain", o->skip_plain != 0);
	json_number(&j, "limit", o->limit);
	json_time(&j, "since", o->since);
	json_time(&j, "until", o->until);
	json_close(&j, '}');
	if (fclose(j.out) == 0)
		return 0;
	free(*out);
	*out = NULL;
	return HSMIME_ENOMEM;
}

/* It becomes part of file names, the same in every run. */
static int set_name(struct job *j, const char *settings)
{
	unsigned char digest[SHA256_DIGEST_LENGTH];

	if (EVP_Q_digest(j->ctx->shared->libctx, "SHA256", NULL, settings, strlen(settings), digest,
		NULL) != 1)
		return HSMIME_ENOMEM;
	for (int i = 0; i < JOB_NAME / 2; i++)
		snprintf(j->name + 2 * i, 3, "%02x", digest[i]);
	return 0;
}

static int set_folder(struct job *j, struct error *err)
{
	const char *out = j->options.out, *place = strchr(out, ':');
	size_t len;

	if (j->options.folder != NULL)
		j->folder = strdup(j->options.folder);
	else {
		place = place != NULL ? place + 1 : out;
		len = strlen(place);
		while (len > 1 && place[len - 1] == '/')
			len--;
		if (asprintf(&j->folder, "%.*s" SUFFIX, (int)len, place) < 0)
			j->folder = NULL;
	}
	return j->folder != NULL ? 0 : error_nomem(err);
}

static int open_journal(struct job *j, const char *settings, struct error *err)
{
	struct journal_totals totals;
	char *path = NULL;
	int status = job_folder_path(&path, j, "journal.sqlite");

	if (status == 0)
		status = journal_open(&j->journal, path, settings, err);
	if (status == 0)
		status = j->journal->kind->totals(&totals, j->journal, err);
	if (status == 0) {
		j->committed = totals.committed;
		atomic_store(&j->listed, totals.listed);
	}
	free(path);
	return status;
}

static int write_certs(const hsmime_certs *certs, hsmime_output *out, struct error *err)
{
	hsmime_sink sink;
	BIO *bio = BIO_new(BIO_s_mem());
	char *pem = NULL;
	bool done = bio != NULL;
	long len;
	int status = output_begin(out, true, NULL, 0, err);

	for (size_t i = 0; done && i < hsmime_certs_count(certs); i++)
		done = PEM_write_bio_X509(bio, hsmime_certs_get(certs, i)) == 1;
	len = done ? BIO_get_mem_data(bio, &pem) : 0;
	if (!done)
		status = error_nomem(err);
	output_sink(&sink, out);
	if (status == 0)
		status = sink.write(sink.arg, pem, (size_t)len);
	BIO_free(bio);
	return status == 0 ? output_commit(out, err) : status;
}

/* Those of earlier runs, and those of this one, so that what failed for want of one can be done again. */
static int keep_certs(struct job *j, struct error *err)
{
	hsmime_output *out = NULL;
	char *path = NULL;
	size_t kept = 0;
	int status = hsmime_certs_new(&j->certs);

	if (status == 0)
		status = job_folder_path(&path, j, "certs.pem");
	if (status == 0 && access(path, F_OK) == 0)
		status = hsmime_certs_load(j->certs, j->ctx, path);
	kept = hsmime_certs_count(j->certs);
	for (size_t i = 0; status == 0 && i < hsmime_certs_count(j->options.certs); i++)
		status = hsmime_certs_add(j->certs, hsmime_certs_get(j->options.certs, i));
	if (status == 0 && hsmime_certs_count(j->certs) > kept) {
		status = hsmime_output_file(&out, path);
		if (status == 0)
			status = write_certs(j->certs, out, err);
	}
	hsmime_output_free(out);
	free(path);
	return status == HSMIME_ENOMEM ? error_nomem(err) : status;
}

int job_folder_name(struct job *j, struct error *err)
{
	int status = write_settings(&j->asked, &j->options);

	if (status == 0)
		status = set_name(j, j->asked);
	return status == 0 ? set_folder(j, err) : error_nomem(err);
}

int job_folder_apart(struct job *j, struct error *err)
{
	const char *out = strchr(j->options.out, ':');
	bool in_source = false, in_sink = false;
	int status = 0;

	if (strcmp(j->source->kind->scheme, "list") != 0)
		status = mail_place_within(&in_source, j->folder, j->source->place);
	if (status == 0 && out != NULL)
		status = mail_place_within(&in_sink, j->folder, out + 1);
	if (status != 0)
		return error_nomem(err);
	if (!in_source && !in_sink)
		return 0;
	error_set(err, HSMIME_EUSAGE, "the job's folder %s is in the mailbox that is %s", j->folder,
	    in_source ? "read" : "written");
	return error_hint(err, "give another one with --job");
}

/* Names may be relative to another folder than where the job was begun; what it wrote there is not to be in two places. */
int job_sink_check(const struct job *j, struct error *err)
{
	const char *place = strchr(j->options.out, ':');
	const hsmime_job_counts *c = j->state != NULL ? &j->state->counts : NULL;

	if (c == NULL || c->done + c->copied == 0 || place == NULL ||
	    (strncmp(j->options.out, "mbox:", 5) == 0 && !j->state->finished) ||
	    access(place + 1, F_OK) == 0)
		return 0;
	error_set(
	    err, HSMIME_EUSAGE, "%s is not there, and the job wrote messages into it", place + 1);
	return error_hint(err, "go on in the folder where the job was begun");
}

int job_sink_open(struct job *j, struct error *err)
{
	int status = job_sink_check(j, err);

	if (status != 0)
		return status;
	return mail_sink_open(&j->sink, j->options.out, j->name, j->committed, err);
}

bool job_folder_is_new(const struct job *j)
{
	char *path = NULL;
	bool is_new = job_folder_path(&path, j, "journal.sqlite") == 0 && access(path, F_OK) != 0;

	free(path);
	return is_new;
}

int job_folder_open(struct job *j, struct error *err)
{
	int status = folder_make(j->folder, strlen(j->folder), 0, err);

	if (status == 0)
		status = open_journal(j, j->asked, err);
	return status == 0 ? keep_certs(j, err) : status;
}

static int read_setting(char **out, struct job *j, const char *name, struct error *err)
{
	return j->journal->kind->setting(out, j->journal, name, err);
}

static int read_number(uint64_t *out, struct job *j, const char *name, struct error *err)
{
	char *text = NULL;
	int status = read_setting(&text, j, name, err);

	if (status == 0)
		*out = text != NULL ? strtoull(text, NULL, 10) : 0;
	free(text);
	return status;
}

static int read_settings(struct job *j, struct error *err)
{
	hsmime_job_options *o = &j->options;
	uint64_t authenticated = 0, skip = 0;
	int status = read_setting(&j->settings[0], j, "in", err);

	if (status == 0)
		status = read_setting(&j->settings[1], j, "out", err);
	if (status == 0)
		status = read_setting(&j->settings[2], j, "key", err);
	if (status == 0)
		status = read_number(&authenticated, j, "require_authenticated", err);
	if (status == 0)
		status = read_number(&skip, j, "skip_plain", err);
	o->in = j->settings[0];
	o->out = j->settings[1];
	if (o->key_uri == NULL)
		o->key_uri = j->settings[2];
	/* Several --key of the tool are such a group, and the next command has its own. */
	if (status == 0 && j->retry && o->key_uri != NULL &&
	    strncmp(o->key_uri, "group:--", 8) == 0 && o->key_uri == j->settings[2]) {
		error_set(err, HSMIME_EUSAGE, "the job was begun with several keys");
		return error_hint(err, "name them again with --key, as at first");
	}
	o->require_authenticated = authenticated != 0;
	o->skip_plain = skip != 0;
	if (status == 0 && (o->in == NULL || o->out == NULL))
		status = error_set(err, HSMIME_EFORMAT,
		    "the journal in %s does not say what its job is", j->folder);
	return status;
}

int job_folder_find(struct job *j, const char *folder, struct error *err)
{
	char *settings = NULL;
	int status = 0;

	j->folder = strdup(folder);
	if (j->folder == NULL)
		return error_nomem(err);
	status = open_journal(j, NULL, err);
	if (status == 0)
		status = j->journal->kind->settings(&settings, j->journal, err);
	if (status == 0)
		status = set_name(j, settings);
	if (status == 0)
		status = read_settings(j, err);
	if (status == 0)
		status = keep_certs(j, err);
	free(settings);
	return status;
}
