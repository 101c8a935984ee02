#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "find_rig.h"
#include "operate.h"

#define YEAR FIND_RIG_YEAR

struct find_rig find_rig;

static const struct softtoken_cert mail = { "Mail", NULL, NULL, -3600, YEAR };

X509 *find_rig_certify(EVP_PKEY *key, const char *name, const char *email, long to)
{
	struct softtoken_cert c = mail;

	c.name = name;
	c.email = email;
	c.to = to;
	c.key_usage = "digitalSignature,keyEncipherment,keyAgreement";
	return softtoken_issue(&find_rig.st, key, &c);
}

static X509 *put(EVP_PKEY *key, unsigned char id, const char *name, const char *email, long to,
    bool names, bool hidden)
{
	X509 *cert = find_rig_certify(key, name, email, to);

	softtoken_store(&find_rig.st, cert, id, name, names, hidden);
	EVP_PKEY_free(key);
	return cert;
}

static void make_alpha(void)
{
	EVP_PKEY *key = NULL;
	X509 *previous = NULL;

	softtoken_add(&find_rig.st, "Alpha");
	key = softtoken_rsa(&find_rig.st, 1, "alice", 2048, KEY_SIGN | KEY_DECRYPT);
	previous = find_rig_certify(key, "alice before", "alice@example.org", -60);
	softtoken_store(&find_rig.st, previous, 1, "alice before", true, false);
	X509_free(previous);
	find_rig.alice = put(key, 1, "alice", "alice@example.org", YEAR, true, false);
	find_rig.bob = put(softtoken_ec(&find_rig.st, 2, "bob", "P-256", KEY_SIGN | KEY_DERIVE), 2,
	    "bob certificate", "Bob@Example.org", YEAR, false, false);
	find_rig.signer = put(softtoken_rsa(&find_rig.st, 3, "signer", 2048, KEY_SIGN), 3, "signer",
	    "signer@example.org", YEAR, true, false);
	find_rig.old = put(softtoken_rsa(&find_rig.st, 4, "old", 2048, KEY_SIGN | KEY_DECRYPT), 4,
	    "old", "old@example.org", -60, true, false);
	X509_free(put(softtoken_ec(&find_rig.st, 7, "tie", "P-256", KEY_SIGN), 7, "tie",
	    "tie@example.org", YEAR, true, false));
	X509_free(put(softtoken_ec(&find_rig.st, 8, "tie", "P-256", KEY_SIGN), 8, "tie",
	    "tie@example.org", YEAR, true, false));
	key = softtoken_ec(&find_rig.st, 5, "lonely", "P-384", KEY_SIGN | KEY_DERIVE);
	find_rig.lonely = find_rig_certify(key, "lonely", "lonely@example.org", YEAR);
	EVP_PKEY_free(key);
}

int find_rig_set_up(void **state)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");

	(void)state;
	softtoken_begin(&find_rig.st);
	make_alpha();
	softtoken_add(&find_rig.st, "Beta");
	find_rig.carol = put(softtoken_rsa(&find_rig.st, 1, "carol", 2048, KEY_SIGN | KEY_DECRYPT),
	    1, "carol", "carol@example.org", YEAR, true, true);
	find_rig.twin = put(softtoken_rsa(&find_rig.st, 6, "twin", 2048, KEY_SIGN), 6, "twin",
	    "twin@example.org", YEAR, true, true);
	find_rig.stranger = find_rig_certify(key, "stranger", "stranger@example.org", YEAR);
	EVP_PKEY_free(key);
	softtoken_seal(&find_rig.st);
	find_rig.e = operate_engine();
	return 0;
}

int find_rig_tear_down(void **state)
{
	X509 *all[] = { find_rig.alice, find_rig.bob, find_rig.signer, find_rig.old, find_rig.carol,
		find_rig.twin, find_rig.stranger, find_rig.lonely };

	(void)state;
	engine_free(find_rig.e);
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		X509_free(all[i]);
	softtoken_end(&find_rig.st);
	return 0;
}

void find_rig_is(const struct engine_found *found, X509 *cert, const char *label)
{
	EVP_PKEY *key = X509_get0_pubkey(cert);

	assert_non_null(found->key);
	assert_int_equal(EVP_PKEY_eq(token_key_public(found->key), key), 1);
	assert_string_equal(found->token_label, label);
	assert_string_equal(found->uri, token_key_uri(found->key));
	assert_null(strstr(found->uri, "pin"));
}
