#include "api/recipients.h"

#include <stdlib.h>
#include <string.h>

#include "api/certs.h"
#include "evidence/chain.h"
#include "util/name.h"

/* The choice in the making. */
struct choice {
	struct recipients *r;
	hsmime_ctx *ctx;
	const hsmime_encrypt_options *options;
	bool mail;
};

static bool is_open(const struct choice *c, X509 *cert)
{
	return addressees_include(c->r->to.visible, cert) ||
	       addressees_include(c->r->to.sender, cert);
}

/* A certificate must name an address that the mail goes to; with Bcc sort_one asks more. */
static bool address_fits(const struct choice *c, X509 *cert)
{
	return !c->r->to.named || c->r->to.has_bcc || is_open(c, cert);
}

static int complain(const struct choice *c, X509 *cert, int status, const char *problem)
{
	char *name = name_text(X509_get_subject_name(cert));

	error_set(&c->ctx->err, status, "recipient %.200s: %s", name != NULL ? name : "?", problem);
	free(name);
	return status;
}

static int refuse(const struct choice *c, X509 *cert, const char *problem)
{
	complain(c, cert, HSMIME_EPOLICY, problem);
	return error_hint(
	    &c->ctx->err, "get a current certificate of that person, or use --force-recipient");
}

static int refuse_address(const struct choice *c, X509 *cert)
{
	char **emails = chain_emails(cert);
	struct buffer list;
	int status;

	buffer_init(&list, 64 * 1024);
	for (size_t i = 0; emails != NULL && emails[i] != NULL; i++)
		buffer_printf(&list, "%s%s", i > 0 ? ", " : "", emails[i]);
	chain_emails_free(emails);
	if (list.len == 0) {
		complain(c, cert, HSMIME_EPOLICY,
		    "it names no e-mail address, so nothing shows that it is a recipient's");
		status = error_hint(
		    &c->ctx->err, "give a certificate with the address, or use --force-recipient");
	} else {
		complain(c, cert, HSMIME_EPOLICY,
		    "none of its addresses is among the mail's recipients");
		status = error_hint(&c->ctx->err,
		    "it is for %.250s, and neither To nor Cc names that; give the certificate of "
		    "somebody who is named, or use --force-recipient",
		    buffer_string(&list) != NULL ? (char *)list.data : "other addresses");
	}
	buffer_free(&list);
	return status;
}

static int check_key(const struct choice *c, X509 *cert)
{
	EVP_PKEY *key = X509_get0_pubkey(cert);

	if (key != NULL && (EVP_PKEY_is_a(key, "RSA") || EVP_PKEY_is_a(key, "EC")))
		return 0;
	complain(c, cert, HSMIME_EUNSUPPORTED,
	    key == NULL ? "the certificate's key can't be read"
			: "the certificate's key is neither RSA nor EC");
	return error_hint(&c->ctx->err, "get a certificate of that person with an RSA key or an EC "
					"key on P-256, P-384 or P-521");
}

static int check_chain(const struct choice *c, X509 *cert)
{
	char problem[CHAIN_PROBLEM_SIZE];
	struct chain_check chain = {
		.anchors = certs_stack(c->options->anchors),
		.untrusted = certs_stack(c->options->certs),
		.use = CHAIN_ENCRYPT,
		.at = HSMIME_NO_TIME,
		.any_purpose = !c->mail,
	};

	if (chain.anchors == NULL)
		return 0;
	switch (chain_verify(problem, cert, &chain, c->ctx->shared->libctx)) {
	case 0:
		return 0;
	case HSMIME_EINVALID:
		return refuse(c, cert, problem);
	default:
		return error_nomem(&c->ctx->err);
	}
}

static int check(const struct choice *c, X509 *cert)
{
	char problem[CHAIN_PROBLEM_SIZE];

	if (c->options->force_recipient)
		return 0;
	if (chain_fits(problem, cert, CHAIN_ENCRYPT, HSMIME_NO_TIME, c->mail) != 0)
		return refuse(c, cert, problem);
	if (!address_fits(c, cert))
		return refuse_address(c, cert);
	return check_chain(c, cert);
}

/* Into the copies of every hidden address that it names. */
static int sort_hidden(bool *hidden, const struct choice *c, X509 *cert)
{
	int status = 0;

	*hidden = false;
	for (size_t i = 0; i < c->r->copy_count && status == 0; i++) {
		struct bcc_copy *copy = &c->r->copies[i];

		if (!certs_name(cert, copy->address))
			continue;
		*hidden = true;
		status = certs_push(copy->open, cert);
	}
	return status == 0 ? 0 : error_nomem(&c->ctx->err);
}

static int sort_one(const struct choice *c, X509 *cert)
{
	bool open = !c->r->to.has_bcc || is_open(c, cert);
	bool hidden;
	int status = sort_hidden(&hidden, c, cert);

	if (status != 0)
		return status;
	if (open)
		return certs_push(c->r->open, cert) == 0 ? 0 : error_nomem(&c->ctx->err);
	if (!hidden) {
		complain(c, cert, HSMIME_EPOLICY,
		    "the mail has Bcc recipients, and this certificate names nobody of To, Cc or "
		    "Bcc; everybody would see it in the message");
		return error_hint(&c->ctx->err,
		    "leave it out, or put one of its addresses in To, Cc or Bcc "
		    "(--force-recipient does not change this)");
	}
	if (c->options->bcc_dir != NULL)
		return 0;
	complain(c, cert, HSMIME_EPOLICY,
	    "only Bcc names this one, and an encrypted message shows all its recipients");
	return error_hint(
	    &c->ctx->err, "use --bcc-dir to write a message of its own for each of them");
}

/* A certificate that names the sender and is fit to encrypt with now. */
static X509 *sender_in(const STACK_OF(X509) *pool, const struct choice *c)
{
	char problem[CHAIN_PROBLEM_SIZE];

	for (int i = 0; i < sk_X509_num(pool); i++) {
		X509 *cert = sk_X509_value(pool, i);

		if (addressees_include(c->r->to.sender, cert) &&
		    chain_fits(problem, cert, CHAIN_ENCRYPT, HSMIME_NO_TIME, true) == 0)
			return cert;
	}
	return NULL;
}

static int add_from_tokens(bool *found, const struct choice *c)
{
	STACK_OF(X509) *pool = NULL;
	hsmime_ctx *ctx = c->ctx;
	struct engine *engine;
	struct error dropped = ctx->err;
	X509 *own;
	int status = 0;

	/*
	 * Without a token there is nobody to add: no reason not to encrypt. Of a module or token that
	 * was named it is told.
	 */
	if (ctx_engine(&engine, ctx) != 0 ||
	    engine_certificates(&pool, engine, NULL, &ctx->err) != 0) {
		ctx_log(ctx, ctx->shared->module != NULL ? 0 : 1,
		    "looking for the sender's certificate: %s", ctx->err.message);
		ctx->err = dropped;
		return 0;
	}
	if (ctx->shared->token != NULL && !engine_has_token(engine))
		ctx_log(ctx, 0, "there is no token \"%s\"", ctx->shared->token);
	own = sender_in(pool, c);
	if (own != NULL)
		status = certs_push(c->r->open, own);
	*found = own != NULL;
	sk_X509_pop_free(pool, X509_free);
	return status;
}

/* options->self, unless it can't encrypt, or Bcc alone names it: the others must not see that. */
static X509 *given_self(const struct choice *c)
{
	char problem[CHAIN_PROBLEM_SIZE];
	X509 *own = c->options->self;

	if (own == NULL || chain_fits(problem, own, CHAIN_ENCRYPT, HSMIME_NO_TIME, false) != 0)
		return NULL;
	return addressees_include(c->r->to.hidden, own) && !is_open(c, own) ? NULL : own;
}

static int add_self(const struct choice *c)
{
	STACK_OF(X509) *open = c->r->open;
	bool found = false;
	X509 *own;

	if (c->options->no_encrypt_to_self)
		return 0;
	own = given_self(c);
	if (c->mail && own == NULL)
		own = sender_in(certs_stack(c->options->certs), c);
	if (own != NULL)
		return certs_push(open, own) == 0 ? 0 : error_nomem(&c->ctx->err);
	if (!c->mail || sender_in(open, c) != NULL)
		return 0;
	if (add_from_tokens(&found, c) != 0)
		return error_nomem(&c->ctx->err);
	if (!found && sk_X509_num(open) > 0)
		ctx_log(c->ctx, 0,
		    "no certificate of the sender was found: the sender will not be able "
		    "to read this copy");
	return 0;
}

static bool is_served(const struct recipients *r, const char *address)
{
	for (int i = 0; i < sk_X509_num(r->open); i++) {
		if (certs_name(sk_X509_value(r->open, i), address))
			return true;
	}
	for (size_t i = 0; i < r->copy_count; i++) {
		const struct bcc_copy *copy = &r->copies[i];

		if (copy->address != NULL && strcmp(copy->address, address) == 0 &&
		    sk_X509_num(copy->open) > 0)
			return true;
	}
	return false;
}

/* Nobody may be left out silently whom the others don't see. */
static int check_bcc(const struct choice *c, char *const *list)
{
	for (size_t i = 0; list != NULL && list[i] != NULL; i++) {
		if (is_served(c->r, list[i]))
			continue;
		error_set(&c->ctx->err, HSMIME_ENOKEY,
		    "there is no certificate for the Bcc recipient %s", list[i]);
		return error_hint(
		    &c->ctx->err, "give it with -r, or take that address out of the mail");
	}
	return 0;
}

static void warn_unserved(const struct choice *c)
{
	struct buffer list;
	char *const *visible = c->r->to.visible;

	buffer_init(&list, 64 * 1024);
	for (size_t i = 0; visible != NULL && visible[i] != NULL; i++) {
		if (!is_served(c->r, visible[i]))
			buffer_printf(&list, "%s%s", list.len > 0 ? ", " : "", visible[i]);
	}
	if (list.len > 0)
		ctx_log(c->ctx, 0, "recipients without a certificate can't read this: %s",
		    buffer_string(&list) != NULL ? (char *)list.data : "many");
	buffer_free(&list);
}

static int begin(const struct choice *c, const struct header *header)
{
	struct recipients *r = c->r;
	size_t count = 0;
	int status = header == NULL ? 0 : addressees_read(&r->to, header, &c->ctx->err);

	if (status != 0)
		return status;
	while (r->to.hidden != NULL && r->to.hidden[count] != NULL)
		count++;
	r->open = sk_X509_new_null();
	r->copies = calloc(count + 1, sizeof(*r->copies));
	if (r->open == NULL || r->copies == NULL)
		return error_nomem(&c->ctx->err);
	while (r->copy_count < count) {
		struct bcc_copy *copy = &r->copies[r->copy_count];

		copy->address = r->to.hidden[r->copy_count++];
		copy->open = sk_X509_new_null();
		if (copy->open == NULL)
			return error_nomem(&c->ctx->err);
	}
	return 0;
}

static int take_given(const struct choice *c)
{
	size_t count = hsmime_certs_count(c->options->recipients);
	int status = 0;

	if (count == 0) {
		error_set(&c->ctx->err, HSMIME_EUSAGE, "there is no recipient");
		return error_hint(&c->ctx->err, "name each recipient's certificate with -r");
	}
	for (size_t i = 0; i < count && status == 0; i++) {
		X509 *cert = hsmime_certs_get(c->options->recipients, i);

		status = check_key(c, cert);
		if (status == 0)
			status = check(c, cert);
		if (status == 0)
			status = sort_one(c, cert);
	}
	return status;
}

static int check_open(const struct choice *c)
{
	if (sk_X509_num(c->r->open) > 0)
		return 0;
	error_set(&c->ctx->err, HSMIME_EUSAGE,
	    "nobody is left to encrypt the message itself for: all certificates are those of Bcc "
	    "recipients");
	return error_hint(&c->ctx->err, "give the certificate of a recipient in To or Cc, or of "
					"the sender, with -r");
}

int recipients_choose(struct recipients *r, hsmime_ctx *ctx, const hsmime_encrypt_options *options,
    const struct header *header)
{
	struct choice c = { .r = r, .ctx = ctx, .options = options, .mail = header != NULL };
	int status = begin(&c, header);

	if (status == 0)
		status = take_given(&c);
	if (status == 0)
		status = check_bcc(&c, r->to.hidden);
	if (status == 0)
		status = add_self(&c);
	if (status == 0)
		status = check_open(&c);
	if (status == 0)
		status = check_bcc(&c, r->to.bcc);
	if (status == 0)
		warn_unserved(&c);
	return status;
}

void recipients_clear(struct recipients *r)
{
	for (size_t i = 0; i < r->copy_count; i++)
		sk_X509_pop_free(r->copies[i].open, X509_free);
	sk_X509_pop_free(r->open, X509_free);
	free(r->copies);
	addressees_clear(&r->to);
	memset(r, 0, sizeof(*r));
}
