/* Signed attributes and algorithms are judged as RFC 5652 section 11 and RFC 4056 ask, on messages made to order. */
#include "cms/signed_support.h"

#include <openssl/err.h>

#include "cms/algorithm_signature.h"
#include "cms/asn1_signed.h"
#include "cms/attributes.h"
#include "cms/pss_parameters.h"
#include "cms/signer_certificate.h"

static struct identity rsa;
static struct identity ed;

static const char text[] = "content";

static int make_keys(void **state)
{
	(void)state;
	identity_new(&rsa, EVP_RSA_gen(2048), "Signer", 7);
	identity_new(&ed, EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), "Ed Signer", 9);
	return 0;
}

static int free_keys(void **state)
{
	(void)state;
	identity_free(&rsa);
	identity_free(&ed);
	return 0;
}

/* The attributes of a good signature by id. */
static STACK_OF(X509_ATTRIBUTE) *good_attributes(const struct identity *id, int nid)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	struct attributes_write w = { .content_type = cms_type_oid(CMS_DATA),
		.signing_time = 1700000000,
		.message_digest = digest,
		.certificate = id->cert,
		.certificate_digest = digest_by_nid(nid) };
	STACK_OF(X509_ATTRIBUTE) *stack = NULL;

	EVP_Digest(text, strlen(text), digest, &len, EVP_get_digestbynid(nid), NULL);
	w.message_digest_len = len;
	assert_int_equal(attributes_new(&stack, &w, NULL), 0);
	return stack;
}

/* id's signature over data: by its digest, or for Ed25519 directly. */
static void sign_data(
    ASN1_OCTET_STRING *out, const struct identity *id, const unsigned char *data, size_t len)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned char signature[512];
	size_t signature_len = sizeof(signature);
	const EVP_MD *md = EVP_PKEY_is_a(id->key, "ED25519") ? NULL : EVP_sha256();

	assert_int_equal(EVP_DigestSignInit(ctx, NULL, md, NULL, id->key), 1);
	assert_int_equal(EVP_DigestSign(ctx, signature, &signature_len, data, len), 1);
	ASN1_OCTET_STRING_set(out, signature, (int)signature_len);
	EVP_MD_CTX_free(ctx);
}

/* A SignerInfo with these attributes (taken over), signed in DER order or in the stack's. */
static SIGNER_INFO *make_info(const struct identity *id, STACK_OF(X509_ATTRIBUTE) *attributes,
    int digest_nid, int algorithm_nid, bool sorted)
{
	SIGNER_INFO *info = SIGNER_INFO_new();
	unsigned char *der = NULL;
	int len = attributes_encode(&der, attributes, sorted);

	ASN1_INTEGER_set(info->version, 1);
	assert_int_equal(signer_certificate_set_id(info->sid, id->cert), 0);
	X509_ALGOR_set0(info->digest, OBJ_nid2obj(digest_nid), V_ASN1_UNDEF, NULL);
	X509_ALGOR_set0(info->algorithm, OBJ_nid2obj(algorithm_nid), V_ASN1_UNDEF, NULL);
	info->attributes = attributes;
	sign_data(info->signature, id, der, (size_t)len);
	OPENSSL_free(der);
	return info;
}

static void add_bytes(struct buffer *b, const char *bytes, size_t len)
{
	buffer_add(b, bytes, len);
}

#define ADD(b, s) add_bytes(b, s, sizeof(s) - 1)

/* SignedData around info, detached; frees info. */
static void frame(struct buffer *out, SIGNER_INFO *info, const struct identity *id)
{
	STACK_OF(SIGNER_INFO) *infos = sk_SIGNER_INFO_new_null();
	STACK_OF(X509) *certs = sk_X509_new_null();
	unsigned char *der = NULL;
	int len = 0;

	sk_SIGNER_INFO_push(infos, info);
	sk_X509_push(certs, id->cert);
	buffer_init(out, MEMORY_MAX);
	ADD(out, "\x30\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02\xa0\x80\x30\x80\x02\x01\x01"
		 "\x31\x80");
	len = i2d_X509_ALGOR(info->digest, &der);
	buffer_add(out, der, (size_t)len);
	OPENSSL_free(der);
	ADD(out, "\x00\x00\x30\x0b\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01");
	len = certificates_encode(&der, certs);
	buffer_add(out, der, (size_t)len);
	OPENSSL_free(der);
	len = signer_infos_encode(&der, infos);
	buffer_add(out, der, (size_t)len);
	OPENSSL_free(der);
	ADD(out, "\0\0\0\0\0\0");
	sk_SIGNER_INFO_pop_free(infos, SIGNER_INFO_free);
	sk_X509_free(certs);
}

static int judge(STACK_OF(X509_ATTRIBUTE) *attributes)
{
	struct buffer b;
	int status = 0;

	frame(&b, make_info(&rsa, attributes, NID_sha256, NID_rsaEncryption, true), &rsa);
	status = verify_memory(b.data, b.len, text, false);
	buffer_free(&b);
	return status;
}

static void drop(STACK_OF(X509_ATTRIBUTE) *stack, int nid)
{
	X509_ATTRIBUTE_free(X509at_delete_attr(stack, X509at_get_attr_by_NID(stack, nid, -1)));
}

static void repeat(STACK_OF(X509_ATTRIBUTE) *stack, int nid)
{
	X509_ATTRIBUTE *a = X509at_get_attr(stack, X509at_get_attr_by_NID(stack, nid, -1));

	sk_X509_ATTRIBUTE_push(stack, X509_ATTRIBUTE_dup(a));
}

static void add_value(STACK_OF(X509_ATTRIBUTE) *stack, int nid, int type, const char *value)
{
	X509_ATTRIBUTE *a = X509at_get_attr(stack, X509at_get_attr_by_NID(stack, nid, -1));

	X509_ATTRIBUTE_set1_data(a, type, value, (int)strlen(value));
}

static const int critical[] = { NID_pkcs9_contentType, NID_pkcs9_messageDigest,
	NID_pkcs9_signingTime, NID_id_smime_aa_signingCertificateV2 };

static void good_attributes_hold(void **state)
{
	(void)state;
	assert_int_equal(judge(good_attributes(&rsa, NID_sha256)), 0);
}

static void content_type_and_message_digest_are_required(void **state)
{
	(void)state;
	for (size_t i = 0; i < 4; i++) {
		STACK_OF(X509_ATTRIBUTE) *stack = good_attributes(&rsa, NID_sha256);

		drop(stack, critical[i]);
		assert_int_equal(judge(stack), i < 2 ? HSMIME_EINVALID : 0);
	}
}

static void no_critical_attribute_is_there_twice(void **state)
{
	(void)state;
	for (size_t i = 0; i < 4; i++) {
		STACK_OF(X509_ATTRIBUTE) *stack = good_attributes(&rsa, NID_sha256);

		repeat(stack, critical[i]);
		assert_int_equal(judge(stack), HSMIME_EINVALID);
	}
}

static void no_critical_attribute_has_two_values(void **state)
{
	(void)state;
	for (size_t i = 0; i < 4; i++) {
		STACK_OF(X509_ATTRIBUTE) *stack = good_attributes(&rsa, NID_sha256);

		add_value(stack, critical[i], V_ASN1_OCTET_STRING, "two");
		assert_int_equal(judge(stack), HSMIME_EINVALID);
	}
}

static void values_have_the_right_type(void **state)
{
	(void)state;
	for (size_t i = 0; i < 4; i++) {
		STACK_OF(X509_ATTRIBUTE) *stack = good_attributes(&rsa, NID_sha256);

		drop(stack, critical[i]);
		X509at_add1_attr_by_NID(
		    &stack, critical[i], V_ASN1_UTF8STRING, (const unsigned char *)"20230101", 8);
		assert_int_equal(judge(stack), HSMIME_EINVALID);
	}
}

static void a_signing_time_that_is_no_time_is_invalid(void **state)
{
	STACK_OF(X509_ATTRIBUTE) *stack = good_attributes(&rsa, NID_sha256);

	(void)state;
	drop(stack, NID_pkcs9_signingTime);
	/* As long as a time is: OpenSSL 3.5 copies no shorter one. */
	assert_non_null(X509at_add1_attr_by_NID(&stack, NID_pkcs9_signingTime, V_ASN1_UTCTIME,
	    (const unsigned char *)"231301000000Z", 13));
	assert_int_equal(judge(stack), HSMIME_EINVALID);
}

static void another_content_type_is_invalid(void **state)
{
	STACK_OF(X509_ATTRIBUTE) *stack = good_attributes(&rsa, NID_sha256);

	(void)state;
	drop(stack, NID_pkcs9_contentType);
	X509at_add1_attr_by_NID(&stack, NID_pkcs9_contentType, V_ASN1_OBJECT,
	    (const unsigned char *)OBJ_nid2obj(NID_pkcs7_signed), -1);
	assert_int_equal(judge(stack), HSMIME_EINVALID);
}

static void a_message_digest_of_another_length_is_invalid(void **state)
{
	unsigned char digest[33] = { 0 };

	(void)state;
	for (size_t len = 0; len < 34; len += 31) {
		STACK_OF(X509_ATTRIBUTE) *stack = good_attributes(&rsa, NID_sha256);

		assert_int_equal(attributes_set_digest(stack, digest, len), 0);
		assert_int_equal(judge(stack), HSMIME_EINVALID);
	}
}

static void a_signing_certificate_attribute_for_another_is_invalid(void **state)
{
	STACK_OF(X509_ATTRIBUTE) *stack = good_attributes(&ed, NID_sha256);

	(void)state;
	assert_int_equal(judge(stack), HSMIME_EINVALID);
}

static void algorithm_protection_has_to_agree(void **state)
{
	static const unsigned char agrees[] = { 0x30, 0x1a, 0x30, 0x0b, 0x06, 0x09, 0x60, 0x86,
		0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0xa1, 0x0b, 0x06, 0x09, 0x2a, 0x86, 0x48,
		0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01 };

	(void)state;
	for (int i = 0; i < 3; i++) {
		STACK_OF(X509_ATTRIBUTE) *stack = good_attributes(&rsa, NID_sha256);
		unsigned char value[sizeof(agrees)];

		memcpy(value, agrees, sizeof(agrees));
		value[14] += i == 1;          /* the digest algorithm */
		value[27] += i == 2 ? 10 : 0; /* the signature algorithm */
		X509at_add1_attr_by_txt(
		    &stack, "1.2.840.113549.1.9.52", V_ASN1_SEQUENCE, value, sizeof(value));
		assert_int_equal(judge(stack), i == 0 ? 0 : HSMIME_EINVALID);
	}
}

/* Swap two neighbours, of which first comes first, in the message. */
static void swap_attributes(struct buffer *b, X509_ATTRIBUTE *first, X509_ATTRIBUTE *second)
{
	unsigned char *one = NULL;
	unsigned char *two = NULL;
	size_t one_len = (size_t)i2d_X509_ATTRIBUTE(first, &one);
	size_t two_len = (size_t)i2d_X509_ATTRIBUTE(second, &two);
	unsigned char *at = memmem(b->data, b->len, one, one_len);

	assert_non_null(at);
	assert_memory_equal(at + one_len, two, two_len);
	memcpy(at, two, two_len);
	memcpy(at + two_len, one, one_len);
	OPENSSL_free(one);
	OPENSSL_free(two);
}

static void the_order_of_attributes_does_not_matter(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		STACK_OF(X509_ATTRIBUTE) *stack = good_attributes(&rsa, NID_sha256);
		X509_ATTRIBUTE *type = X509at_get_attr(stack, 0);
		X509_ATTRIBUTE *time = X509at_get_attr(stack, 1);
		struct buffer b;
		SIGNER_INFO *info = NULL;

		/* Signed: in DER order; in the message's order; in a third one. */
		sk_X509_ATTRIBUTE_set(stack, 0, time);
		sk_X509_ATTRIBUTE_set(stack, 1, type);
		while (i == 1 && sk_X509_ATTRIBUTE_num(stack) > 3)
			X509_ATTRIBUTE_free(sk_X509_ATTRIBUTE_pop(stack));
		info = make_info(&rsa, stack, NID_sha256, NID_rsaEncryption, i == 0);
		type = X509_ATTRIBUTE_dup(type);
		time = X509_ATTRIBUTE_dup(time);
		frame(&b, info, &rsa);
		if (i < 2)
			swap_attributes(&b, type, time);
		assert_int_equal(
		    verify_memory(b.data, b.len, text, false), i < 2 ? 0 : HSMIME_EINVALID);
		X509_ATTRIBUTE_free(type);
		X509_ATTRIBUTE_free(time);
		buffer_free(&b);
	}
}

static int judge_algorithms(const struct identity *id, int digest_nid, int algorithm_nid)
{
	struct buffer b;
	int status = 0;

	frame(&b, make_info(id, good_attributes(id, digest_nid), digest_nid, algorithm_nid, true),
	    id);
	status = verify_memory(b.data, b.len, text, false);
	buffer_free(&b);
	return status;
}

static void the_signature_algorithm_fits_digest_and_key(void **state)
{
	(void)state;
	assert_int_equal(judge_algorithms(&rsa, NID_sha256, NID_rsaEncryption), 0);
	assert_int_equal(judge_algorithms(&rsa, NID_sha256, NID_sha256WithRSAEncryption), 0);
	assert_int_equal(
	    judge_algorithms(&rsa, NID_sha256, NID_sha512WithRSAEncryption), HSMIME_EINVALID);
	assert_int_equal(judge_algorithms(&rsa, NID_sha512, NID_rsaEncryption), HSMIME_EINVALID);
	assert_int_equal(
	    judge_algorithms(&rsa, NID_sha256, NID_ecdsa_with_SHA256), HSMIME_EINVALID);
	assert_int_equal(judge_algorithms(&rsa, NID_sha256, NID_rsassaPss), HSMIME_EINVALID);
	assert_int_equal(
	    judge_algorithms(&rsa, NID_sha256, NID_md5WithRSAEncryption), HSMIME_EUNSUPPORTED);
}

static void an_unknown_digest_is_unsupported(void **state)
{
	SIGNER_INFO *info = make_info(
	    &rsa, good_attributes(&rsa, NID_sha256), NID_id_GostR3411_94, NID_rsaEncryption, true);
	struct buffer b;

	(void)state;
	frame(&b, info, &rsa);
	assert_int_equal(verify_memory(b.data, b.len, text, false), HSMIME_EUNSUPPORTED);
	buffer_free(&b);
}

static void ed25519_signs_the_attributes_themselves(void **state)
{
	(void)state;
	assert_int_equal(judge_algorithms(&ed, NID_sha512, NID_ED25519), 0);
	assert_int_equal(judge_algorithms(&ed, NID_sha512, NID_rsaEncryption), HSMIME_EINVALID);
	/* RFC 8419 section 3.1: with signed attributes the digest is SHA-512. */
	assert_int_equal(judge_algorithms(&ed, NID_sha256, NID_ED25519), HSMIME_EINVALID);
	assert_int_equal(judge_algorithms(&ed, NID_sha384, NID_ED25519), HSMIME_EINVALID);
}

/* Read PSS parameters that were written, with one octet changed, or of another length. */
static int read_parameters(const unsigned char *der, size_t len, struct signature_algorithm *s)
{
	X509_ALGOR *a = X509_ALGOR_new();
	ASN1_STRING *value = ASN1_STRING_new();
	int status = 0;

	ASN1_STRING_set(value, der, (int)len);
	X509_ALGOR_set0(a, OBJ_nid2obj(NID_rsassaPss), V_ASN1_SEQUENCE, value);
	status = signature_of_algorithm(s, a);
	X509_ALGOR_free(a);
	ERR_clear_error();
	return status;
}

static void pss_parameters_are_read_strictly(void **state)
{
	static const unsigned char defaults[] = { 0x30, 0x00 };
	static const unsigned char trailer_2[] = { 0x30, 0x05, 0xa3, 0x03, 0x02, 0x01, 0x02 };
	static const unsigned char negative[] = { 0x30, 0x05, 0xa2, 0x03, 0x02, 0x01, 0xff };
	static const unsigned char huge[] = { 0x30, 0x07, 0xa2, 0x05, 0x02, 0x03, 0x7f, 0xff,
		0xff };
	static const unsigned char md5[] = { 0x30, 0x10, 0xa0, 0x0e, 0x30, 0x0c, 0x06, 0x08, 0x2a,
		0x86, 0x48, 0x86, 0xf7, 0x0d, 0x02, 0x05, 0x05, 0x00 };
	static const unsigned char no_mgf[] = { 0x30, 0x0f, 0xa1, 0x0d, 0x30, 0x0b, 0x06, 0x09,
		0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01 };
	struct signature_algorithm s;

	(void)state;
	assert_int_equal(read_parameters(defaults, sizeof(defaults), &s), 0);
	assert_int_equal(s.salt, 20);
	assert_string_equal(s.digest->name, "SHA-1");
	assert_string_equal(s.mgf->name, "SHA-1");
	assert_int_equal(read_parameters(trailer_2, sizeof(trailer_2), &s), HSMIME_EINVALID);
	assert_int_equal(read_parameters(negative, sizeof(negative), &s), HSMIME_EINVALID);
	assert_int_equal(read_parameters(huge, sizeof(huge), &s), HSMIME_EINVALID);
	assert_int_equal(read_parameters(md5, sizeof(md5), &s), HSMIME_EUNSUPPORTED);
	assert_int_equal(read_parameters(no_mgf, sizeof(no_mgf), &s), HSMIME_EUNSUPPORTED);
	assert_int_equal(read_parameters(defaults, 1, &s), HSMIME_EINVALID);
}

static void pss_parameters_come_back_as_written(void **state)
{
	struct signature_algorithm s = { .kind = SIGNATURE_PSS,
		.digest = digest_by_name("sha384"),
		.mgf = digest_by_name("sha512"),
		.salt = 48 };
	struct signature_algorithm back;
	X509_ALGOR *a = X509_ALGOR_new();

	(void)state;
	assert_int_equal(pss_parameters_write(a, &s), 0);
	assert_int_equal(signature_of_algorithm(&back, a), 0);
	assert_ptr_equal(back.digest, s.digest);
	assert_ptr_equal(back.mgf, s.mgf);
	assert_int_equal(back.salt, 48);
	X509_ALGOR_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_attributes_hold),
		cmocka_unit_test(content_type_and_message_digest_are_required),
		cmocka_unit_test(no_critical_attribute_is_there_twice),
		cmocka_unit_test(no_critical_attribute_has_two_values),
		cmocka_unit_test(values_have_the_right_type),
		cmocka_unit_test(a_signing_time_that_is_no_time_is_invalid),
		cmocka_unit_test(another_content_type_is_invalid),
		cmocka_unit_test(a_message_digest_of_another_length_is_invalid),
		cmocka_unit_test(a_signing_certificate_attribute_for_another_is_invalid),
		cmocka_unit_test(algorithm_protection_has_to_agree),
		cmocka_unit_test(the_order_of_attributes_does_not_matter),
		cmocka_unit_test(the_signature_algorithm_fits_digest_and_key),
		cmocka_unit_test(an_unknown_digest_is_unsupported),
		cmocka_unit_test(ed25519_signs_the_attributes_themselves),
		cmocka_unit_test(pss_parameters_are_read_strictly),
		cmocka_unit_test(pss_parameters_come_back_as_written),
	};

	return cmocka_run_group_tests(tests, make_keys, free_keys);
}
