/* What the writer makes, the reader opens: ciphers, key transports, forms, recipients. */
#include "cms/enveloped_support.h"

#include <openssl/cms.h>
#include <openssl/core_names.h>
#include <openssl/objects.h>

#include "cms/content_cipher.h"

static struct party rsa;
static struct party rsa_other;
static struct party p256;
static struct party p384;
static struct party p521;
static struct party k256;

static const char *const ciphers[] = { "aes-128-cbc", "aes-256-cbc", "aes-128-gcm", "aes-256-gcm" };
static const char *const labels[] = { "AES-128-CBC", "AES-256-CBC", "AES-128-GCM", "AES-256-GCM" };
static const size_t sizes[] = { 0, 1, 15, 16, 17, 65535, 65536, 65537, 200000 };
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static int setup(void **state)
{
	(void)state;
	rsa = party_rsa(1);
	rsa_other = party_rsa(2);
	p256 = party_ec("P-256", 3);
	p384 = party_ec("P-384", 4);
	p521 = party_ec("P-521", 5);
	k256 = party_ec("secp256k1", 6);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	party_free(&rsa);
	party_free(&rsa_other);
	party_free(&p256);
	party_free(&p384);
	party_free(&p521);
	party_free(&k256);
	return 0;
}

/* OpenSSL's parser and DER encoder must give the same octets. */
static void expect_der(const struct buffer *message)
{
	const unsigned char *p = message->data;
	CMS_ContentInfo *cms = d2i_CMS_ContentInfo(NULL, &p, (long)message->len);
	unsigned char *der = NULL;
	int len;

	assert_non_null(cms);
	assert_ptr_equal(p, message->data + message->len);
	len = i2d_CMS_ContentInfo(cms, &der);
	assert_int_equal(len, message->len);
	assert_memory_equal(der, message->data, message->len);
	OPENSSL_free(der);
	CMS_ContentInfo_free(cms);
}

static void round_trip(const struct party *to, enum hsmime_key_transport transport)
{
	unsigned char *plain = some_octets(200000);

	for (size_t c = 0; c < COUNT(ciphers); c++) {
		for (size_t i = 0; i < 2 * COUNT(sizes); i++) {
			struct sealing s = { .to = { to },
				.cipher = ciphers[c],
				.transport = transport,
				.indefinite = i % 2 == 1 };
			struct opening o = { .key = to->key };
			struct buffer message;

			seal(&message, &s, plain, sizes[i / 2]);
			if (!s.indefinite)
				expect_der(&message);
			assert_int_equal(open_message(&o, message.data, message.len), 0);
			assert_string_equal(o.result.cipher, labels[c]);
			assert_int_equal(o.result.authenticated, c >= 2);
			assert_int_equal(o.result.content_type, CMS_DATA);
			assert_int_equal(
			    o.result.recipients[0].oaep, transport == HSMIME_KEY_TRANSPORT_OAEP);
			opening_clear(&o);
			expect_plain(&o, &message, plain, sizes[i / 2]);
			buffer_free(&message);
		}
	}
	free(plain);
}

static void every_cipher_opens_with_pkcs1(void **state)
{
	(void)state;
	round_trip(&rsa, HSMIME_KEY_TRANSPORT_PKCS1);
}

static void every_cipher_opens_with_oaep(void **state)
{
	(void)state;
	round_trip(&rsa, HSMIME_KEY_TRANSPORT_OAEP);
}

static void every_cipher_opens_with_ec_keys(void **state)
{
	(void)state;
	round_trip(&p256, HSMIME_KEY_TRANSPORT_AUTO);
	round_trip(&p384, HSMIME_KEY_TRANSPORT_AUTO);
	round_trip(&p521, HSMIME_KEY_TRANSPORT_AUTO);
}

/* One key in 256 ends with a zero octet, which a copy of a BIT STRING easily loses. */
static void a_key_that_ends_with_zero_opens(void **state)
{
	struct party p = { NULL, NULL };
	unsigned char point[65];
	size_t len;

	(void)state;
	do {
		party_free(&p);
		p = party_ec("P-256", 11);
		assert_int_equal(EVP_PKEY_get_octet_string_param(
				     p.key, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point), &len),
		    1);
	} while (point[len - 1] != 0);
	round_trip(&p, HSMIME_KEY_TRANSPORT_AUTO);
	party_free(&p);
}

static void every_recipient_opens(void **state)
{
	const struct party *all[] = { &rsa, &p256, &rsa_other, &p521 };
	unsigned char *plain = some_octets(1000);

	(void)state;
	for (int key_id = 0; key_id < 2; key_id++) {
		struct sealing s = { .to = { &rsa, &p256, &rsa_other, &p521 },
			.cipher = "aes-256-gcm",
			.key_id = key_id };
		struct buffer message;
		int opened = 0;

		seal(&message, &s, plain, 1000);
		expect_der(&message);
		/* DER sorts the set, so each key finds its place by trying: GCM shows the right one. */
		for (size_t i = 0; i < 16; i++) {
			struct opening o = { .key = all[i / 4]->key, .index = i % 4 };

			open_message(&o, message.data, message.len);
			assert_int_equal(o.result.count, o.status == 0 ? 4 : 0);
			if (o.status == 0) {
				const struct recipient *r = &o.result.recipients[o.index];

				opened++;
				assert_int_equal(r->key_id != NULL, key_id);
				assert_int_equal(r->issuer != NULL && r->serial != NULL, !key_id);
			}
			opening_clear(&o);
		}
		assert_int_equal(opened, 4);
		buffer_free(&message);
	}
	free(plain);
}

static int version_of(const struct party *to, bool key_id, const char *cipher)
{
	struct sealing s = { .to = { to }, .cipher = cipher, .key_id = key_id, .indefinite = true };
	struct buffer message;
	unsigned oid_len;
	int version;

	seal(&message, &s, (const unsigned char *)"x", 1);
	oid_len = message.data[3];
	/* SEQUENCE, OID, [0], SEQUENCE, INTEGER */
	version = message.data[4 + oid_len + 2 + 2 + 2];
	buffer_free(&message);
	return version;
}

static void versions_are_those_of_the_rfc(void **state)
{
	(void)state;
	assert_int_equal(version_of(&rsa, false, "aes-128-cbc"), 0);
	assert_int_equal(version_of(&rsa, true, "aes-128-cbc"), 2);
	assert_int_equal(version_of(&p256, false, "aes-128-cbc"), 2);
	assert_int_equal(version_of(&p256, true, "aes-128-gcm"), 0);
}

static void write_sizes_change_nothing(void **state)
{
	static const size_t steps[] = { 1, 7, 16, 4096, 65536, 100001 };
	unsigned char *plain = some_octets(150000);

	(void)state;
	for (size_t i = 0; i < 2 * COUNT(steps); i++) {
		struct sealing s = { .to = { &rsa },
			.cipher = i % 2 ? "aes-256-gcm" : "aes-128-cbc",
			.indefinite = true };
		struct opening o = { .key = rsa.key, .step = i };
		struct buffer whole;
		struct buffer pieces;

		seal(&whole, &s, plain, 150000);
		s.step = steps[i / 2];
		seal(&pieces, &s, plain, 150000);
		assert_int_equal(whole.len, pieces.len);
		expect_plain(&o, &pieces, plain, 150000);
		buffer_free(&whole);
		buffer_free(&pieces);
	}
	free(plain);
}

static void content_of_another_size_than_announced_is_refused(void **state)
{
	X509 *cert = rsa.cert;
	unsigned char data[32] = { 0 };

	(void)state;
	for (size_t given = 0; given < 32; given++) {
		struct cms_env env = { NULL, NULL };
		struct enveloped_write request = { .recipients = sk_X509_new_null(),
			.cipher = "aes-128-cbc",
			.content_size = 16 };
		struct enveloped_writer *w = NULL;
		hsmime_sink nowhere;
		hsmime_sink content;
		int status;

		sink_null(&nowhere);
		sk_X509_push(request.recipients, cert);
		assert_int_equal(enveloped_writer_new(&w, &content, &request, &nowhere, &env), 0);
		status = content.write(content.arg, data, given);
		assert_int_equal(status, given > 16 ? HSMIME_EUSAGE : 0);
		assert_int_equal(enveloped_writer_finish(w), given == 16 ? 0 : HSMIME_EUSAGE);
		assert_int_not_equal(enveloped_writer_finish(w), 0);
		enveloped_writer_free(w);
		sk_X509_free(request.recipients);
	}
}

static void requests_without_sense_are_refused(void **state)
{
	struct sealing nobody = { .cipher = "aes-128-cbc" };
	struct sealing unknown = { .to = { &rsa }, .cipher = "des-ede3-cbc" };
	struct sealing none = { .to = { &rsa } };
	struct sealing curve = { .to = { &rsa, &k256 }, .cipher = "aes-128-cbc" };
	struct buffer out;

	(void)state;
	assert_int_equal(seal_try(&out, &nobody, NULL, 0), HSMIME_EUSAGE);
	assert_int_equal(seal_try(&out, &unknown, NULL, 0), HSMIME_EUSAGE);
	assert_int_equal(seal_try(&out, &none, NULL, 0), HSMIME_EUSAGE);
	assert_int_equal(seal_try(&out, &curve, NULL, 0), HSMIME_EUNSUPPORTED);
	assert_int_equal(out.len, 0);
	enveloped_writer_free(NULL);
	enveloped_result_free(NULL);
}

static void gcm_has_its_limit(void **state)
{
	struct cms_env env = { NULL, NULL };
	struct enveloped_write request = { .recipients = sk_X509_new_null(),
		.cipher = "aes-128-gcm",
		.content_size = CONTENT_GCM_MAX };
	struct enveloped_writer *w = NULL;
	hsmime_sink nowhere;
	hsmime_sink content;

	(void)state;
	sink_null(&nowhere);
	sk_X509_push(request.recipients, rsa.cert);
	assert_int_equal(enveloped_writer_new(&w, &content, &request, &nowhere, &env), 0);
	enveloped_writer_free(w);
	request.content_size++;
	assert_int_equal(
	    enveloped_writer_new(&w, &content, &request, &nowhere, &env), HSMIME_EUNSUPPORTED);
	assert_null(w);
	sk_X509_free(request.recipients);
}

static void names_say_whether_content_is_authenticated(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(ciphers); i++)
		assert_int_equal(enveloped_is_authenticated(ciphers[i]), i >= 2);
	assert_int_equal(enveloped_is_authenticated("aes-192-cbc"), -1);
	assert_int_equal(enveloped_is_authenticated(NULL), -1);
}

static bool uses_oaep(const struct party *to, enum hsmime_key_transport transport)
{
	struct sealing s = { .to = { to }, .cipher = "aes-128-gcm", .transport = transport };
	struct opening o = { .key = to->key };
	struct buffer message;
	bool oaep;

	seal(&message, &s, (const unsigned char *)"x", 1);
	assert_int_equal(open_message(&o, message.data, message.len), 0);
	oaep = o.result.recipients[0].oaep;
	assert_string_equal(
	    o.result.recipients[0].algorithm, oaep ? "RSA-OAEP" : "RSA PKCS#1 v1.5");
	opening_clear(&o);
	buffer_free(&message);
	return oaep;
}

static void auto_takes_oaep_where_the_capabilities_list_it(void **state)
{
	/* SEQUENCE { SEQUENCE { id-RSAES-OAEP } } */
	static const unsigned char capabilities[] = { 0x30, 0x0d, 0x30, 0x0b, 0x06, 0x09, 0x2a,
		0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x07 };
	struct party p = party_rsa(9);
	ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
	X509_EXTENSION *extension;

	(void)state;
	assert_false(uses_oaep(&p, HSMIME_KEY_TRANSPORT_AUTO));
	ASN1_OCTET_STRING_set(value, capabilities, sizeof(capabilities));
	extension = X509_EXTENSION_create_by_NID(NULL, NID_SMIMECapabilities, 0, value);
	X509_add_ext(p.cert, extension, -1);
	assert_true(uses_oaep(&p, HSMIME_KEY_TRANSPORT_AUTO));
	assert_false(uses_oaep(&p, HSMIME_KEY_TRANSPORT_PKCS1));
	X509_EXTENSION_free(extension);
	ASN1_OCTET_STRING_free(value);
	party_free(&p);
}

static void auto_takes_oaep_where_the_key_is_for_that(void **state)
{
	struct party p = party_rsa(10);
	struct sealing s = {
		.to = { &p }, .cipher = "aes-128-gcm", .transport = HSMIME_KEY_TRANSPORT_PKCS1
	};
	X509_ALGOR *algorithm = NULL;
	struct buffer out;

	(void)state;
	X509_PUBKEY_get0_param(NULL, NULL, NULL, &algorithm, X509_get_X509_PUBKEY(p.cert));
	X509_ALGOR_set0(algorithm, OBJ_nid2obj(NID_rsaesOaep), V_ASN1_UNDEF, NULL);
	assert_true(uses_oaep(&p, HSMIME_KEY_TRANSPORT_AUTO));
	assert_int_equal(seal_try(&out, &s, NULL, 0), HSMIME_EUNSUPPORTED);
	party_free(&p);
}

struct failing {
	size_t left;
};

static int failing_write(void *arg, const void *buf, size_t len)
{
	struct failing *f = arg;

	(void)buf;
	if (len > f->left)
		return HSMIME_EIO;
	f->left -= len;
	return 0;
}

static void a_failing_sink_ends_the_writing(void **state)
{
	unsigned char *plain = some_octets(100);

	(void)state;
	for (int i = 0; i < 4; i++) {
		struct failing f;
		hsmime_sink sink = { failing_write, &f };
		struct sealing s = { .to = { &p256 },
			.cipher = i / 2 ? "aes-256-gcm" : "aes-256-cbc",
			.indefinite = i % 2 };
		struct buffer message;
		struct buffer none;
		size_t total;

		seal(&message, &s, plain, 100);
		total = message.len;
		buffer_free(&message);
		s.sink = &sink;
		for (size_t room = 0; room < total; room++) {
			f.left = room;
			assert_int_equal(seal_try(&none, &s, plain, 100), HSMIME_EIO);
		}
		f.left = total;
		assert_int_equal(seal_try(&none, &s, plain, 100), 0);
	}
	free(plain);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_cipher_opens_with_pkcs1),
		cmocka_unit_test(every_cipher_opens_with_oaep),
		cmocka_unit_test(every_cipher_opens_with_ec_keys),
		cmocka_unit_test(a_key_that_ends_with_zero_opens),
		cmocka_unit_test(every_recipient_opens),
		cmocka_unit_test(versions_are_those_of_the_rfc),
		cmocka_unit_test(write_sizes_change_nothing),
		cmocka_unit_test(content_of_another_size_than_announced_is_refused),
		cmocka_unit_test(requests_without_sense_are_refused),
		cmocka_unit_test(gcm_has_its_limit),
		cmocka_unit_test(names_say_whether_content_is_authenticated),
		cmocka_unit_test(auto_takes_oaep_where_the_capabilities_list_it),
		cmocka_unit_test(auto_takes_oaep_where_the_key_is_for_that),
		cmocka_unit_test(a_failing_sink_ends_the_writing),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
