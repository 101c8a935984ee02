#include "cms/algorithm_digest.h"

#include <ctype.h>
#include <string.h>

#include <openssl/objects.h>

static const struct digest_algorithm digests[] = {
	{ "SHA-256", "SHA256", "sha-256", 32, NID_sha256, true, true },
	{ "SHA-384", "SHA384", "sha-384", 48, NID_sha384, true, true },
	{ "SHA-512", "SHA512", "sha-512", 64, NID_sha512, true, true },
	{ "SHA-224", "SHA224", "sha-224", 28, NID_sha224, true, true },
	{ "SHA-1", "SHA1", "sha-1", 20, NID_sha1, false, true },
	{ "SHA-512/224", "SHA512-224", "sha-512-224", 28, NID_sha512_224, true, false },
	{ "SHA-512/256", "SHA512-256", "sha-512-256", 32, NID_sha512_256, true, false },
	{ "SHA3-224", "SHA3-224", "sha3-224", 28, NID_sha3_224, true, false },
	{ "SHA3-256", "SHA3-256", "sha3-256", 32, NID_sha3_256, true, false },
	{ "SHA3-384", "SHA3-384", "sha3-384", 48, NID_sha3_384, true, false },
	{ "SHA3-512", "SHA3-512", "sha3-512", 64, NID_sha3_512, true, false },
	{ "MD5", "MD5", "md5", 0, NID_md5, false, false },
	{ "MD4", "MD4", "md4", 0, NID_md4, false, false },
	{ "MD2", "MD2", "md2", 0, NID_md2, false, false },
};

#define DIGEST_COUNT (sizeof(digests) / sizeof(digests[0]))

const struct digest_algorithm *digest_by_nid(int nid)
{
	for (size_t i = 0; i < DIGEST_COUNT; i++)
		if (digests[i].nid == nid)
			return &digests[i];
	return NULL;
}

static const char *skip_marks(const char *s)
{
	while (*s == '-' || *s == '/' || *s == '_')
		s++;
	return s;
}

static bool same_name(const char *a, const char *b)
{
	for (;; a++, b++) {
		a = skip_marks(a);
		b = skip_marks(b);
		if (tolower((unsigned char)*a) != tolower((unsigned char)*b))
			return false;
		if (*a == '\0')
			return true;
	}
}

const struct digest_algorithm *digest_by_name(const char *name)
{
	for (size_t i = 0; name != NULL && i < DIGEST_COUNT; i++)
		if (same_name(digests[i].fetch, name))
			return &digests[i];
	return NULL;
}

bool algorithm_is_plain(const X509_ALGOR *a)
{
	int type = V_ASN1_UNDEF;

	X509_ALGOR_get0(NULL, &type, NULL, a);
	return type == V_ASN1_UNDEF || type == V_ASN1_NULL;
}

const struct digest_algorithm *digest_of_algorithm(const X509_ALGOR *a)
{
	const ASN1_OBJECT *oid = NULL;

	if (!algorithm_is_plain(a))
		return NULL;
	X509_ALGOR_get0(&oid, NULL, NULL, a);
	return digest_by_nid(OBJ_obj2nid(oid));
}

void algorithm_text(char *text, size_t size, const X509_ALGOR *a)
{
	const ASN1_OBJECT *oid = NULL;

	text[0] = '\0';
	X509_ALGOR_get0(&oid, NULL, NULL, a);
	if (OBJ_obj2txt(text, (int)size, oid, 0) <= 0)
		text[0] = '\0';
}
