#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api_messages.h"

const char api_content[] = "I owe you 1000.\r\n";

/* The entity of an encrypted mail says that it is MIME; in a signed one the header outside does. */
static const char entity[] =
    "MIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\nI owe you 1000.\r\n";

static const char api_mail[] = "From: rita@example.com\r\nTo: rita@example.com\r\nSubject: debt\r\n"
			       "MIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\n"
			       "I owe you 1000.\r\n";

static const struct message kinds[] = {
	{ .name = "signed beside, DER",
	    .form = HSMIME_CMS,
	    .format = HSMIME_FORMAT_DER,
	    .holder = &api_rsa },
	{ .name = "signed beside, PEM",
	    .form = HSMIME_CMS,
	    .format = HSMIME_FORMAT_PEM,
	    .holder = &api_ec },
	{ .name = "signed inside, DER",
	    .form = HSMIME_CMS,
	    .format = HSMIME_FORMAT_DER,
	    .opaque = true,
	    .holder = &api_ec },
	{ .name = "signed inside, BER",
	    .form = HSMIME_CMS,
	    .format = HSMIME_FORMAT_DER,
	    .opaque = true,
	    .indefinite = true,
	    .holder = &api_rsa },
	{ .name = "signed inside, PEM",
	    .form = HSMIME_CMS,
	    .format = HSMIME_FORMAT_PEM,
	    .opaque = true,
	    .holder = &api_rsa },
	{ .name = "signed inside, S/MIME",
	    .form = HSMIME_CMS,
	    .format = HSMIME_FORMAT_SMIME,
	    .opaque = true,
	    .indefinite = true,
	    .holder = &api_ec },
	{ .name = "multipart/signed", .form = HSMIME_MAIL, .holder = &api_rsa },
	{ .name = "application/pkcs7-mime, signed",
	    .form = HSMIME_MAIL,
	    .opaque = true,
	    .holder = &api_ec },
	{ .name = "CBC for RSA, DER",
	    .encrypted = true,
	    .form = HSMIME_CMS,
	    .format = HSMIME_FORMAT_DER,
	    .cipher = "aes-256-cbc",
	    .holder = &api_rsa },
	{ .name = "CBC for RSA, BER",
	    .encrypted = true,
	    .form = HSMIME_CMS,
	    .format = HSMIME_FORMAT_DER,
	    .indefinite = true,
	    .cipher = "aes-128-cbc",
	    .holder = &api_rsa },
	{ .name = "CBC for EC, DER",
	    .encrypted = true,
	    .form = HSMIME_CMS,
	    .format = HSMIME_FORMAT_DER,
	    .cipher = "aes-128-cbc",
	    .holder = &api_ec },
	{ .name = "CBC for EC, PEM",
	    .encrypted = true,
	    .form = HSMIME_CMS,
	    .format = HSMIME_FORMAT_PEM,
	    .cipher = "aes-256-cbc",
	    .holder = &api_ec },
	{ .name = "CBC for RSA, S/MIME",
	    .encrypted = true,
	    .form = HSMIME_CMS,
	    .format = HSMIME_FORMAT_SMIME,
	    .indefinite = true,
	    .cipher = "aes-256-cbc",
	    .holder = &api_rsa },
	{ .name = "GCM for RSA, DER",
	    .encrypted = true,
	    .form = HSMIME_CMS,
	    .format = HSMIME_FORMAT_DER,
	    .cipher = "aes-256-gcm",
	    .holder = &api_rsa },
	{ .name = "GCM for RSA, PEM",
	    .encrypted = true,
	    .form = HSMIME_CMS,
	    .format = HSMIME_FORMAT_PEM,
	    .indefinite = true,
	    .cipher = "aes-128-gcm",
	    .holder = &api_rsa },
	{ .name = "GCM for EC, DER",
	    .encrypted = true,
	    .form = HSMIME_CMS,
	    .format = HSMIME_FORMAT_DER,
	    .cipher = "aes-128-gcm",
	    .holder = &api_ec },
	{ .name = "GCM for EC, BER",
	    .encrypted = true,
	    .form = HSMIME_CMS,
	    .format = HSMIME_FORMAT_DER,
	    .indefinite = true,
	    .cipher = "aes-256-gcm",
	    .holder = &api_ec },
	{ .name = "GCM for EC, S/MIME",
	    .encrypted = true,
	    .form = HSMIME_CMS,
	    .format = HSMIME_FORMAT_SMIME,
	    .cipher = "aes-256-gcm",
	    .holder = &api_ec },
	{ .name = "mail, CBC for RSA",
	    .encrypted = true,
	    .form = HSMIME_MAIL,
	    .cipher = "aes-256-cbc",
	    .holder = &api_rsa },
	{ .name = "mail, GCM for EC",
	    .encrypted = true,
	    .form = HSMIME_MAIL,
	    .cipher = "aes-256-gcm",
	    .holder = &api_ec },
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

struct api_messages api_messages;

static int sign(
    hsmime_ctx *ctx, hsmime_output *out, const hsmime_source *in, const struct message *m)
{
	hsmime_sign_options options = HSMIME_SIGN_OPTIONS_INIT;

	options.form = m->form;
	options.format = m->format;
	options.opaque = m->opaque;
	options.key_uri = m->holder->uri;
	return hsmime_sign(ctx, out, in, &options);
}

/* A set with cert alone; where memory runs out that is the result, not a failed test. */
static int set_of(hsmime_certs **certs, X509 *cert)
{
	int status = hsmime_certs_new(certs);

	if (status != 0)
		return status;
	status = hsmime_certs_add(*certs, cert);
	if (status != 0) {
		hsmime_certs_free(*certs);
		*certs = NULL;
	}
	return status;
}

static int encrypt(
    hsmime_ctx *ctx, hsmime_output *out, const hsmime_source *in, const struct message *m)
{
	hsmime_encrypt_options options = HSMIME_ENCRYPT_OPTIONS_INIT;
	hsmime_certs *to = NULL;
	int status = set_of(&to, m->holder->cert);

	options.form = m->form;
	options.format = m->format;
	options.cipher = m->cipher;
	options.recipients = to;
	options.no_encrypt_to_self = 1;
	options.force_recipient = 1; /* the mail names one person only */
	if (status == 0)
		status = hsmime_encrypt(ctx, out, in, &options);
	hsmime_certs_free(to);
	return status;
}

int message_make(hsmime_ctx *ctx, hsmime_output *out, const struct message *m)
{
	const char *plain = m->form == HSMIME_MAIL ? api_mail : api_content;
	hsmime_memory memory;
	hsmime_source in;

	memory_source(&in, &memory, plain, strlen(plain));
	if (m->indefinite)
		in.size = HSMIME_SIZE_UNKNOWN;
	return (m->encrypted ? encrypt : sign)(ctx, out, &in, m);
}

int api_messages_setup(void **state)
{
	hsmime_ctx *ctx;

	api_setup(state);
	ctx = api_ctx();
	assert_true(KINDS <= API_MESSAGES_MAX);
	memcpy(api_messages.list, kinds, sizeof(kinds));
	api_messages.count = KINDS;
	for (size_t i = 0; i < KINDS; i++) {
		struct message *m = &api_messages.list[i];
		hsmime_output *out = text_output(&m->text);

		if (message_make(ctx, out, m) != 0)
			fail_msg("%s: %s", m->name, hsmime_ctx_error(ctx));
		hsmime_output_free(out);
	}
	hsmime_ctx_free(ctx);
	api_messages.ctx = api_ctx();
	return 0;
}

int api_messages_teardown(void **state)
{
	hsmime_ctx_free(api_messages.ctx);
	for (size_t i = 0; i < api_messages.count; i++)
		text_free(&api_messages.list[i].text);
	return api_teardown(state);
}

static int decrypt(hsmime_ctx *ctx, hsmime_result **result, hsmime_output *out,
    const struct message *m, const hsmime_source *in)
{
	hsmime_decrypt_options options = HSMIME_DECRYPT_OPTIONS_INIT;

	options.form = m->form;
	options.format = m->format;
	options.entity = 1;
	return hsmime_decrypt(ctx, result, out, in, &options);
}

static int verify(hsmime_ctx *ctx, hsmime_result **result, hsmime_output *out,
    const struct message *m, const hsmime_source *in)
{
	hsmime_verify_options options = HSMIME_VERIFY_OPTIONS_INIT;
	hsmime_certs *anchors = NULL;
	hsmime_memory memory;
	hsmime_source beside;
	int status = set_of(&anchors, api_token.ca);

	memory_source(&beside, &memory, api_content, strlen(api_content));
	options.form = m->form;
	options.format = m->format;
	options.anchors = anchors;
	if (m->form == HSMIME_CMS && !m->opaque)
		options.content = &beside;
	if (status == 0)
		status = hsmime_verify(ctx, result, out, in, &options);
	hsmime_certs_free(anchors);
	return status;
}

int message_read(hsmime_ctx *ctx, hsmime_result **result, hsmime_output *out,
    const struct message *m, const hsmime_source *in)
{
	return (m->encrypted ? decrypt : verify)(ctx, result, out, m, in);
}

int message_rewrap(hsmime_ctx *ctx, hsmime_output *out, const struct message *m)
{
	hsmime_rewrap_options options = HSMIME_REWRAP_OPTIONS_INIT;
	hsmime_certs *to = NULL;
	hsmime_result *result = NULL;
	hsmime_memory memory;
	hsmime_source in;
	int status = set_of(&to, m->holder->cert);

	memory_source(&in, &memory, m->text.data, m->text.len);
	options.form = m->form;
	options.format = m->format;
	options.recipients = to;
	if (status == 0)
		status = hsmime_rewrap(ctx, &result, out, &in, &options);
	hsmime_result_free(result);
	hsmime_certs_free(to);
	hsmime_output_free(out);
	return status;
}

int message_work(hsmime_ctx *ctx, hsmime_output *out, const struct message *m, bool reading)
{
	hsmime_result *result = NULL;
	hsmime_memory memory;
	hsmime_source in;
	int status;

	memory_source(&in, &memory, m->text.data, m->text.len);
	status = reading ? message_read(ctx, &result, out, m, &in) : message_make(ctx, out, m);
	hsmime_result_free(result);
	hsmime_output_free(out);
	return status;
}

struct reading {
	const struct message *m;
	const hsmime_source *in;
};

static int read_it(hsmime_ctx *ctx, hsmime_result **result, hsmime_output *out, void *arg)
{
	struct reading *r = arg;

	return message_read(ctx, result, out, r->m, r->in);
}

void api_read(struct outcome *o, hsmime_ctx *ctx, const struct message *m, const hsmime_source *in)
{
	struct reading r = { m, in };

	api_run(o, ctx, read_it, &r);
}

void api_read_text(
    struct outcome *o, hsmime_ctx *ctx, const struct message *m, const void *data, size_t len)
{
	hsmime_memory memory;
	hsmime_source in;

	memory_source(&in, &memory, data, len);
	api_read(o, ctx, m, &in);
}

const char *message_content(const struct message *m)
{
	if (m->form == HSMIME_CMS)
		return api_content;
	return m->encrypted ? entity : strchr(entity, '\n') + 1;
}

size_t api_messages_step(size_t size, size_t parts)
{
	return getenv("TEST_EVERY") != NULL ? 1 : 1 + size / parts;
}
