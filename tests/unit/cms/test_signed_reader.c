/* signed_read accepts what peers sign and names what it found; what does not hold is said. */
#include "cms/signed_support.h"

static struct identity rsa;
static struct identity ec;
static struct identity ed;

static const char text[] = "line one\r\nline two\r\n";
static const char lf_text[] = "line one\nline two\n";

static int make_keys(void **state)
{
	(void)state;
	identity_new(&rsa, EVP_RSA_gen(2048), "RSA Signer", 7);
	identity_new(&ec, EVP_EC_gen("P-256"), "EC Signer", 8);
	identity_new(&ed, EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), "Ed Signer", 9);
	return 0;
}

static int free_keys(void **state)
{
	(void)state;
	identity_free(&rsa);
	identity_free(&ec);
	identity_free(&ed);
	return 0;
}

static void openssl_messages_of_every_form_hold(void **state)
{
	static const unsigned flags[] = { CMS_BINARY, CMS_BINARY | CMS_STREAM,
		CMS_BINARY | CMS_DETACHED, CMS_BINARY | CMS_USE_KEYID, CMS_BINARY | CMS_NOATTR,
		CMS_BINARY | CMS_CADES, CMS_BINARY | CMS_NOATTR | CMS_DETACHED,
		CMS_BINARY | CMS_USE_KEYID | CMS_STREAM | CMS_NOSMIMECAP };
	const EVP_MD *digests[] = { EVP_sha256(), EVP_sha1(), EVP_sha384(), EVP_sha512() };

	(void)state;
	for (size_t i = 0; i < 8 * 4 * 2; i++) {
		unsigned flag = flags[i % 8];
		const struct identity *id = i < 32 ? &rsa : &ec;
		const char *beside = flag & CMS_DETACHED ? text : NULL;
		unsigned char *data = NULL;
		size_t len = openssl_sign(&data, id, text, flag, digests[i / 8 % 4]);

		assert_int_equal(verify_memory(data, len, beside, false), 0);
		if (beside != NULL)
			assert_int_equal(verify_memory(data, len, "line", false), HSMIME_EINVALID);
		free(data);
	}
}

/* A message by CMS_sign with the scheme of the caller's choice. */
static size_t sign_pss(unsigned char **out, int salt, const EVP_MD *mgf)
{
	BIO *in = BIO_new_mem_buf(text, -1);
	CMS_ContentInfo *cms = CMS_sign(NULL, NULL, NULL, in, CMS_BINARY | CMS_PARTIAL);
	CMS_SignerInfo *si =
	    CMS_add1_signer(cms, rsa.cert, rsa.key, EVP_sha256(), CMS_BINARY | CMS_KEY_PARAM);
	EVP_PKEY_CTX *ctx = CMS_SignerInfo_get0_pkey_ctx(si);
	int len = 0;

	assert_true(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) > 0);
	assert_true(EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, salt) > 0);
	assert_true(EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, mgf) > 0);
	assert_int_equal(CMS_final(cms, in, NULL, CMS_BINARY), 1);
	*out = NULL;
	len = i2d_CMS_ContentInfo(cms, out);
	CMS_ContentInfo_free(cms);
	BIO_free(in);
	return (size_t)len;
}

static void pss_holds_with_any_salt_and_mask_digest(void **state)
{
	static const int salts[] = { 0, 1, 20, 32, 64 };

	(void)state;
	for (size_t i = 0; i < 10; i++) {
		unsigned char *data = NULL;
		size_t len = sign_pss(&data, salts[i % 5], i < 5 ? EVP_sha256() : EVP_sha1());

		assert_int_equal(verify_memory(data, len, NULL, false), 0);
		OPENSSL_free(data);
	}
}

static void the_result_says_who_and_how(void **state)
{
	unsigned char *data = NULL;
	struct signed_read request = { .text = false };
	struct signed_result r;
	size_t len = sign_pss(&data, 32, EVP_sha256());

	(void)state;
	assert_int_equal(read_memory(&r, data, len, &request), 0);
	assert_int_equal(r.count, 1);
	assert_int_equal(r.signers[0].signature_status, 0);
	assert_string_equal(r.signers[0].problem, "");
	assert_string_equal(r.signers[0].digest, "SHA-256");
	assert_string_equal(r.signers[0].signature_algorithm, "RSA-PSS");
	assert_int_equal(r.signers[0].key_bits, 2048);
	assert_int_equal(X509_cmp(r.signers[0].certificate, rsa.cert), 0);
	assert_true(r.signers[0].signing_time > 1700000000);
	assert_false(r.signers[0].crlf_form);
	assert_int_equal(r.content_type, CMS_DATA);
	assert_true(r.has_content);
	assert_int_equal(r.content_size, strlen(text));
	assert_int_equal(sk_X509_num(r.certificates), 1);
	signed_result_free(&r);
	OPENSSL_free(data);
}

static void several_signers_are_judged_one_by_one(void **state)
{
	BIO *in = BIO_new_mem_buf(text, -1);
	CMS_ContentInfo *cms = CMS_sign(NULL, NULL, NULL, in, CMS_BINARY | CMS_PARTIAL);
	struct signed_read request = { .text = false };
	struct signed_result r;
	unsigned char *data = NULL;
	int len = 0;

	(void)state;
	CMS_add1_signer(cms, rsa.cert, rsa.key, EVP_sha256(), CMS_BINARY);
	CMS_add1_signer(cms, ec.cert, ec.key, EVP_sha512(), CMS_BINARY | CMS_USE_KEYID);
	assert_int_equal(CMS_final(cms, in, NULL, CMS_BINARY), 1);
	len = i2d_CMS_ContentInfo(cms, &data);
	assert_int_equal(read_memory(&r, data, (size_t)len, &request), 0);
	assert_int_equal(r.count, 2);
	assert_int_equal(verdict(&r), 0);
	signed_result_free(&r);
	data[len - 1] ^= 1; /* inside the last signature */
	assert_int_equal(read_memory(&r, data, (size_t)len, &request), 0);
	assert_int_equal(r.signers[0].signature_status, 0);
	assert_int_equal(r.signers[1].signature_status, HSMIME_EINVALID);
	assert_string_not_equal(r.signers[1].problem, "");
	signed_result_free(&r);
	OPENSSL_free(data);
	CMS_ContentInfo_free(cms);
	BIO_free(in);
}

static void text_matches_in_crlf_form_and_says_so(void **state)
{
	unsigned char *data = NULL;
	size_t len = openssl_sign(&data, &rsa, text, CMS_BINARY | CMS_DETACHED, EVP_sha256());
	struct memory_source m;
	hsmime_source beside;
	struct signed_read request = { .text = true, .detached = &beside };
	struct signed_result r;

	(void)state;
	for (size_t step = 1; step < 12; step++) {
		memory_open(&beside, &m, lf_text, strlen(lf_text), step);
		assert_int_equal(read_memory(&r, data, len, &request), 0);
		assert_int_equal(verdict(&r), 0);
		assert_true(r.signers[0].crlf_form);
		assert_int_equal(r.content_size, strlen(lf_text));
		signed_result_free(&r);
	}
	assert_int_equal(verify_memory(data, len, lf_text, false), HSMIME_EINVALID);
	assert_int_equal(verify_memory(data, len, text, true), 0);
	assert_int_equal(verify_memory(data, len, "line one\r\nline two\n", true), 0);
	assert_int_equal(verify_memory(data, len, "line one\r\nline two\r", true), HSMIME_EINVALID);
	free(data);
}

static void text_signed_with_lf_matches_as_it_came(void **state)
{
	static const unsigned flags[] = { CMS_BINARY | CMS_DETACHED,
		CMS_BINARY | CMS_DETACHED | CMS_NOATTR };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		unsigned char *data = NULL;
		size_t len = openssl_sign(&data, &rsa, lf_text, flags[i], EVP_sha256());

		assert_int_equal(verify_memory(data, len, lf_text, true), 0);
		assert_int_equal(verify_memory(data, len, text, true), HSMIME_EINVALID);
		free(data);
		len = openssl_sign(&data, &rsa, text, flags[i], EVP_sha256());
		assert_int_equal(verify_memory(data, len, lf_text, true), 0);
		free(data);
	}
}

static void the_certificate_may_come_from_beside(void **state)
{
	unsigned char *data = NULL;
	size_t len = openssl_sign(&data, &rsa, text, CMS_BINARY | CMS_NOCERTS, EVP_sha256());
	struct signed_read request = { .extra = sk_X509_new_null() };
	struct signed_result r;

	(void)state;
	assert_int_equal(read_memory(&r, data, len, &request), 0);
	assert_int_equal(verdict(&r), HSMIME_EINVALID);
	assert_null(r.signers[0].certificate);
	signed_result_free(&r);
	sk_X509_push(request.extra, ec.cert);
	sk_X509_push(request.extra, rsa.cert);
	assert_int_equal(read_memory(&r, data, len, &request), 0);
	assert_int_equal(verdict(&r), 0);
	assert_int_equal(sk_X509_num(r.certificates), 0);
	signed_result_free(&r);
	sk_X509_free(request.extra);
	free(data);
}

static void a_namesake_of_the_signers_certificate_does_no_harm(void **state)
{
	struct identity fake;
	unsigned char *data = NULL;
	size_t len = openssl_sign(&data, &rsa, text, CMS_BINARY | CMS_NOCERTS, EVP_sha256());
	struct signed_read request = { .extra = sk_X509_new_null() };
	struct signed_result r;

	(void)state;
	identity_new(&fake, EVP_EC_gen("P-256"), "RSA Signer", 7);
	for (int i = 0; i < 2; i++) {
		sk_X509_push(request.extra, i == 0 ? fake.cert : rsa.cert);
		assert_int_equal(read_memory(&r, data, len, &request), 0);
		assert_int_equal(verdict(&r), i == 0 ? HSMIME_EINVALID : 0);
		signed_result_free(&r);
	}
	sk_X509_free(request.extra);
	identity_free(&fake);
	free(data);
}

static void certificates_alone_have_no_signers(void **state)
{
	STACK_OF(X509) *certs = sk_X509_new_null();
	CMS_ContentInfo *cms = NULL;
	struct signed_read request = { .text = false };
	struct signed_result r;
	unsigned char *data = NULL;
	int len = 0;

	(void)state;
	sk_X509_push(certs, rsa.cert);
	sk_X509_push(certs, ec.cert);
	cms = CMS_sign(NULL, NULL, certs, NULL, CMS_DETACHED | CMS_PARTIAL);
	len = i2d_CMS_ContentInfo(cms, &data);
	assert_int_equal(read_memory(&r, data, (size_t)len, &request), 0);
	assert_int_equal(r.count, 0);
	assert_false(r.has_content);
	assert_int_equal(sk_X509_num(r.certificates), 2);
	signed_result_free(&r);
	OPENSSL_free(data);
	CMS_ContentInfo_free(cms);
	sk_X509_free(certs);
}

static void missing_content_is_invalid(void **state)
{
	unsigned char *data = NULL;
	size_t len = openssl_sign(&data, &rsa, text, CMS_BINARY | CMS_DETACHED, EVP_sha256());

	(void)state;
	assert_int_equal(verify_memory(data, len, NULL, false), HSMIME_EINVALID);
	free(data);
}

static void content_beside_is_what_counts_where_both_are_there(void **state)
{
	unsigned char *data = NULL;
	size_t len = openssl_sign(&data, &rsa, text, CMS_BINARY, EVP_sha256());

	(void)state;
	assert_int_equal(verify_memory(data, len, text, false), 0);
	assert_int_equal(verify_memory(data, len, "something else", false), HSMIME_EINVALID);
	free(data);
}

static void broken_digests_are_refused_by_name(void **state)
{
	unsigned char *data = NULL;
	size_t len = openssl_sign(&data, &rsa, text, CMS_BINARY, EVP_md5());
	struct signed_read request = { .text = false };
	struct signed_result r;

	(void)state;
	assert_int_equal(read_memory(&r, data, len, &request), 0);
	assert_int_equal(verdict(&r), HSMIME_EUNSUPPORTED);
	assert_non_null(strstr(r.signers[0].problem, "MD5"));
	assert_string_equal(r.signers[0].digest, "MD5");
	assert_non_null(r.signers[0].certificate);
	signed_result_free(&r);
	free(data);
}

/* A signature over attributes, shown as one without attributes over their encoding. */
static void attributes_do_not_pass_as_content(void **state)
{
	unsigned char attributes[] = { 0x31, 0x0d, 0x30, 0x0b, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86,
		0xf7, 0x0d, 0x01, 0x09, 0x03, 0x00 };
	unsigned char *data = NULL;
	size_t len = 0;

	(void)state;
	len = openssl_sign(&data, &rsa, (char *)attributes, CMS_BINARY | CMS_NOATTR, EVP_sha256());
	assert_int_equal(verify_memory(data, len, NULL, false), HSMIME_EINVALID);
	free(data);
	attributes[1]++;
	len = openssl_sign(&data, &rsa, (char *)attributes, CMS_BINARY | CMS_NOATTR, EVP_sha256());
	assert_int_equal(verify_memory(data, len, NULL, false), 0);
	free(data);
}

/* The same where only the CRLF form, which a signature over text may cover, is attributes. */
static void attributes_do_not_pass_as_text(void **state)
{
	char attributes[] = "1\x0d\x30\x0b\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\r\n";
	char as_text[] = "1\x0d\x30\x0b\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\n";

	(void)state;
	for (int other = 0; other < 2; other++) {
		unsigned flags = CMS_BINARY | CMS_NOATTR | CMS_DETACHED;
		unsigned char *data = NULL;
		size_t len = openssl_sign(&data, &rsa, attributes, flags, EVP_sha256());

		assert_int_equal(
		    verify_memory(data, len, as_text, true), other ? 0 : HSMIME_EINVALID);
		free(data);
		attributes[0] = as_text[0] = '2';
	}
}

static void other_content_types_need_signed_attributes(void **state)
{
	BIO *in = BIO_new_mem_buf(text, -1);
	unsigned char *data = NULL;
	int len = 0;

	(void)state;
	for (int attributes = 0; attributes < 2; attributes++) {
		unsigned flags = CMS_BINARY | (attributes ? 0 : CMS_NOATTR);
		CMS_ContentInfo *cms = CMS_sign(NULL, NULL, NULL, in, flags | CMS_PARTIAL);

		BIO_reset(in);
		CMS_set1_eContentType(cms, OBJ_nid2obj(NID_id_smime_ct_TSTInfo));
		CMS_add1_signer(cms, rsa.cert, rsa.key, EVP_sha256(), flags);
		assert_int_equal(CMS_final(cms, in, NULL, flags), 1);
		data = NULL;
		len = i2d_CMS_ContentInfo(cms, &data);
		assert_int_equal(verify_memory(data, (size_t)len, NULL, false),
		    attributes ? 0 : HSMIME_EINVALID);
		OPENSSL_free(data);
		CMS_ContentInfo_free(cms);
	}
	BIO_free(in);
}

static void counter_signatures_and_crls_are_read_over(void **state)
{
	BIO *in = BIO_new_mem_buf(text, -1);
	CMS_ContentInfo *cms = CMS_sign(NULL, NULL, NULL, in, CMS_BINARY | CMS_PARTIAL);
	CMS_SignerInfo *si = CMS_add1_signer(cms, rsa.cert, rsa.key, EVP_sha256(), CMS_BINARY);
	X509_CRL *crl = X509_CRL_new();
	unsigned char *data = NULL;
	int len = 0;

	(void)state;
	X509_CRL_set_issuer_name(crl, X509_get_subject_name(rsa.cert));
	X509_CRL_set1_lastUpdate(crl, X509_get0_notBefore(rsa.cert));
	X509_CRL_sign(crl, rsa.key, EVP_sha256());
	assert_int_equal(CMS_add1_crl(cms, crl), 1);
	assert_int_equal(
	    CMS_unsigned_add1_attr_by_txt(si, "1.2.840.113549.1.9.6", V_ASN1_OCTET_STRING, "x", 1),
	    1);
	assert_int_equal(CMS_final(cms, in, NULL, CMS_BINARY), 1);
	len = i2d_CMS_ContentInfo(cms, &data);
	assert_int_equal(verify_memory(data, (size_t)len, NULL, false), 0);
	OPENSSL_free(data);
	X509_CRL_free(crl);
	CMS_ContentInfo_free(cms);
	BIO_free(in);
}

static void signed_attributes_must_not_be_unsigned(void **state)
{
	BIO *in = BIO_new_mem_buf(text, -1);
	CMS_ContentInfo *cms = CMS_sign(NULL, NULL, NULL, in, CMS_BINARY | CMS_PARTIAL);
	CMS_SignerInfo *si = CMS_add1_signer(cms, rsa.cert, rsa.key, EVP_sha256(), CMS_BINARY);
	unsigned char *data = NULL;
	int len = 0;

	(void)state;
	assert_int_equal(CMS_final(cms, in, NULL, CMS_BINARY), 1);
	CMS_unsigned_add1_attr_by_NID(
	    si, NID_pkcs9_signingTime, V_ASN1_UTCTIME, "230101000000Z", 13);
	len = i2d_CMS_ContentInfo(cms, &data);
	assert_int_equal(verify_memory(data, (size_t)len, NULL, false), HSMIME_EINVALID);
	OPENSSL_free(data);
	CMS_ContentInfo_free(cms);
	BIO_free(in);
}

static void the_signing_certificate_attribute_binds(void **state)
{
	BIO *in = BIO_new_mem_buf(text, -1);
	X509 *renewed = make_certificate(rsa.key, "RSA Signer", 70);
	unsigned char *data = NULL;
	size_t len = openssl_sign(
	    &data, &rsa, text, CMS_BINARY | CMS_CADES | CMS_USE_KEYID | CMS_NOCERTS, EVP_sha256());
	struct signed_read request = { .extra = sk_X509_new_null() };
	struct signed_result r;

	(void)state;
	sk_X509_push(request.extra, renewed);
	assert_int_equal(read_memory(&r, data, len, &request), 0);
	assert_int_equal(verdict(&r), HSMIME_EINVALID);
	signed_result_free(&r);
	sk_X509_push(request.extra, rsa.cert);
	assert_int_equal(read_memory(&r, data, len, &request), 0);
	assert_int_equal(verdict(&r), 0);
	assert_int_equal(X509_cmp(r.signers[0].certificate, rsa.cert), 0);
	signed_result_free(&r);
	sk_X509_free(request.extra);
	X509_free(renewed);
	free(data);
	BIO_free(in);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(openssl_messages_of_every_form_hold),
		cmocka_unit_test(pss_holds_with_any_salt_and_mask_digest),
		cmocka_unit_test(the_result_says_who_and_how),
		cmocka_unit_test(several_signers_are_judged_one_by_one),
		cmocka_unit_test(text_matches_in_crlf_form_and_says_so),
		cmocka_unit_test(text_signed_with_lf_matches_as_it_came),
		cmocka_unit_test(the_certificate_may_come_from_beside),
		cmocka_unit_test(a_namesake_of_the_signers_certificate_does_no_harm),
		cmocka_unit_test(certificates_alone_have_no_signers),
		cmocka_unit_test(missing_content_is_invalid),
		cmocka_unit_test(content_beside_is_what_counts_where_both_are_there),
		cmocka_unit_test(broken_digests_are_refused_by_name),
		cmocka_unit_test(attributes_do_not_pass_as_content),
		cmocka_unit_test(attributes_do_not_pass_as_text),
		cmocka_unit_test(other_content_types_need_signed_attributes),
		cmocka_unit_test(counter_signatures_and_crls_are_read_over),
		cmocka_unit_test(signed_attributes_must_not_be_unsigned),
		cmocka_unit_test(the_signing_certificate_attribute_binds),
	};

	return cmocka_run_group_tests(tests, make_keys, free_keys);
}
