/* The certificates that a job was given stay in its folder, so that it can be gone on with by that alone. */
#include "archive/job.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/pem.h>

#include "text/json.h"
#include "util/hex.h"
#include "util/output.h"
#include "util/sink.h"

static int write_pem(const hsmime_certs *certs, hsmime_output *out, struct error *err)
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
		status = sink_write(&sink, pem, (size_t)len);
	BIO_free(bio);
	return status == 0 ? output_commit(out, err) : status;
}

static int write_file(const hsmime_certs *certs, const char *path, struct error *err)
{
	hsmime_output *out = NULL;
	int status = hsmime_output_file(&out, path);

	status = status == 0 ? write_pem(certs, out, err) : error_nomem(err);
	hsmime_output_free(out);
	return status;
}

static int add_all(hsmime_certs *set, const hsmime_certs *more)
{
	int status = 0;

	for (size_t i = 0; status == 0 && i < hsmime_certs_count(more); i++)
		status = hsmime_certs_add(set, hsmime_certs_get(more, i));
	return status;
}

/* Those of earlier runs, and those of this one, in *set and in the file. */
static int keep(hsmime_certs **set, struct job *j, const char *name, const hsmime_certs *given,
    struct error *err)
{
	char *path = NULL;
	size_t kept;
	int status = hsmime_certs_new(set);

	if (status == 0)
		status = job_folder_path(&path, j, name);
	if (status != 0)
		return error_nomem(err);
	if (access(path, F_OK) == 0)
		status = hsmime_certs_load(*set, j->ctx, path);
	kept = hsmime_certs_count(*set);
	if (status == 0 && add_all(*set, given) != 0)
		status = error_nomem(err);
	if (status == 0 && !j->options.dry_run && hsmime_certs_count(*set) > kept)
		status = write_file(*set, path, err);
	free(path);
	return status;
}

int job_certs_keep(struct job *j, struct error *err)
{
	int status = keep(&j->certs, j, "certs.pem", j->options.certs, err);

	if (status == 0)
		status = keep(&j->recipients, j, "recipients.pem", j->options.recipients, err);
	if (status == 0)
		status = keep(&j->drop, j, "drop.pem", j->options.drop, err);
	j->options.recipients = j->recipients;
	j->options.drop = j->drop;
	return status;
}

#define DIGEST 32
#define WORD (2 * DIGEST + 1) /* hexadecimal digits, and what stands behind */

static int in_order(const void *a, const void *b)
{
	return memcmp(a, b, WORD);
}

/* Their SHA-256, in order, with blanks between. */
static int digests(char **out, const hsmime_certs *certs)
{
	size_t count = hsmime_certs_count(certs);
	char *text = calloc(count + 1, WORD);

	*out = NULL;
	for (size_t i = 0; text != NULL && i < count; i++) {
		unsigned char digest[EVP_MAX_MD_SIZE];
		unsigned len = 0;

		if (X509_digest(hsmime_certs_get(certs, i), EVP_sha256(), digest, &len) != 1) {
			free(text);
			return HSMIME_ENOMEM;
		}
		hex_lower(text + i * WORD, digest, DIGEST);
		text[(i + 1) * WORD - 1] = ' ';
	}
	if (text == NULL)
		return HSMIME_ENOMEM;
	qsort(text, count, WORD, in_order);
	text[count > 0 ? count * WORD - 1 : 0] = '\0';
	*out = text;
	return 0;
}

int job_certs_setting(struct json *out, const char *key, const hsmime_certs *certs)
{
	char *text = NULL;
	int status = digests(&text, certs);

	if (status == 0)
		json_text(out, key, text);
	free(text);
	return status;
}

static int check_set(struct job *j, const char *name, const hsmime_certs *certs, struct error *err)
{
	char *begun = NULL, *now = NULL;
	int status = j->journal->kind->setting(&begun, j->journal, name, err);

	if (status == 0 && digests(&now, certs) != 0)
		status = error_nomem(err);
	if (status == 0 && strcmp(begun != NULL ? begun : "", now) != 0) {
		status = error_set(err, HSMIME_EFORMAT,
		    "the certificates in %s/%s.pem are not those that the job was begun with",
		    j->folder, name);
		error_hint(err, "remove that file, and give the command again that began the job");
	}
	free(begun);
	free(now);
	return status;
}

int job_certs_check(struct job *j, struct error *err)
{
	int status = check_set(j, "recipients", j->recipients, err);

	return status == 0 ? check_set(j, "drop", j->drop, err) : status;
}

void job_certs_free(struct job *j)
{
	hsmime_certs_free(j->certs);
	hsmime_certs_free(j->recipients);
	hsmime_certs_free(j->drop);
}
