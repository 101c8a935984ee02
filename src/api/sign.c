#include <string.h>

#include "api/armor.h"
#include "api/encrypt.h"
#include "api/input.h"
#include "api/keys.h"
#include "api/made.h"
#include "api/mail_input.h"
#include "cms/signed_writer.h"
#include "engine/token_key.h"
#include "mail/compose.h"
#include "mail/entity_writer.h"
#include "util/crlf.h"
#include "util/output.h"
#include "util/sink.h"

/* One signature in the making. */
struct signing {
	hsmime_ctx *ctx;
	const hsmime_sign_options *options;
	const char *digest; /* OpenSSL's name */
	struct signer signer;
	struct mail_input mail;        /* HSMIME_MAIL */
	struct progress_source octets; /* HSMIME_CMS */
	hsmime_source source;
};

static struct signed_write request_of(const struct signing *s, bool detached, uint64_t size)
{
	struct signed_write request = {
		.key = s->signer.key,
		.certificate = s->signer.certificate,
		.chain = s->signer.chain,
		.digest = s->digest,
		.pss = s->options->pss != 0,
		.detached = detached,
		.content_size = size,
		.signing_time = HSMIME_NO_TIME,
	};

	return request;
}

static int finish_signature(struct signing *s, struct signed_writer *writer, int status)
{
	if (status == 0)
		status = signed_writer_finish(writer);
	return ctx_token_error(s->ctx, status);
}

/* Into a multipart/signed: the entity is written as it is hashed, and the signature follows. */
static int sign_clear(struct signing *s, const hsmime_sink *sink, bool crlf)
{
	struct cms_env env = ctx_env(s->ctx);
	struct signed_write request = request_of(s, true, HSMIME_SIZE_UNKNOWN);
	struct entity_write how = { .seven_bit = true,
		.one_reading = true,
		.crlf = crlf,
		.whole = s->options->entity != 0 };
	char boundary[COMPOSE_BOUNDARY_SIZE];
	struct buffer der;
	struct signed_writer *writer = NULL;
	struct base64_encoder base64 = { 0 };
	struct crlf_sink canonical;
	struct sink_tee tee;
	hsmime_sink hashed, to_hash, both, encoded, kept;
	int status;

	buffer_init(&der, 16 * 1024 * 1024);
	sink_buffer(&kept, &der);
	status = signed_writer_new(&writer, &hashed, &request, &kept, &env);
	if (status == 0)
		status = compose_boundary(boundary);
	if (status == 0)
		status = compose_signed_start(sink, boundary, signed_micalg(s->digest), crlf);
	crlf_sink_open(&to_hash, &canonical, &hashed, true);
	sink_tee_open(&both, &tee, sink, &to_hash);
	if (status == 0)
		status = entity_write(&s->mail.source, &s->mail.structure, &how, &both, env.err);
	if (status == 0)
		status = crlf_sink_finish(&canonical);
	status = finish_signature(s, writer, status);
	if (status == 0)
		status = compose_signed_middle(sink, boundary, crlf);
	if (status == 0)
		status =
		    base64_encoder_open(&encoded, &base64, sink, BASE64_LINE, crlf ? "\r\n" : "\n");
	if (status == 0)
		status = sink_write(&encoded, der.data, der.len);
	if (status == 0)
		status = base64_encoder_finish(&base64);
	if (status == 0)
		status = compose_signed_end(sink, boundary, crlf);
	base64_encoder_close(&base64);
	signed_writer_free(writer);
	buffer_free(&der);
	return status;
}

/* Into an application/pkcs7-mime: the canonical entity inside the CMS. */
static int sign_opaque(struct signing *s, const hsmime_sink *sink, bool crlf)
{
	struct cms_env env = ctx_env(s->ctx);
	struct entity_write how = {
		.one_reading = true, .crlf = true, .whole = s->options->entity != 0
	};
	struct signed_write request = request_of(s, false, HSMIME_SIZE_UNKNOWN);
	struct signed_writer *writer = NULL;
	struct armor armor = { 0 };
	hsmime_sink cms, content;
	int status =
	    entity_size(&request.content_size, &s->mail.source, &s->mail.structure, &how, env.err);

	if (status == 0)
		status = armor_open(
		    &cms, &armor, sink, HSMIME_FORMAT_SMIME, COMPOSE_SIGNED, crlf, env.err);
	if (status == 0)
		status = signed_writer_new(&writer, &content, &request, &cms, &env);
	if (status == 0)
		status = entity_write(&s->mail.source, &s->mail.structure, &how, &content, env.err);
	status = finish_signature(s, writer, status);
	if (status == 0)
		status = armor_finish(&armor);
	armor_close(&armor);
	signed_writer_free(writer);
	return status;
}

/* The signed MIME entity, MIME-Version included. */
static int write_signed_entity(struct signing *s, const hsmime_sink *sink, bool crlf)
{
	return s->options->opaque ? sign_opaque(s, sink, crlf) : sign_clear(s, sink, crlf);
}

/* Held: half a mail in a pipe would be sent. */
static int sign_mail_plain(struct signing *s, hsmime_output *out)
{
	hsmime_sink sink;
	int status =
	    output_begin(out, true, s->ctx->shared->libctx, s->ctx->spool_max, &s->ctx->err);

	if (status != 0)
		return status;
	output_sink(&sink, out);
	if (!s->options->entity)
		status = header_write(&s->mail.header, HEADER_OUTER, false, &sink);
	if (status == 0)
		status = write_signed_entity(s, &sink, s->mail.header.crlf);
	return status == 0 ? output_commit(out, &s->ctx->err) : status;
}

/* Plain CMS over octets; the signature alone where it is detached. */
static int write_signed_octets(
    struct signing *s, const hsmime_sink *sink, enum hsmime_format format)
{
	struct cms_env env = ctx_env(s->ctx);
	bool detached = !s->options->opaque && s->options->encrypt == NULL;
	struct signed_write request = request_of(s, detached, s->source.size);
	struct signed_writer *writer = NULL;
	struct armor armor = { 0 };
	hsmime_sink cms, content;
	int status = armor_open(&cms, &armor, sink, format, COMPOSE_SIGNED, false, env.err);

	if (status == 0)
		status = signed_writer_new(&writer, &content, &request, &cms, &env);
	if (status == 0)
		status = source_copy(&content, &s->source);
	status = finish_signature(s, writer, status);
	if (status == 0)
		status = armor_finish(&armor);
	armor_close(&armor);
	signed_writer_free(writer);
	return status;
}

static int sign_octets_plain(struct signing *s, hsmime_output *out)
{
	hsmime_sink sink;
	int status =
	    output_begin(out, false, s->ctx->shared->libctx, s->ctx->spool_max, &s->ctx->err);

	if (status != 0)
		return status;
	output_sink(&sink, out);
	status = write_signed_octets(s, &sink, s->options->format);
	return status == 0 ? output_commit(out, &s->ctx->err) : status;
}

static int write_mail_to_encrypt(void *arg, const hsmime_sink *sink)
{
	return write_signed_entity(arg, sink, true);
}

static int write_octets_to_encrypt(void *arg, const hsmime_sink *sink)
{
	return write_signed_octets(arg, sink, HSMIME_FORMAT_DER);
}

static int sign_and_encrypt(struct signing *s, hsmime_output *out)
{
	hsmime_encrypt_options options = *s->options->encrypt;
	bool mail = s->options->form == HSMIME_MAIL;
	struct plain plain = {
		.write = mail ? write_mail_to_encrypt : write_octets_to_encrypt,
		.arg = s,
		.size = HSMIME_SIZE_UNKNOWN,
	};

	options.form = s->options->form;
	options.format = s->options->format;
	options.entity = s->options->entity;
	if (options.self == NULL)
		options.self = s->signer.certificate;
	return encrypt_plain(s->ctx, out, &options, &plain, mail ? &s->mail.header : NULL);
}

static int open_input(struct signing *s, const hsmime_source *in)
{
	if (s->options->form == HSMIME_MAIL)
		return mail_input_open(&s->mail, s->ctx, in);
	progress_open(&s->source, &s->octets, s->ctx, in);
	return 0;
}

static int sign(struct signing *s, hsmime_output *out, const hsmime_source *in)
{
	bool mail = s->options->form == HSMIME_MAIL;
	int status = open_input(s, in);

	if (status == 0)
		status = signer_find(&s->signer, s->ctx, s->options, mail ? &s->mail.header : NULL);
	if (status != 0)
		return status;
	made_signature(s->ctx, s->digest, s->signer.key, s->options->pss != 0);
	if (s->options->encrypt != NULL)
		status = sign_and_encrypt(s, out);
	else
		status = mail ? sign_mail_plain(s, out) : sign_octets_plain(s, out);
	return status == 0 ? made_key(s->ctx, token_key_uri(s->signer.used)) : status;
}

struct call {
	hsmime_ctx *ctx;
	hsmime_output *out;
	const hsmime_source *in;
	const hsmime_sign_options *options;
};

static int run(void *arg)
{
	const struct call *c = arg;
	struct signing s = { .ctx = c->ctx, .options = c->options };
	const char *asked = c->options->digest != NULL ? c->options->digest : "sha256";
	int status;

	s.digest = signed_digest_name(asked);
	if (s.digest == NULL) {
		error_set(
		    &c->ctx->err, HSMIME_EUSAGE, "%s is not a digest hsmime signs with", asked);
		return error_hint(&c->ctx->err, "use sha256, sha384 or sha512");
	}
	status = sign(&s, c->out, c->in);
	signer_free(&s.signer);
	mail_input_close(&s.mail);
	return status;
}

int hsmime_sign(hsmime_ctx *ctx, hsmime_output *out, const hsmime_source *in,
    const hsmime_sign_options *options)
{
	struct call c = { ctx, out, in, options };

	return ctx_run(ctx, run, &c);
}
