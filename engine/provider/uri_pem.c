#include "engine/provider/uri_pem.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include <openssl/asn1t.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#define LABEL "PKCS#11 PROVIDER URI"
#define DESCRIPTION "PKCS#11 Provider URI v1.0"
#define LINE_SIZE 256 /* octets: OpenSSL's own bound */
#define HELD_BACK 64  /* octets that EVP_DecodeUpdate may hold back */

typedef struct uri_file_st {
	ASN1_VISIBLESTRING *description;
	ASN1_UTF8STRING *uri;
} URI_FILE;

ASN1_SEQUENCE(URI_FILE) = {
	ASN1_SIMPLE(URI_FILE, description, ASN1_VISIBLESTRING),
	ASN1_SIMPLE(URI_FILE, uri, ASN1_UTF8STRING),
} static_ASN1_SEQUENCE_END(URI_FILE)

static bool is_described(const URI_FILE *file)
{
	const ASN1_STRING *d = file->description;

	return ASN1_STRING_length(d) == sizeof(DESCRIPTION) - 1 &&
	       memcmp(ASN1_STRING_get0_data(d), DESCRIPTION, sizeof(DESCRIPTION) - 1) == 0;
}

/* RFC 3986 section 2: everything else in a URI is percent-encoded. */
static bool is_sound(const char *uri, size_t len)
{
	if (len > URI_PEM_URI_MAX || len < 7 || strncasecmp(uri, "pkcs11:", 7) != 0)
		return false;
	for (size_t i = 0; i < len; i++)
		if (uri[i] <= ' ' || uri[i] > '~')
			return false;
	return true;
}

static enum uri_pem read_uri(char **uri, const URI_FILE *file)
{
	const char *text = (const char *)ASN1_STRING_get0_data(file->uri);
	size_t len = (size_t)ASN1_STRING_length(file->uri);

	if (!is_sound(text, len))
		return URI_PEM_BAD;
	*uri = strndup(text, len);
	return *uri != NULL ? URI_PEM_URI : URI_PEM_BAD;
}

enum uri_pem uri_pem_decode(char **uri, const unsigned char *der, size_t len)
{
	const unsigned char *at = der;
	URI_FILE *file = NULL;
	enum uri_pem found = URI_PEM_OTHER;

	*uri = NULL;
	if (len > URI_PEM_DER_MAX)
		return URI_PEM_OTHER;
	/* Whatever other keys are like, it is no error of theirs. */
	ERR_set_mark();
	file = (URI_FILE *)ASN1_item_d2i(NULL, &at, (long)len, ASN1_ITEM_rptr(URI_FILE));
	ERR_pop_to_mark();
	if (file != NULL && is_described(file))
		found = at == der + len ? read_uri(uri, file) : URI_PEM_BAD;
	ASN1_item_free((ASN1_VALUE *)file, ASN1_ITEM_rptr(URI_FILE));
	return found;
}

/* The next line without white space at its end; false at the end of the file. */
static bool read_line(char line[LINE_SIZE], uri_pem_line *next, void *arg)
{
	int len = next(arg, line, LINE_SIZE);

	if (len <= 0)
		return false;
	while (len > 0 && strchr(" \t\r\n", line[len - 1]) != NULL)
		len--;
	line[len] = '\0';
	return true;
}

/* The first BEGIN line, whatever is before it; false where it is another kind's, or there is none. */
static bool find_begin(uri_pem_line *next, void *arg)
{
	char line[LINE_SIZE];

	while (read_line(line, next, arg))
		if (strncmp(line, "-----BEGIN ", 11) == 0)
			return strcmp(line, "-----BEGIN " LABEL "-----") == 0;
	return false;
}

/* One line of base64, appended; -1 where it is none, or there is no room. */
static int append_line(unsigned char *der, size_t *len, EVP_ENCODE_CTX *base64, const char *line)
{
	unsigned char octets[LINE_SIZE + HELD_BACK];
	int got = 0;

	if (EVP_DecodeUpdate(base64, octets, &got, (const unsigned char *)line, (int)strlen(line)) <
		0 ||
	    (size_t)got > URI_PEM_DER_MAX - *len)
		return -1;
	memcpy(der + *len, octets, (size_t)got);
	*len += (size_t)got;
	return 0;
}

static int read_block(
    unsigned char *der, size_t *len, EVP_ENCODE_CTX *base64, uri_pem_line *next, void *arg)
{
	char line[LINE_SIZE];
	unsigned char rest[HELD_BACK];
	int got = 0;

	EVP_DecodeInit(base64);
	while (read_line(line, next, arg)) {
		if (strcmp(line, "-----END " LABEL "-----") == 0)
			return EVP_DecodeFinal(base64, rest, &got) == 1 && got == 0 && *len > 0
				   ? 0
				   : -1;
		if (append_line(der, len, base64, line) != 0)
			return -1;
	}
	return -1;
}

enum uri_pem uri_pem_read(
    unsigned char der[URI_PEM_DER_MAX], size_t *len, uri_pem_line *next, void *arg)
{
	EVP_ENCODE_CTX *base64 = NULL;
	int r = -1;

	*len = 0;
	if (!find_begin(next, arg))
		return URI_PEM_OTHER;
	base64 = EVP_ENCODE_CTX_new();
	if (base64 != NULL)
		r = read_block(der, len, base64, next, arg);
	EVP_ENCODE_CTX_free(base64);
	return r == 0 ? URI_PEM_URI : URI_PEM_BAD;
}
