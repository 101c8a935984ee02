#include "engine/provider/padding_name.h"

#include <stdbool.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/params.h>
#include <openssl/rsa.h>

static const struct {
	const char *name;
	int padding;
	unsigned uses; /* enum padding_use */
} paddings[] = {
	{ OSSL_PKEY_RSA_PAD_MODE_PKCSV15, RSA_PKCS1_PADDING, PADDING_SIGNS | PADDING_ENCRYPTS },
	{ OSSL_PKEY_RSA_PAD_MODE_PSS, RSA_PKCS1_PSS_PADDING, PADDING_SIGNS },
	{ OSSL_PKEY_RSA_PAD_MODE_OAEP, RSA_PKCS1_OAEP_PADDING, PADDING_ENCRYPTS },
	/* A slip of the pen that OpenSSL keeps. */
	{ "oeap", RSA_PKCS1_OAEP_PADDING, PADDING_ENCRYPTS },
	{ OSSL_PKEY_RSA_PAD_MODE_NONE, RSA_NO_PADDING, PADDING_SIGNS | PADDING_ENCRYPTS },
	/* libssl's alone, by number. */
	{ NULL, RSA_PKCS1_WITH_TLS_PADDING, PADDING_ENCRYPTS },
};
#define PADDINGS (sizeof(paddings) / sizeof(paddings[0]))

int padding_name_take(int *padding, const OSSL_PARAM *p, enum padding_use use)
{
	bool word = p->data_type == OSSL_PARAM_UTF8_STRING;
	int number = 0;

	if (!word && !OSSL_PARAM_get_int(p, &number))
		return 0;
	for (size_t i = 0; i < PADDINGS; i++) {
		const char *name = paddings[i].name;
		bool same = word ? name != NULL && strcmp(p->data, name) == 0
				 : paddings[i].padding == number;

		if (same && (paddings[i].uses & use) != 0) {
			*padding = paddings[i].padding;
			return 1;
		}
	}
	return 0;
}

int padding_name_put(OSSL_PARAM *p, int padding)
{
	if (p->data_type == OSSL_PARAM_INTEGER)
		return OSSL_PARAM_set_int(p, padding);
	for (size_t i = 0; i < PADDINGS; i++) {
		if (paddings[i].padding == padding && paddings[i].name != NULL)
			return OSSL_PARAM_set_utf8_string(p, paddings[i].name);
	}
	return 0;
}
