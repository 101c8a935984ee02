#include "api/encrypt.h"

#include <stdlib.h>
#include <string.h>

#include "api/armor.h"
#include "api/bcc_path.h"
#include "api/input.h"
#include "api/made.h"
#include "api/mail_input.h"
#include "api/recipients.h"
#include "cms/enveloped_writer.h"
#include "mail/entity_writer.h"
#include "util/output.h"
#include "util/sink.h"

#define DEFAULT_CIPHER "aes-256-cbc"

static const char *cipher_of(const hsmime_encrypt_options *options)
{
	return options->cipher != NULL ? options->cipher : DEFAULT_CIPHER;
}

static int encrypt_into(hsmime_ctx *ctx, const hsmime_sink *sink,
    const hsmime_encrypt_options *options, STACK_OF(X509) *recipients, const struct plain *plain)
{
	struct cms_env env = ctx_env(ctx);
	struct enveloped_write request = {
		.recipients = recipients,
		.keys = &ctx->recipient_keys,
		.cipher = cipher_of(options),
		.key_transport = options->key_transport,
		.key_id = options->recipient_key_id != 0,
		.content_size = plain->size,
	};
	struct enveloped_writer *writer = NULL;
	hsmime_sink content;
	int status = enveloped_writer_new(&writer, &content, &request, sink, &env);

	if (status == 0)
		status = plain->write(plain->arg, &content);
	if (status == 0)
		status = enveloped_writer_finish(writer);
	enveloped_writer_free(writer);
	return status;
}

static int encrypt_to(hsmime_ctx *ctx, hsmime_output *out, const hsmime_encrypt_options *options,
    STACK_OF(X509) *recipients, const struct plain *plain, const struct header *header)
{
	enum hsmime_format format = header != NULL ? HSMIME_FORMAT_SMIME : options->format;
	enum compose_cms what = enveloped_is_authenticated(cipher_of(options)) == 1
				    ? COMPOSE_AUTH_ENVELOPED
				    : COMPOSE_ENVELOPED;
	struct armor armor = { 0 };
	hsmime_sink sink, cms;
	/* A mail is held: half of one in a pipe would be sent. */
	int status =
	    output_begin(out, header != NULL, ctx->shared->libctx, ctx->spool_max, &ctx->err);

	if (status != 0)
		return status;
	output_sink(&sink, out);
	if (header != NULL && !options->entity)
		status = header_write(header, HEADER_OUTER, true, &sink);
	if (status == 0)
		status = armor_open(
		    &cms, &armor, &sink, format, what, header != NULL && header->crlf, &ctx->err);
	if (status == 0)
		status = encrypt_into(ctx, &cms, options, recipients, plain);
	if (status == 0)
		status = armor_finish(&armor);
	armor_close(&armor);
	return status;
}

static int open_bcc(hsmime_output **out, hsmime_ctx *ctx, const hsmime_encrypt_options *options,
    const struct bcc_copy *copy)
{
	char *path = NULL;
	int status = bcc_path(&path, options->bcc_dir, copy->address);

	if (status == 0)
		status = hsmime_output_file(out, path);
	if (status == 0)
		status = made_recipients(
		    ctx, cipher_of(options), options->key_transport, copy->open, path);
	free(path);
	if (status == HSMIME_EIO) {
		error_set(&ctx->err, status,
		    "the address of the Bcc recipient %s is too long for "
		    "a file's name",
		    copy->address);
		return error_hint(&ctx->err, "send the mail to that address alone");
	}
	return status == 0 ? 0 : error_nomem(&ctx->err);
}

/* Where each Bcc address gets its message; all names are known before anything is written. */
static int open_copies(hsmime_output **out, hsmime_ctx *ctx, const hsmime_encrypt_options *options,
    const struct recipients *who, size_t count)
{
	int status = 0;

	for (size_t i = 0; i < count && status == 0; i++)
		status = open_bcc(&out[i], ctx, options, &who->copies[i]);
	return status;
}

/*
 * All messages are complete before the first of them appears, and the one that may go down a
 * pipe goes first: of the others only the names are missing then.
 */
static int encrypt_all(hsmime_ctx *ctx, hsmime_output *out, hsmime_output **bcc, size_t count,
    const struct recipients *who, const hsmime_encrypt_options *options, const struct plain *plain,
    const struct header *header)
{
	int status =
	    made_recipients(ctx, cipher_of(options), options->key_transport, who->open, NULL);

	if (status == 0)
		status = open_copies(bcc, ctx, options, who, count);
	for (size_t i = 0; i < count && status == 0; i++)
		status = encrypt_to(ctx, bcc[i], options, who->copies[i].open, plain, header);
	if (status == 0)
		status = encrypt_to(ctx, out, options, who->open, plain, header);
	for (size_t i = 0; i < count && status == 0; i++)
		status = output_prepare(bcc[i], &ctx->err);
	if (status == 0)
		status = output_commit(out, &ctx->err);
	for (size_t i = 0; i < count && status == 0; i++)
		status = output_commit(bcc[i], &ctx->err);
	return status;
}

/* What cms/ says of an algorithm has the sender of a message in mind; here a recipient is. */
static int explain(hsmime_ctx *ctx, int status)
{
	if (status == HSMIME_EUNSUPPORTED && ctx->err.hint[0] == '\0')
		error_hint(&ctx->err, "choose another --cipher or --key-transport, or get another "
				      "certificate of that recipient");
	return status;
}

int encrypt_plain(hsmime_ctx *ctx, hsmime_output *out, const hsmime_encrypt_options *options,
    const struct plain *plain, const struct header *header)
{
	struct recipients who = { 0 };
	hsmime_output **bcc = NULL;
	size_t count = 0;
	int status = recipients_choose(&who, ctx, options, header);

	if (status == 0) {
		count = options->bcc_dir != NULL ? who.copy_count : 0;
		bcc = calloc(count + 1, sizeof(*bcc));
		status = bcc == NULL
			     ? error_nomem(&ctx->err)
			     : encrypt_all(ctx, out, bcc, count, &who, options, plain, header);
	}
	for (size_t i = 0; bcc != NULL && i < count; i++)
		hsmime_output_free(bcc[i]);
	free(bcc);
	recipients_clear(&who);
	return explain(ctx, status);
}

static int write_octets(void *arg, const hsmime_sink *sink)
{
	return source_copy(sink, arg);
}

static int encrypt_octets(hsmime_ctx *ctx, hsmime_output *out, const hsmime_source *in,
    const hsmime_encrypt_options *options)
{
	struct progress_source progress;
	hsmime_source watched;
	struct plain plain = { .write = write_octets, .arg = &watched, .size = in->size };

	progress_open(&watched, &progress, ctx, in);
	return encrypt_plain(ctx, out, options, &plain, NULL);
}

struct entity_plain {
	hsmime_ctx *ctx;
	struct mail_input *mail;
	struct entity_write how;
};

static const char mime_version[] = "MIME-Version: 1.0\r\n";

/* MIME-Version inside, so that what decryption gives is a MIME mail again. */
static int write_entity(void *arg, const hsmime_sink *sink)
{
	struct entity_plain *e = arg;
	int status = e->how.whole ? 0 : sink_string(sink, mime_version);

	return status != 0 ? status
			   : entity_write(&e->mail->source, &e->mail->structure, &e->how, sink,
				 &e->ctx->err);
}

static int encrypt_mail(hsmime_ctx *ctx, hsmime_output *out, const hsmime_source *in,
    const hsmime_encrypt_options *options)
{
	struct mail_input mail = { 0 };
	struct entity_plain entity = {
		.ctx = ctx,
		.mail = &mail,
		.how = { .seven_bit = false, .crlf = true, .whole = options->entity != 0 },
	};
	struct plain plain = { .write = write_entity, .arg = &entity };
	int status = mail_input_open(&mail, ctx, in);

	if (status == 0)
		status =
		    entity_size(&plain.size, &mail.source, &mail.structure, &entity.how, &ctx->err);
	if (status == 0) {
		plain.size += entity.how.whole ? 0 : strlen(mime_version);
		status = encrypt_plain(ctx, out, options, &plain, &mail.header);
	}
	mail_input_close(&mail);
	return status;
}

struct call {
	hsmime_ctx *ctx;
	hsmime_output *out;
	const hsmime_source *in;
	const hsmime_encrypt_options *options;
};

static int encrypt(void *arg)
{
	struct call *c = arg;
	const char *cipher = cipher_of(c->options);

	if (enveloped_is_authenticated(cipher) < 0) {
		error_set(
		    &c->ctx->err, HSMIME_EUSAGE, "%s is not a cipher hsmime encrypts with", cipher);
		return error_hint(
		    &c->ctx->err, "use aes-128-cbc, aes-256-cbc, aes-128-gcm or aes-256-gcm");
	}
	return c->options->form == HSMIME_CMS ? encrypt_octets(c->ctx, c->out, c->in, c->options)
					      : encrypt_mail(c->ctx, c->out, c->in, c->options);
}

int hsmime_encrypt(hsmime_ctx *ctx, hsmime_output *out, const hsmime_source *in,
    const hsmime_encrypt_options *options)
{
	struct call c = { ctx, out, in, options };

	return ctx_run(ctx, encrypt, &c);
}
