#include "api/encrypt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/armor.h"
#include "api/input.h"
#include "api/mail_input.h"
#include "api/recipients.h"
#include "cms/enveloped_writer.h"
#include "evidence/chain.h"
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
	int status = output_begin(out, false, ctx->shared->libctx, ctx->spool_max, &ctx->err);

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

/* ADDRESS.eml in the folder, with nothing of the address that a path could hear. */
static int bcc_path(char *path, size_t size, const char *folder, X509 *cert)
{
	char **emails = chain_emails(cert);
	int len = -1;

	if (emails != NULL && emails[0] != NULL) {
		for (char *p = emails[0]; *p != '\0'; p++) {
			if (*p == '/' || (unsigned char)*p < 0x20 || (p == emails[0] && *p == '.'))
				*p = '_';
		}
		len = snprintf(path, size, "%s/%s.eml", folder, emails[0]);
	}
	chain_emails_free(emails);
	return len > 0 && (size_t)len < size ? 0 : HSMIME_EIO;
}

static int open_bcc(hsmime_output **out, hsmime_ctx *ctx, const char *folder, X509 *cert)
{
	char path[4096];
	int status = bcc_path(path, sizeof(path), folder, cert);

	if (status == 0)
		status = hsmime_output_file(out, path);
	return status == 0
		   ? 0
		   : error_set(&ctx->err, status, "can't write a Bcc message to %s", folder);
}

static int encrypt_bcc(hsmime_ctx *ctx, hsmime_output **made, const hsmime_encrypt_options *options,
    X509 *cert, const struct plain *plain, const struct header *header)
{
	STACK_OF(X509) *one = sk_X509_new_null();
	int status = HSMIME_ENOMEM;

	if (one != NULL && sk_X509_push(one, cert) > 0)
		status = open_bcc(made, ctx, options->bcc_dir, cert);
	if (status == 0)
		status = encrypt_to(ctx, *made, options, one, plain, header);
	sk_X509_free(one);
	return status;
}

/* All messages are complete before the first of them appears. */
static int encrypt_all(hsmime_ctx *ctx, hsmime_output *out, hsmime_output **bcc,
    const struct recipients *who, const hsmime_encrypt_options *options, const struct plain *plain,
    const struct header *header)
{
	int count = sk_X509_num(who->bcc);
	int status = 0;

	for (int i = 0; i < count && status == 0; i++)
		status =
		    encrypt_bcc(ctx, &bcc[i], options, sk_X509_value(who->bcc, i), plain, header);
	if (status == 0)
		status = encrypt_to(ctx, out, options, who->open, plain, header);
	for (int i = 0; i < count && status == 0; i++)
		status = output_commit(bcc[i], &ctx->err);
	return status == 0 ? output_commit(out, &ctx->err) : status;
}

int encrypt_plain(hsmime_ctx *ctx, hsmime_output *out, const hsmime_encrypt_options *options,
    const struct plain *plain, const struct header *header)
{
	struct recipients who = { 0 };
	hsmime_output **bcc = NULL;
	int count = 0;
	int status = recipients_choose(&who, ctx, options, header);

	if (status == 0) {
		count = sk_X509_num(who.bcc);
		bcc = calloc((size_t)count + 1, sizeof(*bcc));
		status = bcc == NULL ? error_nomem(&ctx->err)
				     : encrypt_all(ctx, out, bcc, &who, options, plain, header);
	}
	for (int i = 0; bcc != NULL && i < count; i++)
		hsmime_output_free(bcc[i]);
	free(bcc);
	recipients_clear(&who);
	return status;
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

int hsmime_encrypt(hsmime_ctx *ctx, hsmime_output *out, const hsmime_source *in,
    const hsmime_encrypt_options *options)
{
	ctx_begin(ctx);
	if (enveloped_is_authenticated(cipher_of(options)) < 0) {
		error_set(&ctx->err, HSMIME_EUSAGE, "%s is not a cipher hsmime encrypts with",
		    cipher_of(options));
		return error_hint(
		    &ctx->err, "use aes-128-cbc, aes-256-cbc, aes-128-gcm or aes-256-gcm");
	}
	return ctx_end(ctx, options->form == HSMIME_CMS ? encrypt_octets(ctx, out, in, options)
							: encrypt_mail(ctx, out, in, options));
}
