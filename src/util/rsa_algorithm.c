#include "util/rsa_algorithm.h"

#include <openssl/objects.h>

#include <hsmime/error.h>

X509_ALGOR *rsa_algorithm_hash(int digest)
{
	X509_ALGOR *a = digest != NID_undef ? X509_ALGOR_new() : NULL;

	if (a != NULL && X509_ALGOR_set0(a, OBJ_nid2obj(digest), V_ASN1_NULL, NULL) == 1)
		return a;
	X509_ALGOR_free(a);
	return NULL;
}

X509_ALGOR *rsa_algorithm_mgf1(int digest)
{
	X509_ALGOR *hash = rsa_algorithm_hash(digest);
	X509_ALGOR *a = hash != NULL ? X509_ALGOR_new() : NULL;

	if (a != NULL && rsa_algorithm_set(a, NID_mgf1, ASN1_ITEM_rptr(X509_ALGOR), hash) != 0) {
		X509_ALGOR_free(a);
		a = NULL;
	}
	X509_ALGOR_free(hash);
	return a;
}

int rsa_algorithm_set(X509_ALGOR *a, int nid, const ASN1_ITEM *item, const void *value)
{
	ASN1_STRING *packed = ASN1_item_pack((void *)value, item, NULL);

	if (packed != NULL && X509_ALGOR_set0(a, OBJ_nid2obj(nid), V_ASN1_SEQUENCE, packed) == 1)
		return 0;
	ASN1_STRING_free(packed);
	return HSMIME_ENOMEM;
}
