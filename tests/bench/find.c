/*
 * find: what it takes to find one private key among many.
 *
 * usage: bench_find fill COUNT       COUNT RSA private keys, CKA_ID two octets from 1
 *        bench_find hsmime|libp11 N  find key N and its certificate, in a process of its own
 *        bench_find raw N            find key N alone, by one C_FindObjects: the least it takes
 * On $BENCH_TOKEN. fill copies the token's own key 01 where that is
 * extractable; see tests/bench/run.
 */
#include "raw_token.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libp11.h>

#include "engine/engine.h"

static void id_of(unsigned char id[2], unsigned n)
{
	id[0] = (unsigned char)(n >> 8);
	id[1] = (unsigned char)n;
}

static void fill(unsigned count)
{
	static const unsigned char first[] = { 1 };
	unsigned char id[2];
	char label[16];
	CK_ATTRIBUTE changes[] = { { CKA_ID, id, sizeof(id) }, { CKA_LABEL, label, 0 } };
	CK_OBJECT_HANDLE original = 0, copy = 0;
	struct raw_token t;

	raw_token_open(&t);
	original = raw_token_find(&t, t.session, CKO_PRIVATE_KEY, first, sizeof(first));
	for (unsigned n = 1; n <= count; n++) {
		id_of(id, n);
		changes[1].ulValueLen = (CK_ULONG)snprintf(label, sizeof(label), "key %u", n);
		raw_check(
		    t.f->C_CopyObject(t.session, original, changes, 2, &copy), "C_CopyObject");
	}
}

static int find_hsmime(unsigned n)
{
	struct engine_options options = { .module = bench_env("HSMIME_MODULE"),
		.token_label = bench_env("BENCH_TOKEN"),
		.pin_source = bench_env("HSMIME_PIN_SOURCE") };
	struct engine *engine = NULL;
	struct engine_found found = { 0 };
	struct error err = { 0 };
	unsigned char id[2];
	char uri[64];

	id_of(id, n);
	snprintf(uri, sizeof(uri), "pkcs11:id=%%%02x%%%02x", id[0], id[1]);
	if (engine_new(&engine, &options, &err) == 0 &&
	    engine_find_key(&found, engine, uri, ENGINE_SIGN, &err) == 0)
		return 0;
	fprintf(stderr, "%s\n", err.message);
	return 1;
}

static int find_raw(unsigned n)
{
	unsigned char id[2];
	struct raw_token t;

	id_of(id, n);
	raw_token_open(&t);
	raw_token_find(&t, t.session, CKO_PRIVATE_KEY, id, sizeof(id));
	return 0;
}

static PKCS11_SLOT *libp11_slot(PKCS11_CTX *ctx)
{
	const char *label = bench_env("BENCH_TOKEN");
	PKCS11_SLOT *slots = NULL;
	unsigned count = 0;

	if (PKCS11_CTX_load(ctx, bench_env("HSMIME_MODULE")) != 0 ||
	    PKCS11_enumerate_slots(ctx, &slots, &count) != 0)
		return NULL;
	for (unsigned i = 0; i < count; i++)
		if (slots[i].token != NULL && slots[i].token->label != NULL &&
		    strcmp(slots[i].token->label, label) == 0)
			return &slots[i];
	return NULL;
}

static int find_libp11(unsigned n)
{
	PKCS11_CTX *ctx = PKCS11_CTX_new();
	PKCS11_SLOT *slot = libp11_slot(ctx);
	PKCS11_KEY *keys = NULL;
	unsigned count = 0;
	unsigned char id[2];

	id_of(id, n);
	if (slot == NULL || PKCS11_login(slot, 0, bench_env("BENCH_PIN")) != 0 ||
	    PKCS11_enumerate_keys(slot->token, &keys, &count) != 0)
		return 1;
	for (unsigned i = 0; i < count; i++)
		if (keys[i].id_len == sizeof(id) && memcmp(keys[i].id, id, sizeof(id)) == 0)
			return PKCS11_get_private_key(&keys[i]) == NULL;
	return 1;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*find)(unsigned n);
	} ways[] = { { "hsmime", find_hsmime }, { "libp11", find_libp11 }, { "raw", find_raw } };
	unsigned n = argc == 3 ? bench_number(argv[2]) : 0;

	if (n > 0 && n <= 65535 && strcmp(argv[1], "fill") == 0) {
		fill(n);
		return 0;
	}
	for (size_t i = 0; n > 0 && n <= 65535 && i < sizeof(ways) / sizeof(ways[0]); i++)
		if (strcmp(argv[1], ways[i].name) == 0)
			_exit(ways[i].find(n));
	fprintf(stderr, "usage: %s fill|hsmime|libp11|raw NUMBER\n", argv[0]);
	return 2;
}
