/* hsmime_encrypt, read by OpenSSL; no token is needed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "peer.h"

static const char mail[] = "Received: from somewhere\n"
			   "From: Alice <alice@example.com>\n"
			   "To: Bob <bob@example.com>\n"
			   "Bcc: carol@example.com\n"
			   "Subject: =?utf-8?q?caf=C3=A9?=\n"
			   "MIME-Version: 1.0\n"
			   "Content-Type: text/plain; charset=utf-8\n"
			   "X-Odd:   folded\n\theader\n"
			   "\n"
			   "Secret caf\xc3\xa9.\n";

static const char plain_mail[] = "From: Alice <alice@example.com>\n"
				 "To: Bob <bob@example.com>\n"
				 "\n"
				 "Secret.\n";

struct run {
	int status;
	char error[512];
	struct text output;
};

static void encrypt(
    struct run *r, const char *text, size_t len, const hsmime_encrypt_options *options)
{
	hsmime_memory memory;
	hsmime_source in;
	hsmime_output *out;
	hsmime_ctx *ctx;

	*r = (struct run){ 0 };
	out = text_output(&r->output);
	memory_source(&in, &memory, text, len);
	assert_int_equal(hsmime_ctx_new(&ctx), 0);
	r->status = hsmime_encrypt(ctx, out, &in, options);
	snprintf(r->error, sizeof(r->error), "%s", hsmime_ctx_error(ctx));
	hsmime_ctx_free(ctx);
	hsmime_output_free(out);
}

static hsmime_encrypt_options options_for(const hsmime_certs *recipients, enum hsmime_form form)
{
	hsmime_encrypt_options options = HSMIME_ENCRYPT_OPTIONS_INIT;

	options.recipients = recipients;
	options.form = form;
	options.no_encrypt_to_self = 1;
	return options;
}

static const char *const ciphers[] = { "aes-128-cbc", "aes-256-cbc", "aes-128-gcm", "aes-256-gcm" };

static void octets_come_back_for_every_cipher_and_key(void **state)
{
	const struct peer *who[] = { &peer_alice, &peer_bob };

	(void)state;
	for (size_t c = 0; c < sizeof(ciphers) / sizeof(ciphers[0]); c++) {
		for (size_t p = 0; p < 2; p++) {
			hsmime_certs *to = one_cert(who[p]->cert);
			hsmime_encrypt_options options = options_for(to, HSMIME_CMS);
			struct text plain = { 0 };
			struct run r;

			options.cipher = ciphers[c];
			encrypt(&r, mail, strlen(mail), &options);
			assert_int_equal(r.status, 0);
			assert_true(peer_decrypt(&plain, who[p], r.output.data, r.output.len));
			assert_string_equal(plain.data, mail);
			text_free(&plain);
			text_free(&r.output);
			hsmime_certs_free(to);
		}
	}
}

/* Carol's message and its folder. */
static void remove_bcc(const char *folder)
{
	char path[100];

	snprintf(path, sizeof(path), "%s/carol@example.com.eml", folder);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(folder), 0);
}

static void outer_headers_stay_as_they_are_and_bcc_goes(void **state)
{
	char folder[] = "/tmp/hsmime-bcc-XXXXXX";
	hsmime_certs *to = one_cert(peer_bob.cert);
	hsmime_encrypt_options options = options_for(to, HSMIME_MAIL);
	struct run r;

	(void)state;
	assert_int_equal(hsmime_certs_add(to, peer_old.cert), 0);
	assert_non_null(mkdtemp(folder));
	options.force_recipient = 1;
	options.bcc_dir = folder;
	encrypt(&r, mail, strlen(mail), &options);
	assert_int_equal(r.status, 0);
	assert_memory_equal(r.output.data,
	    "Received: from somewhere\nFrom: Alice <alice@example.com>\n"
	    "To: Bob <bob@example.com>\nSubject: =?utf-8?q?caf=C3=A9?=\nX-Odd:   "
	    "folded\n\theader\n",
	    strlen("Received: from somewhere\nFrom: Alice <alice@example.com>\n"
		   "To: Bob <bob@example.com>\nSubject: =?utf-8?q?caf=C3=A9?=\nX-Odd:   "
		   "folded\n\theader\n"));
	assert_non_null(strstr(r.output.data, "smime-type=enveloped-data"));
	assert_null(strstr(r.output.data, "carol"));
	assert_null(strstr(r.output.data, "Secret"));
	remove_bcc(folder);
	text_free(&r.output);
	hsmime_certs_free(to);
}

static void an_expired_recipient_is_refused_unless_forced(void **state)
{
	hsmime_certs *to = one_cert(peer_old.cert);
	hsmime_encrypt_options options = options_for(to, HSMIME_CMS);
	struct run r;

	(void)state;
	encrypt(&r, mail, strlen(mail), &options);
	assert_int_equal(r.status, HSMIME_EPOLICY);
	assert_non_null(strstr(r.error, "expired"));
	assert_int_equal(r.output.len, 0);
	options.force_recipient = 1;
	encrypt(&r, mail, strlen(mail), &options);
	assert_int_equal(r.status, 0);
	text_free(&r.output);
	hsmime_certs_free(to);
}

static void a_recipient_whom_the_mail_does_not_name_is_refused(void **state)
{
	static const char other[] = "From: alice@example.com\nTo: dave@example.com\n\nhello\n";
	hsmime_certs *to = one_cert(peer_bob.cert);
	hsmime_encrypt_options options = options_for(to, HSMIME_MAIL);
	struct run r;

	(void)state;
	encrypt(&r, other, strlen(other), &options);
	assert_int_equal(r.status, HSMIME_EPOLICY);
	assert_int_equal(r.output.len, 0);
	hsmime_certs_free(to);
}

static void recipients_must_chain_to_the_anchors_given(void **state)
{
	hsmime_certs *to = one_cert(peer_bob.cert);
	hsmime_certs *right = anchors();
	hsmime_certs *wrong = one_cert(peer_alice.cert);
	hsmime_encrypt_options options = options_for(to, HSMIME_MAIL);
	struct run r;

	(void)state;
	options.anchors = wrong;
	encrypt(&r, plain_mail, strlen(plain_mail), &options);
	assert_int_equal(r.status, HSMIME_EPOLICY);
	assert_int_equal(r.output.len, 0);
	options.anchors = right;
	encrypt(&r, plain_mail, strlen(plain_mail), &options);
	assert_int_equal(r.status, 0);
	text_free(&r.output);
	hsmime_certs_free(to);
	hsmime_certs_free(right);
	hsmime_certs_free(wrong);
}

static void a_bcc_recipient_is_refused_or_gets_a_file(void **state)
{
	char folder[] = "/tmp/hsmime-bcc-XXXXXX";
	char path[100];
	hsmime_certs *to = one_cert(peer_bob.cert);
	hsmime_encrypt_options options = options_for(to, HSMIME_MAIL);
	struct run r;

	(void)state;
	assert_int_equal(hsmime_certs_add(to, peer_old.cert), 0);
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/carol@example.com.eml", folder);
	options.force_recipient = 1;
	encrypt(&r, mail, strlen(mail), &options);
	assert_int_equal(r.status, HSMIME_EPOLICY);
	assert_non_null(strstr(r.error, "Bcc"));
	assert_int_equal(r.output.len, 0);
	options.bcc_dir = folder;
	encrypt(&r, mail, strlen(mail), &options);
	assert_int_equal(r.status, 0);
	assert_int_equal(access(path, R_OK), 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(folder), 0);
	text_free(&r.output);
	hsmime_certs_free(to);
}

/* Nor is such a mail sent with somebody unnoticed in it. */
static void with_bcc_a_certificate_of_nobody_is_refused_though_forced(void **state)
{
	static const char other[] = "From: dave@example.com\nTo: erin@example.com\n"
				    "Bcc: carol@example.com\n\nhello\n";
	hsmime_certs *to = one_cert(peer_bob.cert);
	hsmime_encrypt_options options = options_for(to, HSMIME_MAIL);
	struct run r;

	(void)state;
	options.force_recipient = 1;
	encrypt(&r, other, strlen(other), &options);
	assert_int_equal(r.status, HSMIME_EPOLICY);
	assert_non_null(strstr(r.error, "Bcc"));
	assert_int_equal(r.output.len, 0);
	hsmime_certs_free(to);
}

static void a_bcc_recipient_without_a_certificate_is_an_error(void **state)
{
	hsmime_certs *to = one_cert(peer_bob.cert);
	hsmime_encrypt_options options = options_for(to, HSMIME_MAIL);
	struct run r;

	(void)state;
	encrypt(&r, mail, strlen(mail), &options);
	assert_int_equal(r.status, HSMIME_ENOKEY);
	assert_non_null(strstr(r.error, "carol@example.com"));
	assert_int_equal(r.output.len, 0);
	hsmime_certs_free(to);
}

static void an_unknown_cipher_and_nobody_are_usage_errors(void **state)
{
	hsmime_certs *to = one_cert(peer_bob.cert);
	hsmime_encrypt_options options = options_for(to, HSMIME_CMS);
	struct run r;

	(void)state;
	options.cipher = "rc2";
	encrypt(&r, mail, strlen(mail), &options);
	assert_int_equal(r.status, HSMIME_EUSAGE);
	options = options_for(NULL, HSMIME_CMS);
	encrypt(&r, mail, strlen(mail), &options);
	assert_int_equal(r.status, HSMIME_EUSAGE);
	assert_int_equal(r.output.len, 0);
	hsmime_certs_free(to);
}

struct full {
	size_t room;
};

static int take_until_full(void *arg, const void *buf, size_t len)
{
	struct full *f = arg;

	(void)buf;
	if (len > f->room)
		return HSMIME_EIO;
	f->room -= len;
	return 0;
}

static void a_write_that_fails_at_any_offset_is_an_io_error(void **state)
{
	hsmime_certs *to = one_cert(peer_bob.cert);
	hsmime_encrypt_options options = options_for(to, HSMIME_MAIL);
	struct run whole;

	(void)state;
	encrypt(&whole, plain_mail, strlen(plain_mail), &options);
	for (size_t room = 0; room + 100 < whole.output.len; room++) {
		struct full f = { .room = room };
		hsmime_sink sink = { .write = take_until_full, .arg = &f };
		hsmime_output *out;
		hsmime_memory memory;
		hsmime_source in;
		hsmime_ctx *ctx;

		memory_source(&in, &memory, plain_mail, strlen(plain_mail));
		assert_int_equal(hsmime_output_callback(&out, &sink), 0);
		assert_int_equal(hsmime_ctx_new(&ctx), 0);
		assert_int_equal(hsmime_encrypt(ctx, out, &in, &options), HSMIME_EIO);
		hsmime_ctx_free(ctx);
		hsmime_output_free(out);
	}
	text_free(&whole.output);
	hsmime_certs_free(to);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(octets_come_back_for_every_cipher_and_key),
		cmocka_unit_test(outer_headers_stay_as_they_are_and_bcc_goes),
		cmocka_unit_test(an_expired_recipient_is_refused_unless_forced),
		cmocka_unit_test(a_recipient_whom_the_mail_does_not_name_is_refused),
		cmocka_unit_test(recipients_must_chain_to_the_anchors_given),
		cmocka_unit_test(a_bcc_recipient_is_refused_or_gets_a_file),
		cmocka_unit_test(with_bcc_a_certificate_of_nobody_is_refused_though_forced),
		cmocka_unit_test(a_bcc_recipient_without_a_certificate_is_an_error),
		cmocka_unit_test(an_unknown_cipher_and_nobody_are_usage_errors),
		cmocka_unit_test(a_write_that_fails_at_any_offset_is_an_io_error),
	};

	return cmocka_run_group_tests(tests, peer_setup, peer_teardown);
}
