/* What signed_writer makes is canonical, has the length it announces, and holds for OpenSSL and for our reader. */
#include "cms/signed_support.h"

#include <stdio.h>

static struct identity rsa;
static struct identity other_rsa;
static struct identity curves[3];

static const char text[] = "Content-Type: text/plain\r\n\r\nThe board meets at nine.\r\n";

static int make_keys(void **state)
{
	static const char *const names[] = { "P-256", "P-384", "P-521" };

	(void)state;
	identity_new(&rsa, EVP_RSA_gen(2048), "Signer", 7);
	identity_new(&other_rsa, EVP_RSA_gen(2048), "Someone Else", 8);
	for (size_t i = 0; i < 3; i++)
		identity_new(&curves[i], EVP_EC_gen(names[i]), names[i], 20 + (long)i);
	return 0;
}

static int free_keys(void **state)
{
	(void)state;
	identity_free(&rsa);
	identity_free(&other_rsa);
	for (size_t i = 0; i < 3; i++)
		identity_free(&curves[i]);
	return 0;
}

static struct signed_write ask(const struct identity *id)
{
	return (struct signed_write){ .key = id->key,
		.certificate = id->cert,
		.content_size = HSMIME_SIZE_UNKNOWN,
		.signing_time = 1700000000 };
}

static void assert_der(const struct buffer *b)
{
	const unsigned char *p = b->data;
	CMS_ContentInfo *cms = d2i_CMS_ContentInfo(NULL, &p, (long)b->len);
	unsigned char *der = NULL;
	int len = 0;

	assert_non_null(cms);
	len = i2d_CMS_ContentInfo(cms, &der);
	assert_int_equal(len, b->len);
	assert_memory_equal(der, b->data, b->len);
	OPENSSL_free(der);
	CMS_ContentInfo_free(cms);
}

/* Signs, and lets both verify; with another content both refuse. */
static void assert_round_trip(const struct signed_write *request, bool der)
{
	const char *beside = request->detached ? text : NULL;
	struct buffer b;

	assert_int_equal(sign_memory(&b, request, text), 0);
	assert_true(openssl_accepts(b.data, b.len, beside));
	assert_int_equal(verify_memory(b.data, b.len, beside, false), 0);
	if (request->detached)
		assert_int_equal(verify_memory(b.data, b.len, "another", false), HSMIME_EINVALID);
	if (der)
		assert_der(&b);
	buffer_free(&b);
}

static void every_key_digest_and_form_round_trips(void **state)
{
	static const char *const digests[] = { NULL, "sha224", "SHA-384", "sha512" };
	const struct identity *ids[] = { &rsa, &curves[0], &curves[1], &curves[2] };

	(void)state;
	for (size_t i = 0; i < 4 * 4 * 3 * 2; i++) {
		struct signed_write request = ask(ids[i % 4]);
		size_t form = i / 16 % 3;

		request.digest = digests[i / 4 % 4];
		request.detached = form == 0;
		request.content_size = form == 1 ? strlen(text) : HSMIME_SIZE_UNKNOWN;
		request.pss = i >= 48 && i % 4 == 0;
		assert_round_trip(&request, form == 0 || (form == 1 && i % 4 == 0));
	}
}

/* The outermost length, which is written before any content. */
static uint64_t announced_length(const struct signed_write *request)
{
	struct cms_env env = { NULL, NULL };
	struct signed_writer *w = NULL;
	hsmime_source source;
	hsmime_memory memory;
	struct ber_header header;
	struct ber_reader r;
	struct buffer b;
	hsmime_sink sink, content;

	buffer_init(&b, MEMORY_MAX);
	sink_buffer(&sink, &b);
	assert_int_equal(signed_writer_new(&w, &content, request, &sink, &env), 0);
	memory = (hsmime_memory){ .data = b.data, .len = b.len };
	hsmime_source_memory(&source, &memory);
	assert_int_equal(ber_open(&r, &source, NULL), 0);
	assert_int_equal(ber_peek(&r, &header), 0);
	ber_close(&r);
	signed_writer_free(w);
	buffer_free(&b);
	return header.indefinite ? HSMIME_SIZE_UNKNOWN : header.length;
}

static void the_length_is_announced_for_rsa_alone(void **state)
{
	struct signed_write request = ask(&rsa);

	(void)state;
	assert_true(announced_length(&request) == HSMIME_SIZE_UNKNOWN);
	request.content_size = 5000000000;
	assert_in_range(announced_length(&request), 5000000000, 5000010000);
	request = ask(&curves[0]);
	request.content_size = 10;
	assert_true(announced_length(&request) == HSMIME_SIZE_UNKNOWN);
}

static void signed_attributes_say_what_they_should(void **state)
{
	static const int nids[] = { NID_pkcs9_contentType, NID_pkcs9_signingTime,
		NID_pkcs9_messageDigest, NID_id_smime_aa_signingCertificateV2,
		NID_SMIMECapabilities };
	struct signed_write request = ask(&rsa);
	struct buffer b;
	const unsigned char *p = NULL;
	CMS_ContentInfo *cms = NULL;
	CMS_SignerInfo *si = NULL;

	(void)state;
	assert_int_equal(sign_memory(&b, &request, text), 0);
	p = b.data;
	cms = d2i_CMS_ContentInfo(NULL, &p, (long)b.len);
	si = sk_CMS_SignerInfo_value(CMS_get0_SignerInfos(cms), 0);
	assert_int_equal(CMS_signed_get_attr_count(si), 5);
	for (size_t i = 0; i < 5; i++)
		assert_true(CMS_signed_get_attr_by_NID(si, nids[i], -1) >= 0);
	CMS_ContentInfo_free(cms);
	buffer_free(&b);
}

static int time_type(int64_t when)
{
	struct signed_write request = ask(&rsa);
	struct signed_read read = { .text = false };
	struct signed_result result;
	struct buffer b;
	const unsigned char *p = NULL;
	CMS_ContentInfo *cms = NULL;
	CMS_SignerInfo *si = NULL;
	int type = 0;

	request.signing_time = when;
	assert_int_equal(sign_memory(&b, &request, text), 0);
	assert_int_equal(read_memory(&result, b.data, b.len, &read), 0);
	assert_int_equal(verdict(&result), 0);
	assert_true(result.signers[0].signing_time == when);
	signed_result_free(&result);
	p = b.data;
	cms = d2i_CMS_ContentInfo(NULL, &p, (long)b.len);
	si = sk_CMS_SignerInfo_value(CMS_get0_SignerInfos(cms), 0);
	if (CMS_signed_get0_data_by_OBJ(si, OBJ_nid2obj(NID_pkcs9_signingTime), -3, V_ASN1_UTCTIME))
		type = V_ASN1_UTCTIME;
	else
		type = V_ASN1_GENERALIZEDTIME;
	CMS_ContentInfo_free(cms);
	buffer_free(&b);
	return type;
}

static void signing_time_is_utctime_through_2049(void **state)
{
	(void)state;
	assert_int_equal(time_type(2524607999), V_ASN1_UTCTIME);
	assert_int_equal(time_type(2524608000), V_ASN1_GENERALIZEDTIME);
}

static void the_chain_is_included_once(void **state)
{
	struct signed_write request = ask(&rsa);
	struct signed_read read = { .text = false };
	struct signed_result result;
	struct buffer b;

	(void)state;
	request.chain = sk_X509_new_null();
	request.content_size = strlen(text);
	sk_X509_push(request.chain, rsa.cert);
	sk_X509_push(request.chain, curves[1].cert);
	sk_X509_push(request.chain, other_rsa.cert);
	sk_X509_push(request.chain, curves[1].cert);
	assert_int_equal(sign_memory(&b, &request, text), 0);
	assert_der(&b);
	assert_int_equal(read_memory(&result, b.data, b.len, &read), 0);
	assert_int_equal(verdict(&result), 0);
	assert_int_equal(sk_X509_num(result.certificates), 3);
	signed_result_free(&result);
	sk_X509_free(request.chain);
	buffer_free(&b);
}

static int refusal(const struct signed_write *request)
{
	struct buffer b;
	int status = sign_memory(&b, request, text);

	assert_int_equal(b.len, 0);
	buffer_free(&b);
	return status;
}

static void impossible_requests_are_refused(void **state)
{
	struct signed_write request = ask(&rsa);
	struct identity small;

	(void)state;
	request.digest = "md5";
	assert_int_equal(refusal(&request), HSMIME_EPOLICY);
	request.digest = "sha1";
	assert_int_equal(refusal(&request), HSMIME_EPOLICY);
	request.digest = "no-such-digest";
	assert_int_equal(refusal(&request), HSMIME_EUSAGE);
	request = ask(&rsa);
	request.certificate = other_rsa.cert;
	assert_int_equal(refusal(&request), HSMIME_ENOKEY);
	request.certificate = curves[0].cert;
	assert_int_equal(refusal(&request), HSMIME_ENOKEY);
	request.certificate = NULL;
	assert_int_equal(refusal(&request), HSMIME_EUSAGE);
	request = ask(&curves[0]);
	request.pss = true;
	assert_int_equal(refusal(&request), HSMIME_EUSAGE);
	identity_new(&small, EVP_RSA_gen(1024), "Small", 3);
	request = ask(&small);
	request.digest = "sha512";
	request.pss = true;
	assert_int_equal(
	    sign_memory(&(struct buffer){ .len = 0 }, &request, ""), HSMIME_EUNSUPPORTED);
	identity_free(&small);
}

static void a_key_that_does_not_sign_is_a_token_error(void **state)
{
	struct signed_write request = ask(&rsa);
	struct buffer b;

	(void)state;
	request.key = X509_get0_pubkey(rsa.cert);
	request.detached = true;
	assert_int_equal(sign_memory(&b, &request, text), HSMIME_ETOKEN);
	assert_int_equal(b.len, 0);
	buffer_free(&b);
}

static void content_of_another_size_than_announced_is_refused(void **state)
{
	struct signed_write request = ask(&rsa);
	struct buffer b;

	(void)state;
	request.content_size = strlen(text) - 1;
	assert_int_equal(sign_memory(&b, &request, text), HSMIME_EUSAGE);
	assert_int_not_equal(verify_memory(b.data, b.len, NULL, false), 0);
	buffer_free(&b);
	request.content_size = strlen(text) + 1;
	assert_int_equal(sign_memory(&b, &request, text), HSMIME_EUSAGE);
	assert_int_not_equal(verify_memory(b.data, b.len, NULL, false), 0);
	buffer_free(&b);
	request.content_size = UINT64_MAX - 1;
	assert_int_equal(refusal(&request), HSMIME_EUSAGE);
}

static void a_sink_that_fails_anywhere_ends_the_work_with_its_status(void **state)
{
	struct signed_write request = ask(&rsa);
	struct buffer whole;

	(void)state;
	for (int form = 0; form < 3; form++) {
		request.detached = form == 0;
		request.content_size = form == 1 ? strlen(text) : HSMIME_SIZE_UNKNOWN;
		assert_int_equal(sign_memory(&whole, &request, text), 0);
		for (size_t at = 0; at < whole.len; at += form == 1 ? 11 : 97) {
			struct failing_sink f = { at };
			hsmime_sink sink = { failing_write, &f };
			struct error err = { .code = 0 };

			assert_int_equal(
			    sign_to(&sink, &request, text, strlen(text), 5, &err), HSMIME_EIO);
		}
		buffer_free(&whole);
	}
}

static void the_steps_of_writing_do_not_matter(void **state)
{
	static char content[300000];
	struct signed_write request = ask(&rsa);
	struct buffer whole, steps;
	hsmime_sink sink;

	(void)state;
	memset(content, 'x', sizeof(content) - 1);
	assert_int_equal(sign_memory(&whole, &request, content), 0);
	buffer_init(&steps, MEMORY_MAX);
	sink_buffer(&sink, &steps);
	assert_int_equal(sign_to(&sink, &request, content, sizeof(content) - 1, 333, NULL), 0);
	assert_int_equal(whole.len, steps.len);
	assert_memory_equal(whole.data, steps.data, whole.len);
	assert_true(openssl_accepts(whole.data, whole.len, NULL));
	assert_int_equal(verify_memory(whole.data, whole.len, NULL, false), 0);
	buffer_free(&whole);
	buffer_free(&steps);
}

static void empty_content_is_content(void **state)
{
	struct signed_write request = ask(&curves[0]);
	struct buffer b;

	(void)state;
	for (int form = 0; form < 2; form++) {
		request.content_size = form == 0 ? 0 : HSMIME_SIZE_UNKNOWN;
		assert_int_equal(sign_memory(&b, &request, ""), 0);
		assert_true(openssl_accepts(b.data, b.len, NULL));
		assert_int_equal(verify_memory(b.data, b.len, NULL, false), 0);
		buffer_free(&b);
	}
}

static void names_of_digests_are_understood(void **state)
{
	(void)state;
	assert_string_equal(signed_micalg("SHA256"), "sha-256");
	assert_string_equal(signed_micalg("sha-1"), "sha-1");
	assert_null(signed_micalg("whirlpool"));
	assert_string_equal(signed_digest_name("sha-512"), "SHA512");
	assert_string_equal(signed_digest_name("Sha3-256"), "SHA3-256");
	assert_null(signed_digest_name("sha"));
	assert_null(signed_digest_name(""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_key_digest_and_form_round_trips),
		cmocka_unit_test(the_length_is_announced_for_rsa_alone),
		cmocka_unit_test(signed_attributes_say_what_they_should),
		cmocka_unit_test(signing_time_is_utctime_through_2049),
		cmocka_unit_test(the_chain_is_included_once),
		cmocka_unit_test(impossible_requests_are_refused),
		cmocka_unit_test(a_key_that_does_not_sign_is_a_token_error),
		cmocka_unit_test(content_of_another_size_than_announced_is_refused),
		cmocka_unit_test(a_sink_that_fails_anywhere_ends_the_work_with_its_status),
		cmocka_unit_test(the_steps_of_writing_do_not_matter),
		cmocka_unit_test(empty_content_is_content),
		cmocka_unit_test(names_of_digests_are_understood),
	};

	return cmocka_run_group_tests(tests, make_keys, free_keys);
}
