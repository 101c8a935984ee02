/* What a message is on its outside; and of every message cut short, that it is malformed at worst. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/cms.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "archive/inspect.h"
#include "util/source.h"

#define MAIL "Date: Fri, 21 Nov 1997 09:55:06 -0600\r\nFrom: a@example.test\r\n"

static struct inspection found;
static struct error err;
static EVP_PKEY *key;
static X509 *certificate;

static void look(const void *data, size_t len)
{
	struct cms_env env = { NULL, &err };
	hsmime_memory memory = { .data = data, .len = len };
	hsmime_source source;

	inspection_free(&found);
	memset(&found, 0, sizeof(found));
	memset(&err, 0, sizeof(err));
	hsmime_source_memory(&source, &memory);
	if (inspect(&found, &source, &env) != 0)
		fail_msg("%s", err.message);
}

static void mail_is(const char *text, enum inspect_kind kind)
{
	look(text, strlen(text));
	if (found.kind != kind)
		fail_msg(
		    "%s instead of %s: %s", inspect_word(found.kind), inspect_word(kind), text);
}

static int set_up(void **state)
{
	(void)state;
	key = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
	certificate = X509_new();
	if (key == NULL || certificate == NULL)
		return -1;
	ASN1_INTEGER_set(X509_get_serialNumber(certificate), 0x1234);
	X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
	X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
	    (const unsigned char *)"alice", -1, -1, 0);
	X509_set_issuer_name(certificate, X509_get_subject_name(certificate));
	X509_set_pubkey(certificate, key);
	return X509_sign(certificate, key, EVP_sha256()) > 0 ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	inspection_free(&found);
	X509_free(certificate);
	EVP_PKEY_free(key);
	return 0;
}

/* CMS in DER; the caller frees *der. */
static size_t encrypted(unsigned char **der, const EVP_CIPHER *cipher)
{
	STACK_OF(X509) *to = sk_X509_new_null();
	BIO *content = BIO_new_mem_buf("Agreed: 5.", -1);
	CMS_ContentInfo *cms;
	int len;

	sk_X509_push(to, certificate);
	cms = CMS_encrypt(to, content, cipher, CMS_BINARY);
	assert_non_null(cms);
	*der = NULL;
	len = i2d_CMS_ContentInfo(cms, der);
	assert_true(len > 0);
	CMS_ContentInfo_free(cms);
	BIO_free(content);
	sk_X509_free(to);
	return (size_t)len;
}

static size_t signed_opaque(unsigned char **der)
{
	BIO *content = BIO_new_mem_buf("Agreed: 5.", -1);
	CMS_ContentInfo *cms = CMS_sign(certificate, key, NULL, content, CMS_BINARY);
	int len;

	assert_non_null(cms);
	*der = NULL;
	len = i2d_CMS_ContentInfo(cms, der);
	assert_true(len > 0);
	CMS_ContentInfo_free(cms);
	BIO_free(content);
	return (size_t)len;
}

/* The CMS as an S/MIME mail; the caller frees it. */
static char *smime(const unsigned char *der, size_t len)
{
	static const char header[] = MAIL "Content-Type: application/pkcs7-mime; name=smime.p7m\r\n"
					  "Content-Transfer-Encoding: base64\r\n\r\n";
	char *mail = malloc(sizeof(header) + len * 4 / 3 + 8);

	assert_non_null(mail);
	memcpy(mail, header, sizeof(header));
	EVP_EncodeBlock((unsigned char *)mail + sizeof(header) - 1, der, (int)len);
	return mail;
}

static void recipient_is_alice(const char *cipher)
{
	unsigned char *serial = NULL;
	int len = i2d_ASN1_INTEGER(X509_get0_serialNumber(certificate), &serial);

	assert_string_equal(found.envelope.cipher, cipher);
	assert_int_equal(found.envelope.count, 1);
	assert_string_equal(found.envelope.recipients[0].algorithm, "RSA PKCS#1 v1.5");
	assert_int_equal(found.envelope.recipients[0].serial_len, len);
	assert_memory_equal(found.envelope.recipients[0].serial, serial, len);
	OPENSSL_free(serial);
}

static void an_envelope_tells_cipher_and_recipients(void **state)
{
	static const struct {
		const EVP_CIPHER *(*cipher)(void);
		enum inspect_kind kind;
		const char *name;
	} rows[] = { { EVP_aes_128_cbc, INSPECT_ENCRYPTED, "AES-128-CBC" },
		{ EVP_aes_256_cbc, INSPECT_ENCRYPTED, "AES-256-CBC" },
		{ EVP_des_ede3_cbc, INSPECT_ENCRYPTED, "3DES-CBC" },
		{ EVP_aes_256_gcm, INSPECT_AUTH_ENCRYPTED, "AES-256-GCM" } };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unsigned char *der;
		size_t len = encrypted(&der, rows[i].cipher());
		char *mail = smime(der, len);

		look(der, len);
		assert_int_equal(found.kind, rows[i].kind);
		assert_false(found.has_date);
		recipient_is_alice(rows[i].name);
		mail_is(mail, rows[i].kind);
		recipient_is_alice(rows[i].name);
		assert_true(found.has_date);
		assert_int_equal(found.date, 880127706);
		free(mail);
		OPENSSL_free(der);
	}
}

static void a_cipher_that_is_not_supported_hides_no_recipient(void **state)
{
	unsigned char *der;
	size_t len = encrypted(&der, EVP_camellia_128_cbc());

	(void)state;
	look(der, len);
	assert_int_equal(found.kind, INSPECT_ENCRYPTED);
	assert_null(found.envelope.cipher);
	assert_int_equal(found.envelope.count, 1);
	assert_int_equal(err.code, 0);
	OPENSSL_free(der);
}

static void a_signature_outside_is_one(void **state)
{
	unsigned char *der;
	size_t len = signed_opaque(&der);
	char *mail = smime(der, len);

	(void)state;
	look(der, len);
	assert_int_equal(found.kind, INSPECT_SIGNED_OPAQUE);
	mail_is(mail, INSPECT_SIGNED_OPAQUE);
	mail_is(MAIL "Content-Type: multipart/signed; boundary=b; micalg=sha-256;\r\n"
		     "\tprotocol=\"application/pkcs7-signature\"\r\n\r\n--b\r\n",
	    INSPECT_SIGNED);
	free(mail);
	OPENSSL_free(der);
}

static void other_mail_is_plain(void **state)
{
	(void)state;
	mail_is(MAIL "\r\nAgreed.\r\n", INSPECT_PLAIN);
	mail_is("Subject: no date\n\n", INSPECT_PLAIN);
	assert_false(found.has_date);
	mail_is("Date: some day\nSubject: x\n\n", INSPECT_PLAIN);
	assert_false(found.has_date);
	mail_is("0: a field may be called so\n\nx", INSPECT_PLAIN);
	mail_is(MAIL
	    "Content-Type: multipart/signed; boundary=b; protocol=application/pgp-signature\n\n",
	    INSPECT_PLAIN);
}

static void what_is_neither_is_malformed(void **state)
{
	(void)state;
	mail_is("", INSPECT_MALFORMED);
	mail_is("no mail at all\n", INSPECT_MALFORMED);
	mail_is(MAIL "Content-Type: application/pkcs7-mime\n\nthis is no base64 of CMS\n",
	    INSPECT_MALFORMED);
	mail_is(MAIL "Content-Type: application/pkcs7-mime\nContent-Transfer-Encoding: base64\n\n",
	    INSPECT_MALFORMED);
	look("\x30\x82", 2);
	assert_int_equal(found.kind, INSPECT_MALFORMED);
}

/* Cut at every octet: malformed up to the content's cipher, and known from there on. */
static void what_is_cut_short_is_malformed_until_all_is_known(void **state)
{
	unsigned char *der;
	size_t len = encrypted(&der, EVP_aes_128_cbc()), known = 0;

	(void)state;
	for (size_t cut = 2; cut <= len; cut++) {
		unsigned char *copy = malloc(cut);

		assert_non_null(copy);
		memcpy(copy, der, cut);
		look(copy, cut);
		if (found.kind == INSPECT_ENCRYPTED && known == 0)
			known = cut;
		assert_int_equal(found.kind, known != 0 ? INSPECT_ENCRYPTED : INSPECT_MALFORMED);
		assert_int_equal(found.envelope.count, known != 0 ? 1 : 0);
		free(copy);
	}
	assert_true(known > 0 && known < len);
	OPENSSL_free(der);
}

/* At most `step` octets at a time; *octets counts them. */
struct trickle {
	hsmime_memory memory;
	size_t step, octets;
};

static ptrdiff_t trickle_read(void *arg, void *buf, size_t len)
{
	struct trickle *t = arg;
	size_t left = t->memory.len - t->memory.pos;

	len = len < t->step ? len : t->step;
	len = len < left ? len : left;
	memcpy(buf, (const unsigned char *)t->memory.data + t->memory.pos, len);
	t->memory.pos += len;
	t->octets += len;
	return (ptrdiff_t)len;
}

static size_t looked_at_by_steps(const char *mail, size_t step)
{
	struct trickle t = { { mail, strlen(mail), 0 }, step, 0 };
	const hsmime_source source = { trickle_read, NULL, &t, strlen(mail) };
	struct cms_env env = { NULL, &err };

	inspection_free(&found);
	memset(&found, 0, sizeof(found));
	assert_int_equal(inspect(&found, &source, &env), 0);
	assert_int_equal(found.kind, INSPECT_ENCRYPTED);
	recipient_is_alice("AES-256-CBC");
	return t.octets;
}

/* However little comes at a time, and however long the header is; the content is not read. */
static void no_more_is_read_than_the_head(void **state)
{
	static const size_t headers[] = { 1, 100, 4000, 20000 };
	unsigned char *der;
	size_t len = encrypted(&der, EVP_aes_256_cbc());
	char *plain = smime(der, len);

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		size_t most = headers[i] + 100000;
		char *mail = malloc(most + 1);
		size_t before;

		assert_non_null(mail);
		memset(mail, 'x', headers[i]);
		memcpy(mail, "X:", headers[i] < 2 ? 0 : 2);
		before = headers[i] < 2 ? 0 : headers[i];
		snprintf(mail + before, most - before, "%s%s", before > 0 ? "\r\n" : "", plain);
		/* The content goes on; nobody looks whether it ends. */
		for (size_t end = strlen(mail); end < most; end++) {
			mail[end] = 'A';
			mail[end + 1] = '\0';
		}
		assert_in_range(looked_at_by_steps(mail, SIZE_MAX), 1, headers[i] + 16384);
		looked_at_by_steps(mail, 1);
		looked_at_by_steps(mail, 4095);
		free(mail);
	}
	free(plain);
	OPENSSL_free(der);
}

static ptrdiff_t broken_read(void *arg, void *buf, size_t len)
{
	(void)arg;
	(void)buf;
	(void)len;
	return HSMIME_EIO;
}

static int no_seek(void *arg, uint64_t offset)
{
	(void)arg;
	(void)offset;
	return 0;
}

static void what_can_t_be_read_is_an_error(void **state)
{
	const hsmime_source broken = { broken_read, no_seek, NULL, HSMIME_SIZE_UNKNOWN };
	struct cms_env env = { NULL, &err };
	struct inspection i = { 0 };

	(void)state;
	assert_int_equal(inspect(&i, &broken, &env), HSMIME_EIO);
	inspection_free(&i);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_envelope_tells_cipher_and_recipients),
		cmocka_unit_test(a_cipher_that_is_not_supported_hides_no_recipient),
		cmocka_unit_test(a_signature_outside_is_one),
		cmocka_unit_test(other_mail_is_plain),
		cmocka_unit_test(what_is_neither_is_malformed),
		cmocka_unit_test(what_is_cut_short_is_malformed_until_all_is_known),
		cmocka_unit_test(no_more_is_read_than_the_head),
		cmocka_unit_test(what_can_t_be_read_is_an_error),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
