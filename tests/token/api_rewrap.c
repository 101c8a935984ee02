#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/pem.h>

#include "api_rewrap.h"

const struct rewrap_form rewrap_forms[REWRAP_FORMS] = {
	{ "mail", HSMIME_MAIL, HSMIME_FORMAT_AUTO, false, "SMIME" },
	{ "DER", HSMIME_CMS, HSMIME_FORMAT_DER, false, "DER" },
	{ "BER", HSMIME_CMS, HSMIME_FORMAT_DER, true, "DER" },
	{ "PEM", HSMIME_CMS, HSMIME_FORMAT_PEM, false, "PEM" },
	{ "S/MIME", HSMIME_CMS, HSMIME_FORMAT_SMIME, true, "SMIME" },
};

const char rewrap_entity[] = "Content-Type: text/plain\r\n\r\nI owe you 1000.\r\n";

static const char mail_start[] =
    "From: rita@example.com\r\nTo: rita@example.com\r\nSubject: debt\r\nX-Odd:\t as \t it is\r\n"
    "MIME-Version: 1.0\r\n";

struct rewrapping rewrapping_of(
    enum hsmime_form form, const struct text *text, const hsmime_certs *recipients)
{
	struct rewrapping r = {
		.options = HSMIME_REWRAP_OPTIONS_INIT, .data = text->data, .len = text->len
	};

	r.options.form = form;
	r.options.recipients = recipients;
	return r;
}

static int work(hsmime_ctx *ctx, hsmime_result **result, hsmime_output *out, void *arg)
{
	struct rewrapping *r = arg;
	hsmime_memory memory;
	hsmime_source in, slow;

	memory_source(&in, &memory, r->data, r->len);
	slow_source(&slow, &in);
	return hsmime_rewrap(ctx, result, out, r->slow ? &slow : &in, &r->options);
}

void rewrap_run(struct outcome *o, hsmime_ctx *ctx, struct rewrapping *r)
{
	api_run(o, ctx, work, r);
}

void original_make(hsmime_ctx *ctx, struct original *m, const hsmime_certs *certs)
{
	hsmime_encrypt_options options = HSMIME_ENCRYPT_OPTIONS_INIT;
	hsmime_certs *to = one_cert(m->to->cert);
	hsmime_output *out = text_output(&m->text);
	struct text plain = { 0 };
	hsmime_memory memory;
	hsmime_source in;

	for (size_t i = 0; i < hsmime_certs_count(certs); i++)
		assert_int_equal(hsmime_certs_add(to, hsmime_certs_get(certs, i)), 0);
	if (m->form == HSMIME_MAIL)
		text_add(&plain, mail_start, sizeof(mail_start) - 1);
	text_add(&plain, rewrap_entity, sizeof(rewrap_entity) - 1);
	memory_source(&in, &memory, plain.data, plain.len);
	if (m->indefinite)
		in.size = HSMIME_SIZE_UNKNOWN;
	options.form = m->form;
	options.format = m->format;
	options.cipher = m->cipher;
	options.recipients = to;
	options.no_encrypt_to_self = 1;
	options.force_recipient = 1;
	if (hsmime_encrypt(ctx, out, &in, &options) != 0)
		fail_msg("%s: %s", m->name, hsmime_ctx_error(ctx));
	hsmime_output_free(out);
	hsmime_certs_free(to);
	text_free(&plain);
}

static void put_file(const char *name, const void *data, size_t len)
{
	char path[512];
	FILE *f;

	api_path(path, sizeof(path), name);
	f = fopen(path, "w");
	assert_non_null(f);
	/* Nothing has no place. */
	if (len > 0)
		assert_int_equal(fwrite(data, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

/* A key made for the test, and worth nothing. */
static void put_peer(const struct peer *who)
{
	BIO *pem = BIO_new(BIO_s_mem());
	char *data = NULL;
	long len;

	assert_int_equal(PEM_write_bio_PrivateKey(pem, who->key, NULL, NULL, 0, NULL, NULL), 1);
	assert_int_equal(PEM_write_bio_X509(pem, who->cert), 1);
	len = BIO_get_mem_data(pem, &data);
	put_file("peer.pem", data, (size_t)len);
	BIO_free(pem);
}

static bool is_entity(const char *data, size_t len)
{
	static const char version[] = "MIME-Version: 1.0\r\n";
	size_t skip = sizeof(version) - 1;

	if (len > skip && memcmp(data, version, skip) == 0) {
		data += skip;
		len -= skip;
	}
	return len == sizeof(rewrap_entity) - 1 && memcmp(data, rewrap_entity, len) == 0;
}

bool tool_opens(const struct peer *who, const struct text *text, const char *form)
{
	char command[2048], data[4096];
	size_t len = 0;
	size_t got;
	FILE *f;

	put_peer(who);
	put_file("message", text->data, text->len);
	snprintf(command, sizeof(command),
	    "cd '%s' && openssl cms -decrypt -binary -inform %s -in message -recip peer.pem -inkey "
	    "peer.pem 2>/dev/null",
	    api_token.folder, form);
	f = popen(command, "r");
	assert_non_null(f);
	while ((got = fread(data + len, 1, sizeof(data) - len, f)) > 0)
		len += got;
	return pclose(f) == 0 && is_entity(data, len);
}

struct opened {
	const struct text *text;
	enum hsmime_form form;
};

static int decrypt(hsmime_ctx *ctx, hsmime_result **result, hsmime_output *out, void *arg)
{
	hsmime_decrypt_options options = HSMIME_DECRYPT_OPTIONS_INIT;
	const struct opened *o = arg;
	hsmime_memory memory;
	hsmime_source in;

	memory_source(&in, &memory, o->text->data, o->text->len);
	options.form = o->form;
	options.entity = 1;
	return hsmime_decrypt(ctx, result, out, &in, &options);
}

bool token_opens(hsmime_ctx *ctx, const struct text *text, enum hsmime_form form)
{
	struct opened opened = { text, form };
	struct outcome o;
	bool opens;

	api_run(&o, ctx, decrypt, &opened);
	opens = o.status == 0 && is_entity(o.output.data, o.output.len);
	outcome_clear(&o);
	return opens;
}
