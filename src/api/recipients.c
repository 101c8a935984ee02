#include "api/recipients.h"

#include <string.h>

#include "api/certs.h"
#include "evidence/chain.h"
#include "mail/address.h"

/* Whether one of the certificate's addresses is in one of the header's fields. */
static bool in_fields(X509 *cert, const struct header *header, const char *const *fields)
{
	char **emails = chain_emails(cert);
	bool found = false;

	for (size_t f = 0; emails != NULL && !found && fields[f] != NULL; f++) {
		char **list = NULL;
		size_t count = 0;

		if (address_list(&list, &count, header, fields[f]) != 0)
			break;
		for (size_t i = 0; i < count; i++) {
			for (size_t e = 0; emails[e] != NULL; e++)
				found = found || address_equal(list[i], emails[e]);
		}
		address_list_free(list);
	}
	chain_emails_free(emails);
	return found;
}

static bool is_visible(X509 *cert, const struct header *header)
{
	static const char *const fields[] = { "To", "Cc", "Resent-To", "Resent-Cc", NULL };

	return in_fields(cert, header, fields);
}

static bool is_hidden(X509 *cert, const struct header *header)
{
	static const char *const fields[] = { "Bcc", "Resent-Bcc", NULL };

	return !is_visible(cert, header) && in_fields(cert, header, fields);
}

static bool is_sender(X509 *cert, const struct header *header)
{
	static const char *const fields[] = { "From", "Sender", NULL };

	return in_fields(cert, header, fields);
}

static bool has_recipients(const struct header *header)
{
	return header_find(header, "To", 0) != NULL || header_find(header, "Cc", 0) != NULL;
}

static bool has_email(X509 *cert)
{
	char **emails = chain_emails(cert);
	bool has = emails != NULL && emails[0] != NULL;

	chain_emails_free(emails);
	return has;
}

/* A certificate that names addresses must name one that the mail goes to. */
static bool address_fits(X509 *cert, const struct header *header)
{
	return header == NULL || !has_recipients(header) || !has_email(cert) ||
	       is_visible(cert, header) || is_hidden(cert, header) || is_sender(cert, header);
}

static int refuse(hsmime_ctx *ctx, X509 *cert, const char *problem)
{
	char name[128];

	X509_NAME_oneline(X509_get_subject_name(cert), name, sizeof(name));
	error_set(&ctx->err, HSMIME_EPOLICY, "recipient %s: %s", name, problem);
	return error_hint(
	    &ctx->err, "get a current certificate of that person, or use --force-recipient");
}

static int check(
    hsmime_ctx *ctx, X509 *cert, const hsmime_encrypt_options *options, const struct header *header)
{
	char problem[CHAIN_PROBLEM_SIZE];
	struct chain_check chain = {
		.anchors = certs_stack(options->anchors),
		.untrusted = certs_stack(options->certs),
		.use = CHAIN_ENCRYPT,
		.at = HSMIME_NO_TIME,
		.any_purpose = options->form == HSMIME_CMS,
	};

	if (chain_fits(
		problem, cert, CHAIN_ENCRYPT, HSMIME_NO_TIME, options->form == HSMIME_MAIL) != 0)
		return refuse(ctx, cert, problem);
	if (!address_fits(cert, header))
		return refuse(ctx, cert, "none of its addresses is among the mail's recipients");
	if (chain.anchors == NULL)
		return 0;
	switch (chain_verify(problem, cert, &chain, ctx->shared->libctx)) {
	case 0:
		return 0;
	case HSMIME_EINVALID:
		return refuse(ctx, cert, problem);
	default:
		return error_nomem(&ctx->err);
	}
}

static int sort_one(struct recipients *r, hsmime_ctx *ctx, X509 *cert,
    const hsmime_encrypt_options *options, const struct header *header)
{
	char name[128];

	if (header == NULL || !is_hidden(cert, header))
		return certs_push(r->open, cert) == 0 ? 0 : error_nomem(&ctx->err);
	if (options->bcc_dir != NULL)
		return certs_push(r->bcc, cert) == 0 ? 0 : error_nomem(&ctx->err);
	X509_NAME_oneline(X509_get_subject_name(cert), name, sizeof(name));
	error_set(&ctx->err, HSMIME_EPOLICY,
	    "%s is a Bcc recipient, and an encrypted message shows all its recipients", name);
	return error_hint(
	    &ctx->err, "use --bcc-dir to write a message of its own for each of them");
}

/* A certificate that names the sender and is fit to encrypt with now. */
static X509 *sender_in(const STACK_OF(X509) *pool, const struct header *header)
{
	char problem[CHAIN_PROBLEM_SIZE];

	for (int i = 0; i < sk_X509_num(pool); i++) {
		X509 *cert = sk_X509_value(pool, i);

		if (is_sender(cert, header) &&
		    chain_fits(problem, cert, CHAIN_ENCRYPT, HSMIME_NO_TIME, true) == 0)
			return cert;
	}
	return NULL;
}

static int add_from_tokens(
    bool *found, struct recipients *r, hsmime_ctx *ctx, const struct header *header)
{
	STACK_OF(X509) *pool = NULL;
	struct engine *engine;
	struct error dropped = ctx->err;
	X509 *own;
	int status = 0;

	/* Without a token there is nobody to add: no reason not to encrypt. */
	if (ctx_engine(&engine, ctx) != 0 ||
	    engine_certificates(&pool, engine, NULL, &ctx->err) != 0) {
		ctx_log(ctx, 1, "looking for the sender's certificate: %s", ctx->err.message);
		ctx->err = dropped;
		return 0;
	}
	own = sender_in(pool, header);
	if (own != NULL)
		status = certs_push(r->open, own);
	*found = own != NULL;
	sk_X509_pop_free(pool, X509_free);
	return status;
}

static int add_self(struct recipients *r, hsmime_ctx *ctx, const hsmime_encrypt_options *options,
    const struct header *header)
{
	char problem[CHAIN_PROBLEM_SIZE];
	X509 *own = options->self;
	bool found = false;

	if (options->no_encrypt_to_self)
		return 0;
	if (own != NULL && chain_fits(problem, own, CHAIN_ENCRYPT, HSMIME_NO_TIME, false) != 0)
		own = NULL;
	if (header != NULL && own == NULL)
		own = sender_in(certs_stack(options->certs), header);
	if (own != NULL)
		return certs_push(r->open, own);
	if (header == NULL || sender_in(r->open, header) != NULL)
		return 0;
	if (add_from_tokens(&found, r, ctx, header) != 0)
		return HSMIME_ENOMEM;
	if (!found)
		ctx_log(ctx, 0,
		    "no certificate of the sender was found: the sender will not be able "
		    "to read this copy");
	return 0;
}

int recipients_choose(struct recipients *r, hsmime_ctx *ctx, const hsmime_encrypt_options *options,
    const struct header *header)
{
	size_t count = hsmime_certs_count(options->recipients);
	int status = 0;

	r->open = sk_X509_new_null();
	r->bcc = sk_X509_new_null();
	if (r->open == NULL || r->bcc == NULL)
		return error_nomem(&ctx->err);
	if (count == 0) {
		error_set(&ctx->err, HSMIME_EUSAGE, "there is no recipient");
		return error_hint(&ctx->err, "name each recipient's certificate with -r");
	}
	for (size_t i = 0; i < count && status == 0; i++) {
		X509 *cert = hsmime_certs_get(options->recipients, i);

		if (!options->force_recipient)
			status = check(ctx, cert, options, header);
		if (status == 0)
			status = sort_one(r, ctx, cert, options, header);
	}
	if (status == 0 && add_self(r, ctx, options, header) != 0)
		status = error_nomem(&ctx->err);
	return status;
}

void recipients_clear(struct recipients *r)
{
	sk_X509_pop_free(r->open, X509_free);
	sk_X509_pop_free(r->bcc, X509_free);
	memset(r, 0, sizeof(*r));
}
