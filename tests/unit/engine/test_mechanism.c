#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/mechanism.h"

static void climbs(enum ladder ladder, size_t steps, CK_MECHANISM_TYPE first, int software,
    CK_MECHANISM_TYPE second, int second_software)
{
	size_t count = 0;
	const struct rung *rungs = mechanism_rungs(ladder, &count);

	assert_int_equal(count, steps);
	assert_int_equal(rungs[0].type, first);
	assert_int_equal(rungs[0].padding_in_software, software);
	if (steps < 2)
		return;
	assert_int_equal(rungs[1].type, second);
	assert_int_equal(rungs[1].padding_in_software, second_software);
}

static void the_token_s_own_padding_comes_first_and_raw_rsa_second(void **state)
{
	(void)state;
	climbs(LADDER_SIGN_PKCS1, 2, CKM_RSA_PKCS, 0, CKM_RSA_X_509, 1);
	climbs(LADDER_SIGN_PSS, 2, CKM_RSA_PKCS_PSS, 0, CKM_RSA_X_509, 1);
	climbs(LADDER_DECRYPT_PKCS1, 2, CKM_RSA_PKCS, 0, CKM_RSA_X_509, 1);
	climbs(LADDER_DECRYPT_OAEP, 2, CKM_RSA_PKCS_OAEP, 0, CKM_RSA_X_509, 1);
}

static void odd_oaep_parameters_are_tried_in_software_first(void **state)
{
	(void)state;
	climbs(LADDER_DECRYPT_OAEP_ODD, 2, CKM_RSA_X_509, 1, CKM_RSA_PKCS_OAEP, 0);
}

static void raw_and_elliptic_operations_have_one_way(void **state)
{
	(void)state;
	climbs(LADDER_SIGN_RAW, 1, CKM_RSA_X_509, 0, 0, 0);
	climbs(LADDER_DECRYPT_RAW, 1, CKM_RSA_X_509, 0, 0, 0);
	climbs(LADDER_SIGN_ECDSA, 1, CKM_ECDSA, 0, 0, 0);
	climbs(LADDER_DERIVE, 1, CKM_ECDH1_DERIVE, 0, 0, 0);
}

static void what_worked_is_remembered_by_ladder_and_digest_alone(void **state)
{
	struct mechanism_memory m;

	(void)state;
	memset(&m, 0, sizeof(m));
	assert_int_equal(mechanism_first(&m, LADDER_DECRYPT_OAEP, "SHA256"), 0);
	mechanism_remember(&m, LADDER_DECRYPT_OAEP, "SHA256", 1);
	assert_int_equal(mechanism_first(&m, LADDER_DECRYPT_OAEP, "SHA256"), 1);
	assert_int_equal(mechanism_first(&m, LADDER_DECRYPT_OAEP, "sha2-256"), 1);
	assert_int_equal(mechanism_first(&m, LADDER_DECRYPT_OAEP, "SHA1"), 0);
	assert_int_equal(mechanism_first(&m, LADDER_DECRYPT_OAEP, NULL), 0);
	assert_int_equal(mechanism_first(&m, LADDER_DECRYPT_OAEP_ODD, "SHA256"), 0);
	mechanism_remember(&m, LADDER_DERIVE, NULL, 3);
	assert_int_equal(mechanism_first(&m, LADDER_DERIVE, NULL), 3);
	mechanism_remember(&m, LADDER_DECRYPT_OAEP, "SHA256", 0);
	assert_int_equal(mechanism_first(&m, LADDER_DECRYPT_OAEP, "SHA256"), 0);
}

static void digests_are_known_by_all_their_names(void **state)
{
	(void)state;
	assert_true(mechanism_same_digest("SHA256", "SHA2-256"));
	assert_true(mechanism_same_digest("sha-1", "SHA1"));
	assert_true(mechanism_same_digest("SHA3-256", "sha3-256"));
	assert_false(mechanism_same_digest("SHA256", "SHA384"));
	assert_false(mechanism_same_digest("SHA3-256", "SHA3-384"));
	assert_false(mechanism_same_digest("SHA3-256", "SHA256"));
	assert_false(mechanism_same_digest(NULL, "SHA1"));
	assert_false(mechanism_same_digest("SHA1", NULL));
	assert_true(mechanism_same_digest(NULL, NULL));
}

static const struct {
	const char *name;
	CK_MECHANISM_TYPE hash;
	CK_ULONG mgf;
} known[] = { { "SHA1", CKM_SHA_1, CKG_MGF1_SHA1 }, { "SHA224", CKM_SHA224, CKG_MGF1_SHA224 },
	{ "SHA256", CKM_SHA256, CKG_MGF1_SHA256 }, { "SHA384", CKM_SHA384, CKG_MGF1_SHA384 },
	{ "SHA512", CKM_SHA512, CKG_MGF1_SHA512 } };

static void pss_parameters_say_hash_mgf1_and_salt(void **state)
{
	struct mechanism m;

	(void)state;
	for (size_t i = 0; i < 5; i++)
		for (size_t j = 0; j < 5; j++) {
			assert_int_equal(mechanism_pss(&m, known[i].name, known[j].name, 17), 0);
			assert_int_equal(m.ck.mechanism, CKM_RSA_PKCS_PSS);
			assert_ptr_equal(m.ck.pParameter, &m.parameters.pss);
			assert_int_equal(m.ck.ulParameterLen, sizeof(CK_RSA_PKCS_PSS_PARAMS));
			assert_int_equal(m.parameters.pss.hashAlg, known[i].hash);
			assert_int_equal(m.parameters.pss.mgf, known[j].mgf);
			assert_int_equal(m.parameters.pss.sLen, 17);
		}
	assert_int_equal(mechanism_pss(&m, "SHA384", NULL, 48), 0);
	assert_int_equal(m.parameters.pss.mgf, CKG_MGF1_SHA384);
}

static void oaep_parameters_say_hash_mgf1_and_label(void **state)
{
	static const unsigned char label[] = "label";
	struct mechanism m;

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		assert_int_equal(mechanism_oaep(&m, known[i].name, NULL, label, 5), 0);
		assert_int_equal(m.ck.mechanism, CKM_RSA_PKCS_OAEP);
		assert_int_equal(m.ck.ulParameterLen, sizeof(CK_RSA_PKCS_OAEP_PARAMS));
		assert_int_equal(m.parameters.oaep.hashAlg, known[i].hash);
		assert_int_equal(m.parameters.oaep.mgf, known[i].mgf);
		assert_int_equal(m.parameters.oaep.source, CKZ_DATA_SPECIFIED);
		assert_ptr_equal(m.parameters.oaep.pSourceData, label);
		assert_int_equal(m.parameters.oaep.ulSourceDataLen, 5);
	}
	assert_int_equal(mechanism_oaep(&m, "SHA1", "SHA512", label, 0), 0);
	assert_int_equal(m.parameters.oaep.mgf, CKG_MGF1_SHA512);
	assert_null(m.parameters.oaep.pSourceData);
}

static void digests_without_a_number_are_unsupported(void **state)
{
	static const char *const names[] = { "SHA3-256", "SHA512-256", "MD5", "NOPE", "", NULL };
	struct mechanism m;

	(void)state;
	for (size_t i = 0; i < 6; i++) {
		assert_int_equal(mechanism_pss(&m, names[i], NULL, 0), HSMIME_EUNSUPPORTED);
		assert_int_equal(
		    mechanism_oaep(&m, names[i], "SHA1", NULL, 0), HSMIME_EUNSUPPORTED);
		if (names[i] != NULL)
			assert_int_equal(
			    mechanism_oaep(&m, "SHA1", names[i], NULL, 0), HSMIME_EUNSUPPORTED);
	}
}

static void ecdh_asks_for_the_bare_secret(void **state)
{
	static const unsigned char point[65] = { 4 };
	struct mechanism m;

	(void)state;
	mechanism_ecdh(&m, point, sizeof(point));
	assert_int_equal(m.ck.mechanism, CKM_ECDH1_DERIVE);
	assert_int_equal(m.parameters.ecdh.kdf, CKD_NULL);
	assert_int_equal(m.parameters.ecdh.ulSharedDataLen, 0);
	assert_ptr_equal(m.parameters.ecdh.pPublicData, point);
	assert_int_equal(m.parameters.ecdh.ulPublicDataLen, 65);
	mechanism_plain(&m, CKM_ECDSA);
	assert_int_equal(m.ck.mechanism, CKM_ECDSA);
	assert_null(m.ck.pParameter);
	assert_int_equal(m.ck.ulParameterLen, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_token_s_own_padding_comes_first_and_raw_rsa_second),
		cmocka_unit_test(odd_oaep_parameters_are_tried_in_software_first),
		cmocka_unit_test(raw_and_elliptic_operations_have_one_way),
		cmocka_unit_test(what_worked_is_remembered_by_ladder_and_digest_alone),
		cmocka_unit_test(digests_are_known_by_all_their_names),
		cmocka_unit_test(pss_parameters_say_hash_mgf1_and_salt),
		cmocka_unit_test(oaep_parameters_say_hash_mgf1_and_label),
		cmocka_unit_test(digests_without_a_number_are_unsupported),
		cmocka_unit_test(ecdh_asks_for_the_bare_secret),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
