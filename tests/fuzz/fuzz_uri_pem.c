/* Any file in the place of a key: a URI that comes out is bounded, printable and a pkcs11: one. */
#include "fuzz.h"

#include <strings.h>

#include <openssl/bio.h>

#include "engine/provider/uri_pem.h"

static int next_line(void *bio, char *line, int size)
{
	return BIO_gets(bio, line, size);
}

static void check(const unsigned char *der, size_t len)
{
	char *uri = NULL;
	enum uri_pem found = uri_pem_decode(&uri, der, len);

	holds((found == URI_PEM_URI) == (uri != NULL));
	if (uri != NULL) {
		holds(strlen(uri) <= URI_PEM_URI_MAX && strncasecmp(uri, "pkcs11:", 7) == 0);
		for (const char *c = uri; *c != '\0'; c++)
			holds(*c > ' ' && *c <= '~');
	}
	free(uri);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	unsigned char der[URI_PEM_DER_MAX];
	size_t der_len = 0;
	BIO *bio = BIO_new_mem_buf(data, (int)len);

	check(data, len);
	if (uri_pem_read(der, &der_len, next_line, bio) == URI_PEM_URI)
		check(der, der_len);
	BIO_free(bio);
	return 0;
}
