/*
 * The decoders of PEM files that hold a pkcs11: URI (uri_pem.h): one makes DER of PEM, as OpenSSL's
 * own does for the names that it knows, and one for each type of key makes a key of DER. Every key
 * that a program reads comes by here, and is let pass.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/core_object.h>
#include <openssl/params.h>

#include "engine/provider/named_key.h"
#include "engine/provider/uri_pem.h"

/* A decoder's answers: this one, or 0 for an error. */
#define CARRY_ON 1 /* not for us: the next one may know it */

#define UNSOUND "the PEM file holds no sound pkcs11: URI; make it with 'hsmime keys --pem-uri'"

static void *decoder_new(void *provctx)
{
	return provctx;
}

static void decoder_free(void *ctx)
{
	(void)ctx;
}

/* The file is a private key, and a public one for nobody. */
static int decoder_selects(void *provctx, int selection)
{
	(void)provctx;
	return selection == 0 || (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0;
}

/* What in holds, up to room octets, which is then more than a URI takes. */
static size_t read_all(unsigned char *out, size_t room, struct provider *p, OSSL_CORE_BIO *in)
{
	size_t len = 0, got = 0;

	if (p->bio_read == NULL)
		return 0;
	while (len < room && p->bio_read(in, out + len, room - len, &got) == 1 && got > 0)
		len += got;
	return len;
}

/* Each type of key has a decoder: the other types' answer is their own. */
static int give(
    struct provider *p, const char *type, const char *uri, OSSL_CALLBACK *object, void *arg)
{
	struct engine_found found = { 0 };
	struct engine *engine = NULL;
	struct error err = { 0 };
	int status = provider_engine(&engine, p, &err);
	int ok = CARRY_ON;

	if (status == 0)
		status = named_key_find(&found, engine, uri, &err);
	if (status != 0)
		return provider_fail(p, status, &err);
	if (strcmp(named_key_type(found.key), type) == 0)
		ok = named_key_give(p, found.key, object, arg);
	engine_found_free(&found);
	return ok;
}

static int decode(
    struct provider *p, const char *type, OSSL_CORE_BIO *in, OSSL_CALLBACK *object, void *arg)
{
	unsigned char der[URI_PEM_DER_MAX + 1];
	size_t len = read_all(der, sizeof(der), p, in);
	char *uri = NULL;
	int ok = CARRY_ON;

	switch (uri_pem_decode(&uri, der, len)) {
	case URI_PEM_OTHER:
		break;
	case URI_PEM_BAD:
		ok = provider_raise(p, REASON_USAGE, UNSOUND);
		break;
	case URI_PEM_URI:
		ok = give(p, type, uri, object, arg);
		break;
	}
	free(uri);
	return ok;
}

static int decode_asking(void *ctx, const char *type, OSSL_CORE_BIO *in, int selection,
    OSSL_CALLBACK *object, void *arg, OSSL_PASSPHRASE_CALLBACK *ask, void *ask_arg)
{
	int ok;

	if (!decoder_selects(ctx, selection))
		return CARRY_ON;
	provider_ask_with(ask, ask_arg);
	ok = decode(ctx, type, in, object, arg);
	provider_ask_with(NULL, NULL);
	return ok;
}

static int decode_rsa(void *ctx, OSSL_CORE_BIO *in, int selection, OSSL_CALLBACK *object, void *arg,
    OSSL_PASSPHRASE_CALLBACK *ask, void *ask_arg)
{
	return decode_asking(ctx, "RSA", in, selection, object, arg, ask, ask_arg);
}

static int decode_ec(void *ctx, OSSL_CORE_BIO *in, int selection, OSSL_CALLBACK *object, void *arg,
    OSSL_PASSPHRASE_CALLBACK *ask, void *ask_arg)
{
	return decode_asking(ctx, "EC", in, selection, object, arg, ask, ask_arg);
}

struct lines {
	struct provider *provider;
	OSSL_CORE_BIO *in;
};

static int next_line(void *arg, char *line, int size)
{
	struct lines *l = arg;

	return l->provider->bio_gets != NULL ? l->provider->bio_gets(l->in, line, size) : 0;
}

static int give_der(unsigned char *der, size_t len, OSSL_CALLBACK *object, void *arg)
{
	static const char structure[] = URI_PEM_STRUCTURE;
	OSSL_PARAM params[] = {
		OSSL_PARAM_octet_string(OSSL_OBJECT_PARAM_DATA, der, len),
		OSSL_PARAM_utf8_string(
		    OSSL_OBJECT_PARAM_DATA_STRUCTURE, (char *)structure, sizeof(structure) - 1),
		OSSL_PARAM_END,
	};

	return object(params, arg);
}

static int decode_pem(void *ctx, OSSL_CORE_BIO *in, int selection, OSSL_CALLBACK *object, void *arg,
    OSSL_PASSPHRASE_CALLBACK *ask, void *ask_arg)
{
	unsigned char der[URI_PEM_DER_MAX];
	struct lines lines = { ctx, in };
	size_t len = 0;

	(void)ask;
	(void)ask_arg;
	if (!decoder_selects(ctx, selection))
		return CARRY_ON;
	switch (uri_pem_read(der, &len, next_line, &lines)) {
	case URI_PEM_URI:
		return give_der(der, len, object, arg);
	case URI_PEM_BAD:
		return provider_raise(ctx, REASON_USAGE, UNSOUND);
	default:
		return CARRY_ON;
	}
}

const OSSL_DISPATCH decoder_pem_functions[] = {
	{ OSSL_FUNC_DECODER_NEWCTX, (void (*)(void))decoder_new },
	{ OSSL_FUNC_DECODER_FREECTX, (void (*)(void))decoder_free },
	{ OSSL_FUNC_DECODER_DOES_SELECTION, (void (*)(void))decoder_selects },
	{ OSSL_FUNC_DECODER_DECODE, (void (*)(void))decode_pem },
	{ 0, NULL },
};

const OSSL_DISPATCH decoder_rsa_functions[] = {
	{ OSSL_FUNC_DECODER_NEWCTX, (void (*)(void))decoder_new },
	{ OSSL_FUNC_DECODER_FREECTX, (void (*)(void))decoder_free },
	{ OSSL_FUNC_DECODER_DOES_SELECTION, (void (*)(void))decoder_selects },
	{ OSSL_FUNC_DECODER_DECODE, (void (*)(void))decode_rsa },
	{ 0, NULL },
};

const OSSL_DISPATCH decoder_ec_functions[] = {
	{ OSSL_FUNC_DECODER_NEWCTX, (void (*)(void))decoder_new },
	{ OSSL_FUNC_DECODER_FREECTX, (void (*)(void))decoder_free },
	{ OSSL_FUNC_DECODER_DOES_SELECTION, (void (*)(void))decoder_selects },
	{ OSSL_FUNC_DECODER_DECODE, (void (*)(void))decode_ec },
	{ 0, NULL },
};
