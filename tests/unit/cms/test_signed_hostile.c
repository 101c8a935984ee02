/* Tampered, truncated, oversized and failing input never gives a valid verdict. */
#include "cms/signed_support.h"

#include <stdio.h>

static struct identity rsa;
static struct identity stranger;
static struct buffer
    der; /* attached, DER, with a stranger's certificate and an unsigned attribute */
static struct buffer ber;      /* attached, indefinite lengths, ECDSA */
static struct buffer detached; /* DER */

static const char text[] = "hello\r\n";

/* Adds an unsigned attribute to a message in DER. */
static void add_unsigned_attribute(struct buffer *b)
{
	const unsigned char *p = b->data;
	CMS_ContentInfo *cms = d2i_CMS_ContentInfo(NULL, &p, (long)b->len);
	CMS_SignerInfo *si = sk_CMS_SignerInfo_value(CMS_get0_SignerInfos(cms), 0);
	unsigned char *out = NULL;
	int len = 0;

	assert_int_equal(
	    CMS_unsigned_add1_attr_by_txt(si, "1.2.3.4", V_ASN1_OCTET_STRING, "unsigned", 8), 1);
	len = i2d_CMS_ContentInfo(cms, &out);
	buffer_reset(b);
	buffer_add(b, out, (size_t)len);
	OPENSSL_free(out);
	CMS_ContentInfo_free(cms);
}

static int make_messages(void **state)
{
	struct signed_write request = { .content_size = sizeof(text) - 1,
		.signing_time = 1700000000 };

	(void)state;
	identity_new(&rsa, EVP_RSA_gen(1024), "Signer", 5);
	identity_new(&stranger, EVP_EC_gen("P-256"), "Stranger", 6);
	request.key = rsa.key;
	request.certificate = rsa.cert;
	request.chain = sk_X509_new_null();
	sk_X509_push(request.chain, stranger.cert);
	assert_int_equal(sign_memory(&der, &request, text), 0);
	add_unsigned_attribute(&der);
	request.detached = true;
	assert_int_equal(sign_memory(&detached, &request, text), 0);
	sk_X509_free(request.chain);
	request = (struct signed_write){ .key = stranger.key,
		.certificate = stranger.cert,
		.content_size = HSMIME_SIZE_UNKNOWN };
	assert_int_equal(sign_memory(&ber, &request, text), 0);
	return 0;
}

static int free_messages(void **state)
{
	(void)state;
	identity_free(&rsa);
	identity_free(&stranger);
	buffer_free(&der);
	buffer_free(&ber);
	buffer_free(&detached);
	return 0;
}

/* Octets [start, end) of a message. */
struct range {
	size_t start;
	size_t end;
};

/* Where needle lies in b, the last time. */
static struct range find(const struct buffer *b, const unsigned char *needle, size_t len)
{
	struct range r = { 0, 0 };

	for (size_t i = 0; i + len <= b->len; i++)
		if (memcmp(b->data + i, needle, len) == 0)
			r = (struct range){ i, i + len };
	assert_true(r.end > 0);
	return r;
}

static struct range find_certificate(const struct buffer *b, X509 *cert)
{
	unsigned char *out = NULL;
	int len = i2d_X509(cert, &out);
	struct range r = find(b, out, (size_t)len);

	OPENSSL_free(out);
	return r;
}

static struct range find_sid(const struct buffer *b, X509 *cert)
{
	PKCS7_ISSUER_AND_SERIAL *is = PKCS7_ISSUER_AND_SERIAL_new();
	unsigned char *out = NULL;
	struct range r = { 0, 0 };
	int len = 0;

	X509_NAME_set(&is->issuer, X509_get_issuer_name(cert));
	ASN1_INTEGER_free(is->serial);
	is->serial = ASN1_INTEGER_dup(X509_get0_serialNumber(cert));
	len = i2d_PKCS7_ISSUER_AND_SERIAL(is, &out);
	r = find(b, out, (size_t)len);
	OPENSSL_free(out);
	PKCS7_ISSUER_AND_SERIAL_free(is);
	return r;
}

/*
 * What no signature covers: the version of SignedData (the octets behind the
 * two headers and the OID) and of the SignerInfo (before its sid), certificates
 * that are not the signer's, unsigned attributes, and the spelling of the
 * issuer's name in the sid, which is compared without regard to case and
 * string type while the signing-certificate attribute binds the certificate.
 * Inside a SignerInfo OpenSSL reads an OBJECT IDENTIFIER or SET OF whatever its
 * constructed bit is; what is hashed is made anew, with the right one.
 */
static bool is_unprotected(size_t at, unsigned char mask)
{
	static const unsigned char attribute[] = { 0x06, 0x03, 0x2a, 0x03, 0x04 };
	struct range sid = find_sid(&der, rsa.cert);
	struct range cert = find_certificate(&der, stranger.cert);
	struct range loose = find(&der, attribute, sizeof(attribute));

	if (at >= sid.start && mask == V_ASN1_CONSTRUCTED &&
	    memchr("\x06\x31\xa0", der.data[at], 3) != NULL)
		return true;
	return (at >= 25 && at < 26) || (at >= sid.start - 3 && at < sid.end) ||
	       (at >= cert.start && at < cert.end) || at >= loose.start - 4;
}

static void no_changed_octet_that_is_signed_is_accepted(void **state)
{
	static const unsigned char masks[] = { 0x01, 0x20, 0x80, 0xff };

	(void)state;
	assert_int_equal(verify_memory(der.data, der.len, NULL, false), 0);
	for (size_t i = 0; i < der.len * 4; i++) {
		size_t at = i / 4;
		int status = 0;

		der.data[at] ^= masks[i % 4];
		status = verify_memory(der.data, der.len, NULL, false);
		der.data[at] ^= masks[i % 4];
		if (status == 0 && !is_unprotected(at, masks[i % 4]))
			fail_msg("octet %zu changed by 0x%02x is accepted", at, masks[i % 4]);
	}
}

static void a_truncated_message_is_malformed(void **state)
{
	const struct buffer *messages[] = { &der, &ber, &detached };

	(void)state;
	for (size_t m = 0; m < 3; m++)
		for (size_t len = 0; len < messages[m]->len; len++)
			assert_int_equal(
			    verify_memory(messages[m]->data, len, m == 2 ? text : NULL, false),
			    HSMIME_EFORMAT);
}

static void one_octet_at_a_time_gives_the_same(void **state)
{
	const struct buffer *messages[] = { &der, &ber, &detached };
	struct memory_source m, beside_m;
	hsmime_source source, beside;
	struct signed_read request = { .text = false };
	struct signed_result r;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		memory_open(&source, &m, messages[i]->data, messages[i]->len, 1);
		memory_open(&beside, &beside_m, text, strlen(text), 1);
		request.detached = i == 2 ? &beside : NULL;
		assert_int_equal(read_source(&r, &source, &request), 0);
		assert_int_equal(verdict(&r), 0);
		signed_result_free(&r);
	}
}

static void a_source_that_fails_anywhere_is_its_status(void **state)
{
	struct memory_source m, beside_m;
	hsmime_source source, beside;
	struct signed_read request = { .detached = &beside };
	struct signed_result r;

	(void)state;
	for (size_t at = 0; at < detached.len; at++) {
		memory_open(&source, &m, detached.data, detached.len, 7);
		memory_open(&beside, &beside_m, text, strlen(text), SIZE_MAX);
		m.fail_at = at;
		assert_int_equal(read_source(&r, &source, &request), HSMIME_EIO);
		assert_null(r.signers);
	}
	for (size_t at = 0; at < strlen(text); at++) {
		memory_open(&source, &m, detached.data, detached.len, SIZE_MAX);
		memory_open(&beside, &beside_m, text, strlen(text), 1);
		beside_m.fail_at = at;
		assert_int_equal(read_source(&r, &source, &request), HSMIME_EIO);
	}
}

static void a_sink_that_fails_anywhere_is_its_status(void **state)
{
	const struct buffer *messages[] = { &der, &ber };
	struct memory_source m;
	hsmime_source source;
	struct signed_result r;

	(void)state;
	for (size_t i = 0; i < 2; i++)
		for (size_t at = 0; at < strlen(text); at++) {
			struct failing_sink f = { at };
			struct signed_read request = { .content = { failing_write, &f } };

			memory_open(&source, &m, messages[i]->data, messages[i]->len, 1);
			assert_int_equal(read_source(&r, &source, &request), HSMIME_EIO);
			assert_null(r.signers);
			assert_null(r.certificates);
		}
}

static void content_leaves_as_it_was_signed(void **state)
{
	const struct buffer *messages[] = { &der, &ber };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct signed_read request = { .text = true };
		struct signed_result r;
		struct buffer content;

		buffer_init(&content, 100);
		sink_buffer(&request.content, &content);
		assert_int_equal(read_memory(&r, messages[i]->data, messages[i]->len, &request), 0);
		assert_int_equal(content.len, strlen(text));
		assert_memory_equal(content.data, text, content.len);
		assert_int_equal(r.content_size, content.len);
		signed_result_free(&r);
		buffer_free(&content);
	}
}

/* A SignedData with the given digestAlgorithms and signerInfos, without content. */
static void frame(struct buffer *out, const struct buffer *digests, const struct buffer *signers)
{
	static const char start[] =
	    "\x30\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02\xa0\x80\x30\x80"
	    "\x02\x01\x01\x31\x80";
	static const char middle[] = "\x00\x00\x30\x0b\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01"
				     "\x31\x80";

	buffer_init(out, MEMORY_MAX);
	buffer_add(out, start, sizeof(start) - 1);
	buffer_add(out, digests->data, digests->len);
	buffer_add(out, middle, sizeof(middle) - 1);
	buffer_add(out, signers->data, signers->len);
	buffer_add(out, "\0\0\0\0\0\0\0\0", 8);
}

static int read_frame(const struct buffer *digests, const struct buffer *signers, size_t *count)
{
	struct signed_read request = { .text = false };
	struct signed_result r;
	struct buffer b;
	int status = 0;

	frame(&b, digests, signers);
	status = read_memory(&r, b.data, b.len, &request);
	*count = r.count;
	signed_result_free(&r);
	buffer_free(&b);
	return status;
}

static void lists_are_bounded(void **state)
{
	static const unsigned char sha256[] = { 0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
		0x65, 0x03, 0x04, 0x02, 0x01 };
	static const unsigned char signer[] = { 0x30, 0x15, 0x02, 0x01, 0x03, 0x80, 0x01, 0x00,
		0x30, 0x03, 0x06, 0x01, 0x2a, 0x30, 0x03, 0x06, 0x01, 0x2a, 0x04, 0x03, 0x01, 0x02,
		0x03 };
	struct buffer digests, signers;
	size_t count = 0;

	(void)state;
	buffer_init(&digests, MEMORY_MAX);
	buffer_init(&signers, MEMORY_MAX);
	for (int i = 0; i < 64; i++) {
		buffer_add(&digests, sha256, sizeof(sha256));
		buffer_add(&signers, signer, sizeof(signer));
	}
	assert_int_equal(read_frame(&digests, &signers, &count), 0);
	assert_int_equal(count, 64);
	buffer_add(&digests, sha256, sizeof(sha256));
	assert_int_equal(read_frame(&digests, &signers, &count), HSMIME_EFORMAT);
	digests.len -= sizeof(sha256);
	buffer_add(&signers, signer, sizeof(signer));
	assert_int_equal(read_frame(&digests, &signers, &count), HSMIME_EFORMAT);
	buffer_free(&digests);
	buffer_free(&signers);
}

static void signer_infos_of_more_than_a_megabyte_are_refused(void **state)
{
	unsigned char head[] = { 0x30, 0x84, 0, 0x10, 0, 0 };
	struct buffer digests, signers;
	size_t count = 0;

	(void)state;
	buffer_init(&digests, MEMORY_MAX);
	buffer_init(&signers, MEMORY_MAX);
	buffer_add(&signers, head, sizeof(head));
	memset(buffer_extend(&signers, 0x100000), 0, 0x100000);
	assert_int_equal(read_frame(&digests, &signers, &count), HSMIME_EFORMAT);
	buffer_free(&digests);
	buffer_free(&signers);
}

static void what_is_not_cms_is_malformed(void **state)
{
	static const char *const inputs[] = { "", "\x30", "\x30\x80", "From: nobody", "\x05",
		"\x31\x03", "\x30\x84\xff\xff\xff\xff\x06\x01\x2a" };

	(void)state;
	for (size_t i = 0; i < sizeof(inputs) / sizeof(inputs[0]); i++)
		assert_int_equal(
		    verify_memory(inputs[i], strlen(inputs[i]), NULL, false), HSMIME_EFORMAT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_changed_octet_that_is_signed_is_accepted),
		cmocka_unit_test(a_truncated_message_is_malformed),
		cmocka_unit_test(one_octet_at_a_time_gives_the_same),
		cmocka_unit_test(a_source_that_fails_anywhere_is_its_status),
		cmocka_unit_test(a_sink_that_fails_anywhere_is_its_status),
		cmocka_unit_test(content_leaves_as_it_was_signed),
		cmocka_unit_test(lists_are_bounded),
		cmocka_unit_test(signer_infos_of_more_than_a_megabyte_are_refused),
		cmocka_unit_test(what_is_not_cms_is_malformed),
	};

	return cmocka_run_group_tests(tests, make_messages, free_messages);
}
