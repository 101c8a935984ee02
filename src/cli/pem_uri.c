#include "pem_uri.h"

#include <string.h>

#include <openssl/asn1t.h>
#include <openssl/pem.h>

#include <hsmime/error.h>

#define LABEL "PKCS#11 PROVIDER URI"
#define DESCRIPTION "PKCS#11 Provider URI v1.0"

typedef struct uri_file_st {
	ASN1_VISIBLESTRING *description;
	ASN1_UTF8STRING *uri;
} URI_FILE;

ASN1_SEQUENCE(URI_FILE) = {
	ASN1_SIMPLE(URI_FILE, description, ASN1_VISIBLESTRING),
	ASN1_SIMPLE(URI_FILE, uri, ASN1_UTF8STRING),
} static_ASN1_SEQUENCE_END(URI_FILE)

static int encode(unsigned char **der, const char *uri)
{
	URI_FILE *file = (URI_FILE *)ASN1_item_new(ASN1_ITEM_rptr(URI_FILE));
	int len = -1;

	if (file != NULL && ASN1_STRING_set(file->description, DESCRIPTION, -1) == 1 &&
	    ASN1_STRING_set(file->uri, uri, -1) == 1)
		len = ASN1_item_i2d((ASN1_VALUE *)file, der, ASN1_ITEM_rptr(URI_FILE));
	ASN1_item_free((ASN1_VALUE *)file, ASN1_ITEM_rptr(URI_FILE));
	return len;
}

int pem_uri_write(FILE *out, const char *uri, const char *query)
{
	/* Other programs of this format take what carries no type for any object. */
	const char *type = strstr(uri, ";type=") != NULL ? "" : ";type=private";
	char text[PEM_URI_MAX + 1];
	unsigned char *der = NULL;
	int len = snprintf(text, sizeof(text), "%s%s%s", uri, type, query);
	int status = 0;

	if (len < 0 || len > PEM_URI_MAX)
		return HSMIME_EUSAGE;
	len = encode(&der, text);
	if (len <= 0)
		status = HSMIME_ENOMEM;
	else if (PEM_write(out, LABEL, "", der, len) <= 0)
		status = HSMIME_EIO;
	OPENSSL_free(der);
	return status;
}
