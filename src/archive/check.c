#include "archive/check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "archive/job.h"
#include "util/hex.h"

void hsmime_check_free(hsmime_check *check)
{
	if (check == NULL)
		return;
	hsmime_result_free(check->seal);
	free(check->task);
	free(check->in);
	free(check->out);
	free(check->started);
	free(check->finished);
	free(check);
}

int check_tell(struct checking *c, hsmime_custody_finding finding, const char *fmt, ...)
{
	const hsmime_check_options *o = c->options;
	char words[1024];
	va_list args;

	va_start(args, fmt);
	vsnprintf(words, sizeof(words), fmt, args);
	va_end(args);
	error_tidy(words);
	finding.words = words;
	c->found->findings++;
	if (o->callback == NULL || o->callback(o->callback_arg, &finding) == 0)
		return 0;
	return error_set(&c->ctx->err, HSMIME_EINVALID, "the check was ended before it was done");
}

int check_digest(void *arg, const void *buf, size_t len)
{
	return EVP_DigestUpdate(arg, buf, len) == 1 ? 0 : HSMIME_ENOMEM;
}

/* A folder is a job's. */
static int find_manifest(struct checking *c, struct error *err)
{
	const char *name = c->options->manifest;
	struct stat st;

	if (name == NULL || *name == '\0') {
		error_set(err, HSMIME_EUSAGE, "no manifest is named");
		return HSMIME_EUSAGE;
	}
	if (stat(name, &st) == 0 && S_ISDIR(st.st_mode)) {
		if (asprintf(&c->path, "%s/" JOB_MANIFEST, name) < 0)
			c->path = NULL;
	} else {
		c->path = strdup(name);
	}
	return c->path != NULL ? 0 : error_nomem(err);
}

static int open_manifest(struct checking *c, struct error *err)
{
	struct stat st;
	int status = find_manifest(c, err);

	if (status != 0)
		return status;
	c->fd = open(c->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (c->fd < 0 && errno == ENOENT && strcmp(c->path, c->options->manifest) != 0) {
		error_set(err, HSMIME_EIO, "%s has no manifest", c->options->manifest);
		return error_hint(err, "a job has one once it is finished: hsmime archive status");
	}
	if (c->fd < 0 || fstat(c->fd, &st) != 0)
		return error_errno(err, "reading", c->path);
	if (!S_ISREG(st.st_mode))
		return error_set(err, HSMIME_EUSAGE, "%s is no file", c->path);
	hsmime_source_fd(&c->source, &c->file, c->fd);
	return 0;
}

static int prepare(struct checking *c, struct error *err)
{
	c->md = EVP_MD_fetch(c->ctx->shared->libctx, "SHA256", NULL);
	c->digest = EVP_MD_CTX_new();
	c->hash = EVP_MD_CTX_new();
	c->other = EVP_MD_CTX_new();
	c->room = malloc(CHECK_ROOM);
	if (c->md == NULL || c->digest == NULL || c->hash == NULL || c->other == NULL ||
	    c->room == NULL)
		return error_nomem(err);
	return ledger_open(&c->ledger, err);
}

/* What was signed is what was read. */
static int same_manifest(struct checking *c)
{
	char hex[2 * MANIFEST_SHA + 1];

	hex_lower(hex, c->sealed_sha, MANIFEST_SHA);
	if (!c->sealed || strcmp(hex, c->found->manifest_sha256) == 0)
		return 0;
	return error_set(&c->ctx->err, HSMIME_EIO, "%s was changed while it was checked", c->path);
}

static int conclude(struct checking *c)
{
	uint64_t findings = c->found->findings;

	if (findings == 0)
		return 0;
	error_set(&c->ctx->err, HSMIME_EINVALID,
	    "the archive is not proved to be complete and unaltered: %llu finding%s",
	    (unsigned long long)findings, findings == 1 ? "" : "s");
	return error_hint(&c->ctx->err,
	    "rely on nothing that the findings name; compare it with another copy of the archive");
}

static int check(struct checking *c)
{
	struct error *err = &c->ctx->err;
	int status = open_manifest(c, err);

	if (status == 0)
		status = prepare(c, err);
	if (status == 0 && (c->found = calloc(1, sizeof(*c->found))) == NULL)
		status = error_nomem(err);
	if (status == 0)
		status = check_seal(c);
	if (status == 0)
		status = check_lines(c);
	if (status == 0)
		status = same_manifest(c);
	if (status == 0)
		status = check_others(c);
	return status == 0 ? conclude(c) : status;
}

int hsmime_archive_check(
    hsmime_check **check_out, hsmime_ctx *ctx, const hsmime_check_options *options)
{
	struct checking c = { .ctx = ctx, .options = options, .fd = -1, .expected = 1 };
	int status;

	*check_out = NULL;
	(void)ctx_begin(ctx);
	status = check(&c);
	check_boxes_close(&c);
	ledger_close(c.ledger);
	manifest_line_free(&c.facts);
	EVP_MD_CTX_free(c.digest);
	EVP_MD_CTX_free(c.hash);
	EVP_MD_CTX_free(c.other);
	EVP_MD_free(c.md);
	free(c.room);
	free(c.path);
	if (c.fd >= 0)
		close(c.fd);
	*check_out = c.found;
	return ctx_end(ctx, status);
}
