#include <stdio.h>

#include "api/certs.h"
#include "api/envelope.h"
#include "api/inside_signature.h"
#include "api/keys.h"
#include "api/made.h"
#include "api/rearmor.h"
#include "api/recipients.h"
#include "api/recipient_names.h"
#include "api/rewrap.h"
#include "cms/enveloped_writer.h"
#include "mail/looks_like.h"
#include "util/output.h"
#include "util/sink.h"

_Static_assert(CONTENT_PROOF_BEGINNING == LOOKS_LIKE_BEGINNING, "what is judged is what is kept");

/* One hsmime_rewrap on its way. */
struct rewrap {
	hsmime_ctx *ctx;
	const hsmime_rewrap_options *options;
	hsmime_result *result;
	bool told; /* the result tells of the message even where the call fails */
	hsmime_output *out;
	struct recipients added;
	struct buffer frame; /* of ContentInfo (cms/enveloped_rewrap.h) */
};

static bool is_among(const struct recipient *r, const STACK_OF(X509) *certs)
{
	for (int i = 0; i < sk_X509_num(certs); i++) {
		if (recipient_is(r, sk_X509_value(certs, i)))
			return true;
	}
	return false;
}

/* Who is added is named anew, unless nothing shows that the new name is good. */
static bool keeps(void *arg, const struct recipient *r)
{
	const struct rewrap *w = arg;

	if (is_among(r, certs_stack(w->options->drop)))
		return false;
	return w->options->no_check || !is_among(r, w->added.open);
}

static int usage(struct rewrap *w, const char *what, const char *hint)
{
	error_set(&w->ctx->err, HSMIME_EUSAGE, "%s", what);
	return error_hint(&w->ctx->err, "%s", hint);
}

static const char *cipher_of(const hsmime_rewrap_options *o)
{
	return o->cipher != NULL ? o->cipher : REWRAP_CIPHER;
}

static int check_reencryption(struct rewrap *w)
{
	const hsmime_rewrap_options *o = w->options;

	if (!o->reencrypt && (o->cipher != NULL || o->require_authenticated))
		return usage(w, "the content stays encrypted as it is, whatever its cipher",
		    "have it encrypted anew with --reencrypt, or leave the cipher and "
		    "--require-authenticated out");
	if (o->reencrypt && (o->old == HSMIME_REWRAP_KEEP || o->no_check))
		return usage(w,
		    "content that is encrypted anew gets another key, which the old recipients do "
		    "not have",
		    "give the certificates of those who are to stay with --recipient, as those of "
		    "the others");
	if (o->reencrypt && enveloped_is_authenticated(cipher_of(o)) < 0) {
		error_set(&w->ctx->err, HSMIME_EUSAGE, "%s is not a cipher hsmime encrypts with",
		    cipher_of(o));
		return error_hint(&w->ctx->err,
		    "use aes-256-gcm or aes-128-gcm; of content that is not authenticated as it is "
		    "also aes-256-cbc or aes-128-cbc");
	}
	return 0;
}

static int check_recipients(struct rewrap *w)
{
	const hsmime_rewrap_options *o = w->options;
	bool keep = o->old == HSMIME_REWRAP_KEEP;
	bool adds = hsmime_certs_count(o->recipients) > 0;
	bool drops = hsmime_certs_count(o->drop) > 0;

	if (!keep && !adds)
		return usage(w, "there is no recipient",
		    "name the certificate of each new recipient, or keep the old ones");
	if (!keep && drops)
		return usage(w, "recipients are to be dropped of which none is kept",
		    "keep the old recipients but for these, or replace them all");
	if (keep && !adds && !drops)
		return usage(w, "there is nothing to do: all recipients stay and none is added",
		    "name the certificates of those who are to be added or dropped");
	if (o->no_check && (!keep || drops))
		return usage(w,
		    "without the check a wrong content key would destroy the message: all old "
		    "recipients have to stay",
		    "keep the old recipients, or leave the check on");
	return 0;
}

static int check_options(struct rewrap *w)
{
	int status = check_reencryption(w);

	return status == 0 ? check_recipients(w) : status;
}

/* As hsmime_encrypt takes them for CMS: who reads an archive is named in no mail of it. */
static int choose_recipients(struct rewrap *w)
{
	const hsmime_rewrap_options *o = w->options;
	hsmime_encrypt_options encrypt = HSMIME_ENCRYPT_OPTIONS_INIT;
	int status;

	if (hsmime_certs_count(o->recipients) == 0)
		return 0;
	encrypt.form = HSMIME_CMS;
	encrypt.recipients = o->recipients;
	encrypt.anchors = o->anchors;
	encrypt.certs = o->certs;
	encrypt.force_recipient = o->force_recipient;
	encrypt.no_encrypt_to_self = 1;
	status = recipients_choose(&w->added, w->ctx, &encrypt, NULL);
	if (status != 0)
		return status;
	return made_recipients(
	    w->ctx, o->reencrypt ? cipher_of(o) : NULL, o->key_transport, w->added.open, NULL);
}

static int note_layer(struct rewrap *w, enum hsmime_layer_kind kind, const char *problem)
{
	return result_unopened(w->result, kind, HSMIME_EFORMAT, problem) == 0
		   ? 0
		   : error_nomem(&w->ctx->err);
}

static int not_encrypted(struct rewrap *w, const char *what)
{
	w->told = true;
	error_set(&w->ctx->err, HSMIME_EFORMAT, "the input is not encrypted: it is %s", what);
	return error_hint(&w->ctx->err, "it needs no other recipients");
}

/* Signed on its outside by kind; found is what is inside. */
static int signed_outside(
    struct rewrap *w, enum hsmime_layer_kind kind, enum cms_type found, const char *what)
{
	bool authenticated = found == CMS_AUTH_ENVELOPED_DATA;
	int status = note_layer(w, kind, "it was not verified");

	if (status == 0 && found == CMS_UNKNOWN)
		return not_encrypted(w, what);
	if (status == 0)
		status = note_layer(w,
		    authenticated ? HSMIME_LAYER_AUTH_ENCRYPTED : HSMIME_LAYER_ENCRYPTED,
		    "it is inside a signature");
	if (status != 0)
		return status;
	w->told = true;
	error_set(&w->ctx->err, HSMIME_EFORMAT,
	    "the encryption lies inside a signature (%s): other recipients would break it", what);
	return error_hint(&w->ctx->err, "decrypt it with hsmime verify, and keep the original");
}

static int other_type(struct rewrap *w, struct cms_input *c, enum cms_type type)
{
	struct cms_env env = ctx_env(w->ctx);
	enum cms_type found = CMS_UNKNOWN;
	int status;

	if (type == CMS_SIGNED_DATA) {
		status = inside_signed_data(&found, c, &env);
		return status == 0 ? signed_outside(
					 w, HSMIME_LAYER_SIGNED_OPAQUE, found, cms_type_name(type))
				   : status;
	}
	error_set(
	    &w->ctx->err, HSMIME_EUNSUPPORTED, "hsmime does not rewrap %s", cms_type_name(type));
	return error_hint(&w->ctx->err,
	    "only EnvelopedData and AuthEnvelopedData have recipients with a key on a token");
}

static int rewrap_layer(
    struct rewrap *w, struct cms_input *c, enum cms_type type, const hsmime_sink *cms)
{
	const hsmime_rewrap_options *o = w->options;
	struct enveloped_write added = {
		.recipients = w->added.open,
		.keys = &w->ctx->recipient_keys,
		.cipher = cipher_of(o),
		.key_transport = o->key_transport,
		.key_id = o->recipient_key_id != 0,
	};
	struct enveloped_rewrap how = {
		.out = *cms,
		.frame = &w->frame,
		.added = &added,
		.keeps = o->old == HSMIME_REWRAP_KEEP ? keeps : NULL,
		.keeps_arg = w,
		.judge = o->no_check ? NULL : looks_like_content,
	};
	struct enveloped_reencrypt anew = {
		.out = *cms, .to = &added, .judge = looks_like_content
	};
	struct envelope e = { .ctx = w->ctx,
		.key_uri = o->key_uri,
		.certs = o->certs,
		.require_authenticated = o->require_authenticated != 0,
		.rewrap = o->reencrypt ? NULL : &how,
		.reencrypt = o->reencrypt ? &anew : NULL };

	w->told = true;
	return envelope_open(w->result, c, type, &e);
}

/* What the header has to say of what is encrypted anew; NULL: what it says holds. */
static const char *smime_type(const struct rewrap *w)
{
	const hsmime_rewrap_options *o = w->options;

	return o->reencrypt && enveloped_is_authenticated(cipher_of(o)) == 1 ? "authEnveloped-data"
									     : NULL;
}

/* The CMS of c, of which nothing was read yet. */
static int rewrap_cms(struct rewrap *w, struct cms_input *c)
{
	struct cms_env env = ctx_env(w->ctx);
	struct rearmor armor = { 0 };
	enum cms_type type = CMS_UNKNOWN;
	hsmime_sink frame, out, cms;
	int status;

	output_sink(&out, w->out);
	sink_buffer(&frame, &w->frame);
	status = rearmor_open(&cms, &armor, &out, c, smime_type(w), env.err);
	if (status == 0) {
		c->ber.copy = &frame;
		status = cms_content_info_enter(&type, &c->ber, &env);
		c->ber.copy = NULL;
	}
	if (status == 0 && type != CMS_ENVELOPED_DATA && type != CMS_AUTH_ENVELOPED_DATA)
		status = other_type(w, c, type);
	else if (status == 0)
		status = rewrap_layer(w, c, type, &cms);
	if (status == 0)
		status = rearmor_finish(&armor, c);
	rearmor_close(&armor);
	return status;
}

static int other_entity(struct rewrap *w, struct cms_input *c)
{
	struct cms_env env = ctx_env(w->ctx);
	enum cms_type found = CMS_UNKNOWN;
	char what[256];
	int status;

	snprintf(what, sizeof(what), "%s/%s", c->entity.type.type, c->entity.type.subtype);
	if (c->entity.kind != ENTITY_SIGNED)
		return not_encrypted(w, what);
	status = inside_multipart(&found, c, &env);
	return status == 0 ? signed_outside(w, HSMIME_LAYER_SIGNED_DETACHED, found, what) : status;
}

static int rewrap_input(struct rewrap *w, const hsmime_source *in)
{
	struct cms_env env = ctx_env(w->ctx);
	struct buffer pem_head;
	struct cms_input c = { .pem_head = &pem_head };
	bool mail = w->options->form == HSMIME_MAIL;
	int status;

	buffer_init(&pem_head, REARMOR_PEM_HEAD);
	status =
	    mail ? cms_input_mail(&c, in, &env) : cms_input_open(&c, in, w->options->format, &env);
	if (status == 0 && mail && c.entity.kind != ENTITY_CMS)
		status = other_entity(w, &c);
	else if (status == 0) {
		status = mail ? result_set_date(w->result, &c.header) : 0;
		status = status == 0 && mail ? cms_input_body(&c, &env) : status;
		status = status == 0 ? rewrap_cms(w, &c) : status;
	}
	cms_input_close(&c);
	buffer_free(&pem_head);
	return status;
}

static int rewrap(struct rewrap *w, const hsmime_source *in)
{
	struct progress_source progress;
	hsmime_source watched;
	hsmime_ctx *ctx = w->ctx;
	int status = check_options(w);

	if (status == 0)
		status = choose_recipients(w);
	if (status == 0)
		status = output_begin(
		    w->out, !ctx->looks, ctx->shared->libctx, ctx->spool_max, &ctx->err);
	if (status != 0)
		return status;
	progress_open(&watched, &progress, ctx, in);
	status = rewrap_input(w, &watched);
	return status == 0 ? output_commit(w->out, &ctx->err) : status;
}

struct call {
	hsmime_ctx *ctx;
	hsmime_result **result;
	hsmime_output *out;
	const hsmime_source *in;
	const hsmime_rewrap_options *options;
};

static bool is_of_the_message(int status)
{
	return status != HSMIME_EIO && status != HSMIME_ENOMEM && status != HSMIME_EINTERNAL &&
	       status != HSMIME_EUSAGE;
}

static int run(void *arg)
{
	const struct call *c = arg;
	const struct trust nobody = { .no_chain = true, .at = HSMIME_NO_TIME };
	struct rewrap w = { .ctx = c->ctx, .options = c->options, .out = c->out };
	int status;

	buffer_init(&w.frame, CMS_FRAME_MAX);
	w.result = result_new(&nobody);
	status = w.result == NULL ? error_nomem(&c->ctx->err) : rewrap(&w, c->in);
	if (status == 0 || (w.told && is_of_the_message(status)))
		*c->result = w.result;
	else
		hsmime_result_free(w.result);
	recipients_clear(&w.added);
	buffer_free(&w.frame);
	return status;
}

int hsmime_rewrap(hsmime_ctx *ctx, hsmime_result **result, hsmime_output *out,
    const hsmime_source *in, const hsmime_rewrap_options *options)
{
	struct call c = { ctx, result, out, in, options };

	*result = NULL;
	return ctx_run(ctx, run, &c);
}

static int run_check(void *arg)
{
	const struct call *c = arg;
	struct rewrap w = { .ctx = c->ctx, .options = c->options };
	int status = check_options(&w);

	if (status == 0)
		status = choose_recipients(&w);
	recipients_clear(&w.added);
	return status;
}

int rewrap_check(hsmime_ctx *ctx, const hsmime_rewrap_options *options)
{
	struct call c = { .ctx = ctx, .options = options };

	return ctx_run(ctx, run_check, &c);
}
