/* A job's seal: a detached CMS signature over its manifest, by a key on a token. */
#include "archive/job.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "api/keys.h"
#include "archive/drafts.h"
#include "engine/uri.h"
#include "util/buffer.h"
#include "util/output.h"
#include "util/sink.h"

#define KEY_FILE                                                                                   \
	"seal-key" /* which key it is, so that whoever goes on with the job need not name it again */
#define KEY_MAX 4096               /* octets of its name */
#define SEAL_MAX ((size_t)1 << 24) /* of a signature with its certificates */

/* A PIN in it would be on the disk, and in the manifest's folder. */
static int check_name(const char *key, struct error *err)
{
	struct uri uri = { 0 };
	int status = 0;

	if (strlen(key) > KEY_MAX || key[0] == '\0' || strpbrk(key, "\r\n") != NULL)
		return error_set(err, HSMIME_EUSAGE, "the key for the seal has no such name");
	if (strncasecmp(key, "pkcs11:", 7) == 0)
		status = uri_parse(&uri, key, NULL, err);
	uri_free(&uri);
	return status;
}

/* What an earlier run was told; *out NULL: nothing. */
static int read_key(char **out, const char *path, struct error *err)
{
	char text[KEY_MAX + 1];
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t got = fd < 0 ? 0 : read(fd, text, sizeof(text));
	int status = 0;

	*out = NULL;
	if (fd < 0)
		return errno == ENOENT ? 0 : error_errno(err, "reading", path);
	if (got < 0)
		status = error_errno(err, "reading", path);
	else if (got > KEY_MAX || memchr(text, '\0', (size_t)got) != NULL)
		status = error_set(err, HSMIME_EFORMAT, "%s is damaged", path);
	close(fd);
	if (status != 0 || got == 0)
		return status;
	*out = strndup(text, (size_t)got);
	return *out != NULL ? 0 : error_nomem(err);
}

int job_seal_find(struct job *j, struct error *err)
{
	const char *asked = j->options.seal;
	char *path = NULL, *known = NULL;
	int status = asked != NULL ? check_name(asked, err) : 0;

	if (status == 0 && job_folder_path(&path, j, KEY_FILE) != 0)
		status = error_nomem(err);
	if (status == 0)
		status = read_key(&known, path, err);
	free(path);
	if (status != 0)
		return status;
	free(j->seal);
	j->seal_anew = asked != NULL && (known == NULL || strcmp(asked, known) != 0);
	j->seal = j->seal_anew ? strdup(asked) : known;
	if (j->seal_anew)
		free(known);
	return asked == NULL || j->seal != NULL ? 0 : error_nomem(err);
}

bool job_seal_wanted(const struct job *j)
{
	return j->seal != NULL && (j->seal_anew || !j->state->sealed);
}

static hsmime_sign_options sign_options(const struct job *j)
{
	hsmime_sign_options o = HSMIME_SIGN_OPTIONS_INIT;

	o.form = HSMIME_CMS;
	o.format = HSMIME_FORMAT_DER;
	o.key_uri = j->seal;
	o.certs = j->certs != NULL ? j->certs : j->options.certs;
	return o;
}

static int sign(struct buffer *out, struct job *j, const hsmime_source *in)
{
	const hsmime_sign_options o = sign_options(j);
	hsmime_output *output = NULL;
	hsmime_sink sink;
	int status;

	buffer_reset(out);
	sink_buffer(&sink, out);
	if (hsmime_output_callback(&output, &sink) != 0)
		return error_nomem(&j->ctx->err);
	status = hsmime_sign(j->ctx, output, in, &o);
	hsmime_output_free(output);
	return status;
}

/* With octets that nobody can take for a manifest. */
static int try_key(struct job *j)
{
	static const char trial[] = "hsmime tries the key out that is to seal a manifest\n";
	hsmime_memory memory = { .data = trial, .len = sizeof(trial) - 1 };
	hsmime_source source;
	struct buffer out;
	int status;

	buffer_init(&out, SEAL_MAX);
	hsmime_source_memory(&source, &memory);
	status = sign(&out, j, &source);
	buffer_free(&out);
	return status;
}

static int look_for_key(void *arg)
{
	struct job *j = arg;
	hsmime_sign_options o = sign_options(j);
	struct signer signer = { 0 };
	int status = signer_find(&signer, j->ctx, &o, NULL);

	signer_free(&signer);
	return status;
}

/* Once for all. A dry run makes no private-key operation: it looks for key and certificate alone. */
int job_seal_check(struct job *j)
{
	int status;

	if (j->seal == NULL || j->seal_tried)
		return 0;
	j->seal_tried = true;
	status = j->options.dry_run ? ctx_run(j->ctx, look_for_key, j) : try_key(j);
	if (status == HSMIME_EPOLICY)
		(void)error_hint(&j->ctx->err,
		    "choose another key with --seal, or another certificate with --cert");
	if (status != 0)
		(void)error_prefix(&j->ctx->err, "the key for the seal");
	return status;
}

/* Beside a report its seal has a name of its own. */
static int report_seal(char **out, const struct job *j)
{
	*out = NULL;
	if (j->options.report == NULL)
		return 0;
	if (asprintf(out, "%s" JOB_SEAL_SUFFIX, j->options.report) >= 0)
		return 0;
	*out = NULL;
	return HSMIME_ENOMEM;
}

int job_seal_apart(const struct job *j, struct error *err)
{
	char *path = NULL;
	int status = report_seal(&path, j);

	if (status != 0)
		return error_nomem(err);
	if (path != NULL && j->options.seal != NULL && access(path, F_OK) == 0) {
		error_set(err, HSMIME_EUSAGE, "%s is there already", path);
		status = error_hint(err, "name a report of its own with --report");
	}
	free(path);
	return status;
}

int job_seal_remove(struct job *j, struct error *err)
{
	char *path = NULL, *beside = NULL;
	int status = job_folder_path(&path, j, JOB_SEAL);

	/* Of a job that nobody sealed it is somebody else's. */
	if (status == 0 && (j->seal != NULL || access(path, F_OK) == 0))
		status = report_seal(&beside, j);
	if (status != 0)
		status = error_nomem(err);
	if (status == 0 && beside != NULL)
		status = job_file_remove(beside, err);
	if (status == 0)
		status = job_file_remove(path, err);
	free(beside);
	free(path);
	j->state->sealed = status == 0 ? 0 : j->state->sealed;
	return status;
}

static int write_octets(
    const char *path, const void *data, size_t len, struct job *j, struct error *err)
{
	hsmime_output *out = NULL;
	hsmime_sink sink;
	int status = hsmime_output_file(&out, path);

	status = status == 0 ? output_begin(out, true, j->ctx->shared->libctx, 0, err)
			     : error_nomem(err);
	output_sink(&sink, out);
	if (status == 0)
		status = sink_write(&sink, data, len);
	if (status == 0)
		status = output_commit(out, err);
	hsmime_output_free(out);
	return status == 0 ? folder_sync(path, path_folder(path), err) : status;
}

/*
 * The seal of another key goes first: it would stay if this one does not come about. Of several hosts one may have sealed
 * what was not finished when this one looked.
 */
int job_seal_keep(struct job *j, struct error *err)
{
	char *path = NULL;
	int status;

	if (!j->seal_anew)
		return 0;
	status = j->state->finished || !job_is_shared(j) ? job_seal_remove(j, err) : 0;
	if (status == 0 && job_folder_path(&path, j, KEY_FILE) != 0)
		status = error_nomem(err);
	if (status == 0)
		status = write_octets(path, j->seal, strlen(j->seal), j, err);
	j->seal_anew = status != 0;
	free(path);
	return status;
}

static int sign_manifest(struct buffer *out, struct job *j)
{
	hsmime_source source;
	hsmime_file file;
	char *path = NULL;
	int fd = -1, status = job_folder_path(&path, j, JOB_MANIFEST);

	if (status != 0)
		return error_nomem(&j->ctx->err);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		status = error_errno(&j->ctx->err, "reading", path);
	} else {
		hsmime_source_fd(&source, &file, fd);
		status = sign(out, j, &source);
		close(fd);
	}
	free(path);
	return status;
}

/* The manifest's comes last: it says that the report's is there. */
static int write_seals(struct job *j, const struct buffer *seal, struct error *err)
{
	char *path = NULL, *beside = NULL;
	int status = job_folder_path(&path, j, JOB_SEAL);

	if (status == 0)
		status = report_seal(&beside, j);
	if (status != 0)
		status = error_nomem(err);
	if (status == 0 && beside != NULL)
		status = write_octets(beside, seal->data, seal->len, j, err);
	if (status == 0)
		status = write_octets(path, seal->data, seal->len, j, err);
	free(beside);
	free(path);
	return status;
}

/* Of several hosts: it is still this one that is to write it. 0, JOURNAL_LOST or a status. */
static int hold(struct job *j, struct error *err)
{
	return job_is_shared(j) ? j->journal->kind->hold(j->journal, err) : 0;
}

int job_seal(struct job *j)
{
	struct error *err = &j->ctx->err;
	struct buffer seal;
	int status;

	if (j->seal == NULL || j->state->sealed)
		return 0;
	buffer_init(&seal, SEAL_MAX);
	status = sign_manifest(&seal, j);
	if (status == 0)
		status = hold(j, err);
	if (status == 0)
		status = write_seals(j, &seal, err);
	buffer_free(&seal);
	j->state->sealed = status == 0;
	if (status != 0 && status != JOURNAL_LOST)
		(void)error_prefix(err, "all messages are done, but the manifest is not sealed");
	return status;
}

int job_seal_again(struct job *j, struct error *err)
{
	char *path = NULL, *beside = NULL;
	int status = job_folder_path(&path, j, JOB_SEAL);

	if (status == 0)
		status = report_seal(&beside, j);
	if (status != 0)
		status = error_nomem(err);
	if (status == 0 && beside != NULL && access(path, F_OK) == 0 && access(beside, F_OK) != 0)
		status = job_file_copy(path, beside, j->ctx->shared->libctx, err);
	free(beside);
	free(path);
	return status;
}
