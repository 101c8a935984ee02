/*
 * A group under random faults of one member at a time: PKCS #1 v1.5, PSS and OAEP, by keys that
 * decrypt and by keys that only unwrap. $CHAOS_SEED repeats a run.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <time.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "engine/key.h"
#include "engine/slot.h"
#include "group_rig.h"
#include "operate.h"

#define LIMIT 20000 /* milliseconds that a call may take: no call hangs here */
#define OPERATIONS 300
#define ROOM 512

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

static uint64_t at; /* the random number at hand; the seed at first */

/* Below limit; an LCG (Knuth), of which the upper bits are used. */
static size_t draw(size_t limit)
{
	at = at * 6364136223846793005u + 1442695040888963407u;
	return (size_t)(at >> 33) % limit;
}

struct fault {
	const char *name;
	CK_RV rv;
	bool lost; /* the token is pulled out instead */
	const char *label;
};

/* PKCS#11 has them say that the message was never looked at (SECURITY.md). */
static const CK_RV closed[] = { CKR_DEVICE_REMOVED, CKR_SESSION_HANDLE_INVALID, CKR_SESSION_CLOSED,
	CKR_KEY_HANDLE_INVALID, CKR_USER_NOT_LOGGED_IN, CKR_DEVICE_MEMORY };
static const CK_RV others[] = { CKR_GENERAL_ERROR, CKR_FUNCTION_FAILED, CKR_DEVICE_ERROR };

static const char *const calls[] = { "C_SignInit", "C_Sign", "C_DecryptInit", "C_Decrypt",
	"C_UnwrapKey", "C_FindObjectsInit", "C_FindObjects", "C_GetAttributeValue" };

static struct fault inject(void)
{
	struct fault f = { .label = draw(2) == 0 ? "Alpha" : "Beta", .lost = draw(8) == 0 };

	f.name = calls[draw(COUNT(calls))];
	f.rv = draw(2) == 0 ? closed[draw(COUNT(closed))] : others[draw(COUNT(others))];
	group_rig.proxy->only(f.label);
	if (f.lost)
		group_rig.proxy->lose(f.label);
	else
		group_rig.proxy->refuse(f.name, f.rv, 0, 1 + draw(3));
	return f;
}

/* All is well again, and whoever was set aside may show it. */
static void heal(const struct fault *f)
{
	struct token_key *const members[] = { group_rig.alpha, group_rig.beta };

	group_rig.proxy->refuse(f->name, CKR_OK, 0, 0);
	group_rig.proxy->bring_back();
	for (size_t i = 0; i < COUNT(members); i++)
		if (health_aside(members[i]->token))
			group_rig_is_due(members[i]);
}

static int sign_pss(struct error *err)
{
	unsigned char digest[32], sig[ROOM];
	size_t len = sizeof(sig);
	struct token_sign q = { .scheme = TOKEN_SIGN_RSA_PSS,
		.digest = "SHA256",
		.salt_len = 32,
		.data = digest,
		.len = sizeof(digest) };
	EVP_PKEY_CTX *ctx = NULL;
	int r;

	memset(digest, 0x5c, sizeof(digest));
	r = token_key_sign(group_rig.group, sig, &len, &q, err);
	if (r != 0)
		return r;
	ctx = EVP_PKEY_CTX_new(token_key_public(group_rig.group), NULL);
	assert_int_equal(EVP_PKEY_verify_init(ctx), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING), 1);
	assert_int_equal(EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()), 1);
	assert_int_equal(EVP_PKEY_verify(ctx, sig, len, digest, sizeof(digest)), 1);
	EVP_PKEY_CTX_free(ctx);
	return 0;
}

static int sign_pkcs1(struct error *err)
{
	return operate_sign(group_rig.group, err);
}

/* md NULL: PKCS #1 v1.5. */
static int decrypt(const char *md, struct error *err)
{
	unsigned char data[ROOM], out[ROOM];
	size_t out_len = sizeof(out);
	struct token_decrypt q = { .scheme = md != NULL ? TOKEN_DECRYPT_RSA_OAEP
							: TOKEN_DECRYPT_RSA_PKCS1,
		.digest = md,
		.data = data };
	int r;

	q.len = md != NULL ? operate_encrypt_oaep(data, group_rig.group, md)
			   : operate_encrypt(data, group_rig.group);
	r = token_key_decrypt(group_rig.group, out, &out_len, &q, err);
	if (r == 0) {
		assert_int_equal(out_len, OPERATE_SECRET);
		assert_memory_equal(out, operate_secret, OPERATE_SECRET);
	}
	return r;
}

static int decrypt_pkcs1(struct error *err)
{
	return decrypt(NULL, err);
}

static int decrypt_oaep_sha1(struct error *err)
{
	return decrypt("SHA1", err);
}

static int decrypt_oaep_sha256(struct error *err)
{
	return decrypt("SHA256", err);
}

/* What a token said of the message itself: no key, whoever else holds it. */
static bool is_verdict(const struct fault *f)
{
	static const char *const of_decryption[] = { "C_Decrypt", NULL };
	/* What was unwrapped is then read. */
	static const char *const of_unwrapping[] = { "C_UnwrapKey", "C_GetAttributeValue", NULL };
	const char *const *name =
	    token_key_unwraps(group_rig.alpha) ? of_unwrapping : of_decryption;

	while (*name != NULL && strcmp(*name, f->name) != 0)
		name++;
	if (f->lost || *name == NULL)
		return false;
	for (size_t i = 0; i < COUNT(others); i++)
		if (f->rv == others[i])
			return true;
	return false;
}

struct kind {
	int (*operate)(struct error *err);
	bool decrypts;
};

/* The other member is well, so nothing is lost but by a verdict; and right after it nothing at all. */
static void suffer(const struct kind *kinds, size_t count)
{
	for (int i = 0; i < OPERATIONS; i++) {
		const struct kind *k = &kinds[draw(count)];
		struct fault f = inject();
		struct error err = { 0 };
		int r = k->operate(&err);

		if (r != 0 && !(r == HSMIME_EINVALID && k->decrypts && is_verdict(&f)))
			fail_msg("operation %d: %s %s %#lx: %d %s", i, f.label,
			    f.lost ? "lost" : f.name, f.rv, r, err.message);
		heal(&f);
		r = kinds[draw(count)].operate(&err);
		if (r != 0)
			fail_msg("after operation %d (%s %s %#lx): %d %s", i, f.label,
			    f.lost ? "lost" : f.name, f.rv, r, err.message);
	}
	assert_int_equal(group_rig.proxy->wrong_pins(), 0);
	assert_int_equal(group_rig.proxy->repeated_pins(), 0);
}

static void a_member_s_faults_cost_no_signature_and_no_decryption_but_by_its_verdict(void **state)
{
	static const struct kind kinds[] = { { sign_pkcs1, false }, { sign_pss, false },
		{ decrypt_pkcs1, true }, { decrypt_oaep_sha1, true },
		{ decrypt_oaep_sha256, true } };

	(void)state;
	group_rig_open("%01", LIMIT);
	suffer(kinds, COUNT(kinds));
}

static void nor_where_the_keys_only_unwrap(void **state)
{
	static const struct kind kinds[] = { { sign_pkcs1, false }, { decrypt_pkcs1, true },
		{ decrypt_oaep_sha1, true } };

	(void)state;
	group_rig_open("%04", LIMIT);
	assert_true(token_key_unwraps(group_rig.alpha));
	suffer(kinds, COUNT(kinds));
}

static int set_up(void **state)
{
	const char *wanted = getenv("CHAOS_SEED");

	at = wanted != NULL ? strtoull(wanted, NULL, 0)
			    : (uint64_t)time(NULL) << 16 ^ (uint64_t)getpid();
	printf("CHAOS_SEED=%llu\n", (unsigned long long)at);
	fflush(stdout);
	return group_rig_set_up(state);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, group_rig_begin, group_rig_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_member_s_faults_cost_no_signature_and_no_decryption_but_by_its_verdict),
		TEST(nor_where_the_keys_only_unwrap),
	};

	return cmocka_run_group_tests(tests, set_up, group_rig_tear_down);
}
