#include "engine/provider/digest.h"

#include <string.h>

#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/params.h>

#include "engine/crypto.h"

int digest_set(char name[DIGEST_NAME_SIZE], const char *given)
{
	EVP_MD *md;
	const char *known;
	int ok;

	if (given[0] == '\0') {
		name[0] = '\0';
		return 1;
	}
	md = EVP_MD_fetch(crypto_context(), given, NULL);
	known = md != NULL ? OBJ_nid2sn(EVP_MD_get_type(md)) : NULL;
	ok = known != NULL && EVP_MD_get_type(md) != NID_undef && strlen(known) < DIGEST_NAME_SIZE;
	if (ok)
		memcpy(name, known, strlen(known) + 1);
	EVP_MD_free(md);
	return ok;
}

int digest_take(char name[DIGEST_NAME_SIZE], const OSSL_PARAM params[], const char *key)
{
	const OSSL_PARAM *p = OSSL_PARAM_locate_const(params, key);
	char given[64];
	char *at = given;

	if (p == NULL)
		return 1;
	return OSSL_PARAM_get_utf8_string(p, &at, sizeof(given)) && digest_set(name, given);
}

size_t digest_size(const char *name)
{
	EVP_MD *md = EVP_MD_fetch(crypto_context(), name, NULL);
	int size = md != NULL ? EVP_MD_get_size(md) : 0;

	EVP_MD_free(md);
	return size > 0 ? (size_t)size : 0;
}
