#include "engine/provider/named_key.h"

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/core_object.h>
#include <openssl/params.h>

#include "engine/provider/key.h"

/* OpenSSL does not say what for. */
int named_key_find(struct engine_found *found, struct engine *e, const char *uri, struct error *err)
{
	return engine_find_key(found, e, uri, ENGINE_ANY, err);
}

const char *named_key_type(const struct token_key *key)
{
	return token_key_type(key) == TOKEN_KEY_RSA ? "RSA" : "EC";
}

int named_key_give(struct provider *p, struct token_key *key, OSSL_CALLBACK *give, void *arg)
{
	struct provider_key held = { .provider = p, .token = key };
	struct provider_key *reference = &held;
	int object = OSSL_OBJECT_PKEY;
	const char *type = named_key_type(key);
	OSSL_PARAM params[] = {
		OSSL_PARAM_int(OSSL_OBJECT_PARAM_TYPE, &object),
		OSSL_PARAM_utf8_string(OSSL_OBJECT_PARAM_DATA_TYPE, (char *)type, strlen(type)),
		OSSL_PARAM_octet_string(OSSL_OBJECT_PARAM_REFERENCE, &reference, sizeof(reference)),
		OSSL_PARAM_END,
	};

	return give(params, arg);
}
