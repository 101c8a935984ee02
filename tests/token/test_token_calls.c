#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/public_key.h"
#include "operate.h"
#include "softtoken.h"

#define YEAR 31536000L
#define MANY 40

/*
 * Token "Few": RSA 01 (signs, decrypts) with a certificate, EC 02 (signs, agrees). Token "Many":
 * the same among MANY other keys and certificates.
 */
static struct softtoken st;
static struct engine *e;
static struct error err;
static const struct proxy *proxy;
static X509 *recipient[2];
static unsigned char key_ids[2][SHA_DIGEST_LENGTH];

static void certify(EVP_PKEY *key, unsigned char id, const char *name, X509 **keep)
{
	struct softtoken_cert c = { name, NULL, "digitalSignature,keyEncipherment", -3600, YEAR };
	X509 *cert = softtoken_issue(&st, key, &c);

	softtoken_store(&st, cert, id, name, true, false);
	if (keep != NULL)
		*keep = cert;
	else
		X509_free(cert);
	EVP_PKEY_free(key);
}

/* From here on what has that CKA_ID on the token has this one in its place. */
static void identify(unsigned char id, const unsigned char *key_id)
{
	CK_ATTRIBUTE old = { CKA_ID, &id, 1 }, new = { CKA_ID, (void *)key_id, SHA_DIGEST_LENGTH };
	CK_OBJECT_HANDLE objects[4];
	CK_ULONG count = 0;

	assert_int_equal(st.functions->C_FindObjectsInit(st.session, &old, 1), CKR_OK);
	assert_int_equal(st.functions->C_FindObjects(st.session, objects, 4, &count), CKR_OK);
	assert_int_equal(st.functions->C_FindObjectsFinal(st.session), CKR_OK);
	assert_int_equal(count, 3);
	for (CK_ULONG i = 0; i < count; i++)
		assert_int_equal(
		    st.functions->C_SetAttributeValue(st.session, objects[i], &new, 1), CKR_OK);
}

static void fill_identified(unsigned char *key_id)
{
	EVP_PKEY *key = softtoken_rsa(&st, 3, "identified", 2048, KEY_DECRYPT);
	struct softtoken_cert c = { "identified", NULL, "keyEncipherment", -3600, YEAR };
	X509 *cert = softtoken_issue(&st, key, &c);

	assert_int_equal(X509_pubkey_digest(cert, EVP_sha1(), key_id, NULL), 1);
	softtoken_store(&st, cert, 3, "identified", true, false);
	identify(3, key_id);
	X509_free(cert);
	EVP_PKEY_free(key);
}

static void fill(const char *label, X509 **keep, unsigned char *key_id, unsigned others)
{
	softtoken_add(&st, label);
	certify(softtoken_rsa(&st, 1, "rsa", 2048, KEY_SIGN | KEY_DECRYPT), 1, "rsa", keep);
	EVP_PKEY_free(softtoken_ec(&st, 2, "ec", "P-256", KEY_SIGN | KEY_DERIVE));
	fill_identified(key_id);
	for (unsigned i = 0; i < others; i++)
		certify(softtoken_ec(&st, (unsigned char)(10 + i), "other", "P-256", KEY_SIGN),
		    (unsigned char)(10 + i), "other", NULL);
}

static int set_up(void **state)
{
	(void)state;
	softtoken_begin(&st);
	fill("Few", &recipient[0], key_ids[0], 0);
	fill("Many", &recipient[1], key_ids[1], MANY);
	softtoken_seal(&st);
	proxy = softtoken_proxy();
	e = operate_engine();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	engine_free(e);
	X509_free(recipient[0]);
	X509_free(recipient[1]);
	softtoken_end(&st);
	return 0;
}

static int reset(void **state)
{
	(void)state;
	proxy->reset();
	return 0;
}

static void a_warm_signature_is_two_calls(void **state)
{
	struct token_key *keys[2];

	(void)state;
	keys[0] = operate_key(e, "pkcs11:token=Few;id=%01", ENGINE_SIGN);
	keys[1] = operate_key(e, "pkcs11:token=Few;id=%02", ENGINE_SIGN);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(operate_sign(keys[i], &err), 0);
		proxy->reset();
		for (int n = 0; n < 5; n++)
			assert_int_equal(operate_sign(keys[i], &err), 0);
		assert_int_equal(proxy->count("C_SignInit"), 5);
		assert_int_equal(proxy->count("C_Sign"), 5);
		assert_int_equal(proxy->round_trips(), 10);
		token_key_free(keys[i]);
	}
}

static void a_warm_decryption_is_two_calls_good_or_bad(void **state)
{
	static const struct proxy_padding refused = { CKR_GENERAL_ERROR, 0, 0 };
	struct token_key *k = operate_key(e, "pkcs11:token=Few;id=%01", ENGINE_DECRYPT);
	unsigned char data[512];
	size_t len = operate_encrypt(data, k);

	(void)state;
	assert_int_equal(operate_decrypt(k, data, len, &err), 0);
	proxy->reset();
	assert_int_equal(operate_decrypt(k, data, len, &err), 0);
	assert_int_equal(proxy->round_trips(), 2);
	data[9] ^= 1;
	proxy->bad_padding(&refused);
	assert_int_equal(operate_decrypt(k, data, len, &err), HSMIME_EINVALID);
	assert_int_equal(operate_decrypt(k, data, len, &err), HSMIME_EINVALID);
	assert_int_equal(proxy->count("C_DecryptInit"), 3);
	assert_int_equal(proxy->count("C_Decrypt"), 3);
	assert_int_equal(proxy->round_trips(), 6);
	token_key_free(k);
}

/* PKCS#11 v2.40 gives a secret as an object only. */
static void a_warm_agreement_derives_reads_and_destroys(void **state)
{
	struct token_key *k = operate_key(e, "pkcs11:token=Few;id=%02", ENGINE_DECRYPT);
	EVP_PKEY *peer = EVP_EC_gen("P-256");
	unsigned char point[PUBLIC_POINT_MAX], out[66];
	size_t len = sizeof(point), out_len = sizeof(out);

	(void)state;
	assert_true(public_key_point(point, &len, peer));
	assert_int_equal(token_key_derive(k, out, &out_len, point, len, &err), 0);
	proxy->reset();
	out_len = sizeof(out);
	assert_int_equal(token_key_derive(k, out, &out_len, point, len, &err), 0);
	assert_int_equal(proxy->count("C_DeriveKey"), 1);
	assert_int_equal(proxy->count("C_GetAttributeValue"), 1);
	assert_int_equal(proxy->count("C_DestroyObject"), 1);
	assert_int_equal(proxy->round_trips(), 3);
	EVP_PKEY_free(peer);
	token_key_free(k);
}

static unsigned long calls_to_find(const char *uri)
{
	proxy->reset();
	token_key_free(operate_key(e, uri, ENGINE_SIGN));
	return proxy->round_trips();
}

static void finding_a_key_costs_the_same_among_many(void **state)
{
	unsigned long few, many;

	(void)state;
	(void)calls_to_find("pkcs11:token=Few;id=%01");
	(void)calls_to_find("pkcs11:token=Many;id=%01");
	few = calls_to_find("pkcs11:token=Few;id=%01");
	many = calls_to_find("pkcs11:token=Many;id=%01");
	assert_int_equal(few, many);
	assert_in_range(few, 1, 8);
	few = calls_to_find("pkcs11:token=Few;object=ec");
	many = calls_to_find("pkcs11:token=Many;object=ec");
	assert_int_equal(few, many);
}

static unsigned long calls_to_find_recipient(X509 *cert, const char *uri)
{
	struct engine_found found = { 0 };

	proxy->reset();
	assert_int_equal(operate_find_recipient(&found, e, uri, &cert, 1, &err), 0);
	engine_found_free(&found);
	return proxy->round_trips();
}

static void finding_a_recipient_costs_the_same_among_many(void **state)
{
	unsigned long few, many;

	(void)state;
	few = calls_to_find_recipient(recipient[0], "pkcs11:token=Few");
	many = calls_to_find_recipient(recipient[1], "pkcs11:token=Many");
	assert_int_equal(few, many);
}

static unsigned long calls_to_find_key_id(const unsigned char *key_id, const char *uri)
{
	struct engine_candidate c = { .key_id = key_id, .key_id_len = SHA_DIGEST_LENGTH };
	struct engine_found found = { 0 };

	proxy->reset();
	assert_int_equal(engine_find_recipient(&found, e, uri, &c, 1, &err), 0);
	engine_found_free(&found);
	return proxy->round_trips();
}

/* A message that names its recipient by key identifier, and keys whose CKA_ID that is. */
static void finding_a_key_identifier_costs_the_same_among_many(void **state)
{
	unsigned long few, many;

	(void)state;
	few = calls_to_find_key_id(key_ids[0], "pkcs11:token=Few");
	many = calls_to_find_key_id(key_ids[1], "pkcs11:token=Many");
	assert_int_equal(few, many);
}

/* A whole program's life: load, find key and certificate, log in, sign, close. */
static void a_whole_signature_is_at_most_18_round_trips(void **state)
{
	static const char *const uris[] = { "pkcs11:token=Few;id=%01", "pkcs11:token=Few;id=%02",
		"pkcs11:token=Many;id=%01" };

	(void)state;
	engine_free(e);
	for (size_t i = 0; i < 3; i++) {
		struct token_key *k = NULL;

		proxy->reset();
		e = operate_engine();
		k = operate_key(e, uris[i], ENGINE_SIGN);
		assert_int_equal(operate_sign(k, &err), 0);
		token_key_free(k);
		engine_free(e);
		assert_int_equal(proxy->count("C_Login"), 1);
		assert_int_equal(proxy->count("C_OpenSession"), 1);
		/* Two more than with one token, for the other one's slot. */
		assert_in_range(proxy->round_trips(), 1, 18 + 2);
	}
	e = operate_engine();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_warm_signature_is_two_calls, reset),
		cmocka_unit_test_setup(a_warm_decryption_is_two_calls_good_or_bad, reset),
		cmocka_unit_test_setup(a_warm_agreement_derives_reads_and_destroys, reset),
		cmocka_unit_test_setup(finding_a_key_costs_the_same_among_many, reset),
		cmocka_unit_test_setup(finding_a_recipient_costs_the_same_among_many, reset),
		cmocka_unit_test_setup(finding_a_key_identifier_costs_the_same_among_many, reset),
		cmocka_unit_test_setup(a_whole_signature_is_at_most_18_round_trips, reset),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
