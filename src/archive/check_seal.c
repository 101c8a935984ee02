/* The seal of a manifest. Nothing of it is decrypted: whatever is in place of it asks for no PIN. */
#include "archive/check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "api/layers.h"
#include "archive/job.h"
#include "util/source.h"

/* Whether it is one of those whom the caller takes for the sealer. */
static bool is_expected(const hsmime_check_options *o, const hsmime_layer *l)
{
	for (size_t i = 0; i < l->signer_count; i++)
		for (size_t k = 0; k < hsmime_certs_count(o->sealed_by); k++)
			if (l->signers[i].certificate != NULL &&
			    X509_cmp(
				l->signers[i].certificate, hsmime_certs_get(o->sealed_by, k)) == 0)
				return true;
	return o->sealed_by == NULL;
}

static const char *problem_of(const struct checking *c)
{
	const hsmime_result *r = c->found->seal;

	for (size_t i = 0; i < r->layer_count; i++)
		if (r->layers[i].problem != NULL)
			return r->layers[i].problem;
	return c->ctx->err.message[0] != '\0' ? c->ctx->err.message : "it is no signature";
}

static int judge(struct checking *c, int status)
{
	hsmime_result *r = c->found->seal;

	if (status == HSMIME_EIO || status == HSMIME_ENOMEM || status == HSMIME_EINTERNAL)
		return status;
	if (status == 0)
		status = result_verdict(r);
	r->status = status;
	if (status != 0) {
		status = check_tell(c, (hsmime_custody_finding){ .kind = "seal-not-valid" },
		    "the seal: %s", problem_of(c));
	} else {
		c->sealed = EVP_DigestFinal_ex(c->digest, c->sealed_sha, NULL) == 1;
		if (!is_expected(c->options, &r->layers[0]))
			status =
			    check_tell(c, (hsmime_custody_finding){ .kind = "seal-of-another" },
				"the seal is of another signer than is asked for");
	}
	if (status == 0)
		error_clear(&c->ctx->err);
	return status;
}

static int verify(struct checking *c, const hsmime_source *seal)
{
	const hsmime_check_options *o = c->options;
	const struct trust trust = { .anchors = o->anchors,
		.certs = o->certs,
		.no_chain = o->no_chain != 0,
		.any_purpose = o->any_purpose != 0,
		.at = o->at };
	struct source_tee tee;
	hsmime_source content;
	struct layers l = {
		.ctx = c->ctx, .trust = &trust, .result = result_new(&trust), .detached = &content
	};
	const hsmime_sink to_digest = { .write = check_digest, .arg = c->digest };

	if (l.result == NULL || EVP_DigestInit_ex2(c->digest, c->md, NULL) != 1) {
		hsmime_result_free(l.result);
		return error_nomem(&c->ctx->err);
	}
	c->found->seal = l.result;
	source_tee_open(&content, &tee, &c->source, &to_digest);
	return judge(c, layers_cms(&l, seal, HSMIME_FORMAT_AUTO, 0));
}

static int open_seal(int *fd, struct checking *c, const char *path)
{
	struct stat st;

	*fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (*fd < 0 && c->options->signature == NULL && (errno == ENOENT || errno == ENOTDIR))
		return check_tell(c, (hsmime_custody_finding){ .kind = "no-seal" },
		    "the manifest has no seal: whoever could write here could have altered all");
	if (*fd < 0 || fstat(*fd, &st) != 0)
		return error_errno(&c->ctx->err, "reading", path);
	if (S_ISREG(st.st_mode))
		return 0;
	return error_set(&c->ctx->err, HSMIME_EUSAGE, "%s is no file", path);
}

int check_seal(struct checking *c)
{
	const hsmime_check_options *o = c->options;
	hsmime_source seal;
	hsmime_file file;
	char *path = NULL;
	int fd = -1, status;

	if (o->no_seal)
		return 0;
	if (o->signature != NULL)
		path = strdup(o->signature);
	else if (asprintf(&path, "%s" JOB_SEAL_SUFFIX, c->path) < 0)
		path = NULL;
	if (path == NULL)
		return error_nomem(&c->ctx->err);
	status = open_seal(&fd, c, path);
	if (status == 0 && fd >= 0) {
		hsmime_source_fd(&seal, &file, fd);
		status = verify(c, &seal);
	}
	if (fd >= 0)
		close(fd);
	free(path);
	return status;
}
