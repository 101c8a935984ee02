/* RSAES-OAEP's parameters: which are read (RFC 4055 section 2.1), and as what. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/objects.h>

#include "cms/recipient_rsa.h"
#include "util/rsa_algorithm.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* What rsa_transport_read says of OAEP with hash and mask, which are freed; NULL is left out. */
static int read_oaep(struct rsa_transport *out, X509_ALGOR *hash, X509_ALGOR *mask)
{
	ENV_OAEP_PARAMS *oaep = ENV_OAEP_PARAMS_new();
	X509_ALGOR *algorithm = X509_ALGOR_new();
	int status;

	assert_non_null(oaep);
	assert_non_null(algorithm);
	oaep->hash = hash;
	oaep->mask = mask;
	assert_int_equal(
	    rsa_algorithm_set(algorithm, NID_rsaesOaep, ASN1_ITEM_rptr(ENV_OAEP_PARAMS), oaep), 0);
	status = rsa_transport_read(out, algorithm);
	X509_ALGOR_free(algorithm);
	ENV_OAEP_PARAMS_free(oaep);
	return status;
}

static void every_digest_of_rfc_4055_is_read(void **state)
{
	static const int nids[] = { NID_sha1, NID_sha224, NID_sha256, NID_sha384, NID_sha512 };
	struct rsa_transport t;

	(void)state;
	for (size_t i = 0; i < COUNT(nids) * COUNT(nids); i++) {
		int hash = nids[i / COUNT(nids)], mask = nids[i % COUNT(nids)];

		assert_int_equal(
		    read_oaep(&t, rsa_algorithm_hash(hash), rsa_algorithm_mgf1(mask)), 0);
		assert_true(t.oaep);
		assert_int_equal(t.digest->nid, hash);
		assert_int_equal(t.mask_digest->nid, mask);
		rsa_transport_clear(&t);
	}
}

static void what_is_left_out_is_sha1(void **state)
{
	struct rsa_transport t;

	(void)state;
	assert_int_equal(read_oaep(&t, NULL, NULL), 0);
	assert_int_equal(t.digest->nid, NID_sha1);
	assert_int_equal(t.mask_digest->nid, NID_sha1);
	rsa_transport_clear(&t);
}

static void other_digests_are_not_supported(void **state)
{
	static const int nids[] = { NID_md5, NID_sha512_256, NID_sha3_256, NID_ripemd160 };
	struct rsa_transport t;

	(void)state;
	for (size_t i = 0; i < COUNT(nids); i++) {
		assert_int_equal(
		    read_oaep(&t, rsa_algorithm_hash(nids[i]), NULL), HSMIME_EUNSUPPORTED);
		assert_null(t.digest);
		assert_int_equal(
		    read_oaep(&t, NULL, rsa_algorithm_mgf1(nids[i])), HSMIME_EUNSUPPORTED);
		assert_null(t.mask_digest);
	}
}

static void a_mask_that_is_not_mgf1_is_not_supported(void **state)
{
	struct rsa_transport t;

	(void)state;
	assert_int_equal(read_oaep(&t, NULL, rsa_algorithm_hash(NID_sha256)), HSMIME_EUNSUPPORTED);
}

static void a_digest_with_parameters_of_its_own_is_malformed(void **state)
{
	X509_ALGOR *inner = rsa_algorithm_hash(NID_sha256), *hash = X509_ALGOR_new();
	struct rsa_transport t;

	(void)state;
	assert_int_equal(rsa_algorithm_set(hash, NID_sha256, ASN1_ITEM_rptr(X509_ALGOR), inner), 0);
	X509_ALGOR_free(inner);
	assert_int_equal(read_oaep(&t, hash, NULL), HSMIME_EFORMAT);
}

static void mgf1_without_a_digest_is_malformed(void **state)
{
	X509_ALGOR *mask = X509_ALGOR_new();
	struct rsa_transport t;

	(void)state;
	assert_int_equal(X509_ALGOR_set0(mask, OBJ_nid2obj(NID_mgf1), V_ASN1_NULL, NULL), 1);
	assert_int_equal(read_oaep(&t, NULL, mask), HSMIME_EFORMAT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_digest_of_rfc_4055_is_read),
		cmocka_unit_test(what_is_left_out_is_sha1),
		cmocka_unit_test(other_digests_are_not_supported),
		cmocka_unit_test(a_mask_that_is_not_mgf1_is_not_supported),
		cmocka_unit_test(a_digest_with_parameters_of_its_own_is_malformed),
		cmocka_unit_test(mgf1_without_a_digest_is_malformed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
