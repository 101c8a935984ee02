#include "api/certs.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <openssl/bio.h>
#include <openssl/pem.h>

#include "api/ctx.h"
#include "evidence/chain.h"
#include "mail/address.h"

#define FILE_MAX_SIZE (16 * 1024 * 1024) /* octets of a certificate file */

struct hsmime_certs {
	STACK_OF(X509) *stack;
};

int hsmime_certs_new(hsmime_certs **out)
{
	hsmime_certs *certs = calloc(1, sizeof(*certs));

	*out = NULL;
	if (certs == NULL)
		return HSMIME_ENOMEM;
	certs->stack = sk_X509_new_null();
	if (certs->stack == NULL) {
		free(certs);
		return HSMIME_ENOMEM;
	}
	*out = certs;
	return 0;
}

void hsmime_certs_free(hsmime_certs *certs)
{
	if (certs == NULL)
		return;
	sk_X509_pop_free(certs->stack, X509_free);
	free(certs);
}

int hsmime_certs_add(hsmime_certs *certs, X509 *cert)
{
	return certs_push(certs->stack, cert);
}

size_t hsmime_certs_count(const hsmime_certs *certs)
{
	return certs == NULL ? 0 : (size_t)sk_X509_num(certs->stack);
}

X509 *hsmime_certs_get(const hsmime_certs *certs, size_t index)
{
	return sk_X509_value(certs->stack, (int)index);
}

STACK_OF(X509) *certs_stack(const hsmime_certs *certs)
{
	return certs == NULL ? NULL : certs->stack;
}

int certs_push(STACK_OF(X509) *stack, X509 *cert)
{
	for (int i = 0; i < sk_X509_num(stack); i++) {
		if (X509_cmp(sk_X509_value(stack, i), cert) == 0)
			return 0;
	}
	if (sk_X509_push(stack, cert) <= 0)
		return HSMIME_ENOMEM;
	X509_up_ref(cert);
	return 0;
}

bool certs_name(X509 *cert, const char *address)
{
	char **emails = chain_emails(cert);
	bool found = false;

	for (size_t i = 0; emails != NULL && !found && emails[i] != NULL; i++)
		found = address_is(address, emails[i]);
	chain_emails_free(emails);
	return found;
}

/* A certificate made for the context's library context, so that its key can be fetched there. */
static X509 *read_one(BIO *bio, OSSL_LIB_CTX *libctx, bool der)
{
	X509 *cert = X509_new_ex(libctx, NULL);
	X509 *read = NULL;

	if (cert != NULL)
		read = der ? d2i_X509_bio(bio, &cert) : PEM_read_bio_X509(bio, &cert, NULL, NULL);
	if (read == NULL)
		X509_free(cert);
	return read;
}

static int read_all(hsmime_certs *certs, size_t *added, BIO *bio, OSSL_LIB_CTX *libctx)
{
	X509 *cert;
	int status = 0;

	while (status == 0 && (cert = read_one(bio, libctx, false)) != NULL) {
		status = certs_push(certs->stack, cert);
		X509_free(cert);
		*added += 1;
	}
	if (status == 0 && *added == 0 && BIO_seek(bio, 0) >= 0 &&
	    (cert = read_one(bio, libctx, true)) != NULL) {
		status = certs_push(certs->stack, cert);
		X509_free(cert);
		*added += 1;
	}
	error_forget();
	return status;
}

static int load_file(hsmime_certs *certs, size_t *added, hsmime_ctx *ctx, const char *path)
{
	BIO *bio = BIO_new_file(path, "rb");
	int status;

	*added = 0;
	if (bio == NULL) {
		error_forget();
		return error_errno(&ctx->err, "reading", path);
	}
	status = read_all(certs, added, bio, ctx->shared->libctx);
	BIO_free(bio);
	return status == 0 ? 0 : error_nomem(&ctx->err);
}

static int load_folder(hsmime_certs *certs, size_t *added, hsmime_ctx *ctx, const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	int status = 0;

	if (dir == NULL)
		return error_errno(&ctx->err, "reading", path);
	while (status == 0 && (entry = readdir(dir)) != NULL) {
		char file[4096];
		struct stat st;
		size_t more;
		int len = snprintf(file, sizeof(file), "%s/%s", path, entry->d_name);

		if (len < 0 || (size_t)len >= sizeof(file) || stat(file, &st) != 0 ||
		    !S_ISREG(st.st_mode) || st.st_size > FILE_MAX_SIZE)
			continue;
		status = load_file(certs, &more, ctx, file);
		*added += more;
	}
	closedir(dir);
	return status;
}

static int load(hsmime_certs *certs, hsmime_ctx *ctx, const char *path)
{
	struct stat st;
	size_t added = 0;
	int status;

	if (stat(path, &st) != 0)
		return error_errno(&ctx->err, "reading", path);
	if (S_ISDIR(st.st_mode))
		status = load_folder(certs, &added, ctx, path);
	else if (st.st_size > FILE_MAX_SIZE)
		return error_set(
		    &ctx->err, HSMIME_EFORMAT, "%s is too large for a certificate file", path);
	else
		status = load_file(certs, &added, ctx, path);
	if (status != 0 || added != 0)
		return status;
	error_set(&ctx->err, HSMIME_EFORMAT, "%s holds no certificate", path);
	return error_hint(&ctx->err, "give certificates as PEM or DER files");
}

int hsmime_certs_load(hsmime_certs *certs, hsmime_ctx *ctx, const char *path)
{
	ctx_begin(ctx);
	return ctx_end(ctx, load(certs, ctx, path));
}
