#include "engine/provider/digest.h"

#include <openssl/params.h>

int digest_take(char name[DIGEST_NAME_SIZE], const OSSL_PARAM params[], const char *key)
{
	const OSSL_PARAM *p = OSSL_PARAM_locate_const(params, key);

	return p == NULL || OSSL_PARAM_get_utf8_string(p, &name, DIGEST_NAME_SIZE);
}
