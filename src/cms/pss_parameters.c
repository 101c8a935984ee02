#include "cms/pss_parameters.h"

#include <openssl/objects.h>
#include <openssl/rsa.h>

#include <hsmime/error.h>

#define DEFAULT_SALT 20
#define SALT_MAX 2048 /* as many octets as the largest modulus that OpenSSL uses */

static int read_digest(const struct digest_algorithm **digest, const X509_ALGOR *a)
{
	*digest = a == NULL ? digest_by_nid(NID_sha1) : digest_of_algorithm(a);
	return *digest == NULL || (*digest)->size == 0 ? HSMIME_EUNSUPPORTED : 0;
}

static int read_mgf(const struct digest_algorithm **digest, const X509_ALGOR *a)
{
	const ASN1_OBJECT *oid = NULL;
	const void *value = NULL;
	int type = V_ASN1_UNDEF;
	X509_ALGOR *inner = NULL;
	int status = 0;

	if (a == NULL)
		return read_digest(digest, NULL);
	X509_ALGOR_get0(&oid, &type, &value, a);
	if (OBJ_obj2nid(oid) != NID_mgf1)
		return HSMIME_EUNSUPPORTED;
	if (type != V_ASN1_SEQUENCE)
		return HSMIME_EINVALID;
	inner = ASN1_item_unpack(value, ASN1_ITEM_rptr(X509_ALGOR));
	status = inner == NULL ? HSMIME_EINVALID : read_digest(digest, inner);
	X509_ALGOR_free(inner);
	return status;
}

/* INTEGER in [min, max], or the default where it is absent. */
static int read_integer(int *out, const ASN1_INTEGER *a, int absent, int min, int max)
{
	int64_t value = absent;

	if (a != NULL && ASN1_INTEGER_get_int64(&value, a) != 1)
		return HSMIME_EINVALID;
	if (value < min || value > max)
		return HSMIME_EINVALID;
	*out = (int)value;
	return 0;
}

int pss_parameters_read(struct signature_algorithm *s, const X509_ALGOR *a)
{
	RSA_PSS_PARAMS *pss = NULL;
	const void *value = NULL;
	const unsigned char *p = NULL;
	int type = V_ASN1_UNDEF;
	int trailer = 0;
	int len = 0;
	int status = HSMIME_EINVALID;

	X509_ALGOR_get0(NULL, &type, &value, a);
	if (type != V_ASN1_SEQUENCE)
		return HSMIME_EINVALID;
	p = ASN1_STRING_get0_data(value);
	len = ASN1_STRING_length(value);
	pss = d2i_RSA_PSS_PARAMS(NULL, &p, len);
	if (pss == NULL || p != ASN1_STRING_get0_data(value) + len)
		goto out;
	status = read_digest(&s->digest, pss->hashAlgorithm);
	if (status == 0)
		status = read_mgf(&s->mgf, pss->maskGenAlgorithm);
	if (status == 0)
		status = read_integer(&s->salt, pss->saltLength, DEFAULT_SALT, 0, SALT_MAX);
	if (status == 0)
		status = read_integer(&trailer, pss->trailerField, 1, 1, 1);
out:
	RSA_PSS_PARAMS_free(pss);
	return status;
}

/* RFC 4055 section 2.1: inside PSS parameters a digest's own are NULL. */
static X509_ALGOR *new_digest(const struct digest_algorithm *digest)
{
	X509_ALGOR *a = X509_ALGOR_new();

	if (a != NULL && !X509_ALGOR_set0(a, OBJ_nid2obj(digest->nid), V_ASN1_NULL, NULL)) {
		X509_ALGOR_free(a);
		return NULL;
	}
	return a;
}

static X509_ALGOR *new_mgf(const struct digest_algorithm *digest)
{
	X509_ALGOR *inner = new_digest(digest);
	X509_ALGOR *a = X509_ALGOR_new();
	ASN1_STRING *packed = NULL;

	if (inner != NULL && a != NULL)
		packed = ASN1_item_pack(inner, ASN1_ITEM_rptr(X509_ALGOR), NULL);
	X509_ALGOR_free(inner);
	if (packed != NULL && X509_ALGOR_set0(a, OBJ_nid2obj(NID_mgf1), V_ASN1_SEQUENCE, packed))
		return a;
	ASN1_STRING_free(packed);
	X509_ALGOR_free(a);
	return NULL;
}

int pss_parameters_write(X509_ALGOR *a, const struct signature_algorithm *s)
{
	RSA_PSS_PARAMS *pss = RSA_PSS_PARAMS_new();
	ASN1_STRING *packed = NULL;
	int status = HSMIME_ENOMEM;

	if (pss == NULL)
		return HSMIME_ENOMEM;
	pss->hashAlgorithm = new_digest(s->digest);
	pss->maskGenAlgorithm = new_mgf(s->mgf);
	pss->saltLength = ASN1_INTEGER_new();
	if (pss->hashAlgorithm == NULL || pss->maskGenAlgorithm == NULL ||
	    pss->saltLength == NULL || !ASN1_INTEGER_set_int64(pss->saltLength, s->salt))
		goto out;
	packed = ASN1_item_pack(pss, ASN1_ITEM_rptr(RSA_PSS_PARAMS), NULL);
	if (packed == NULL ||
	    !X509_ALGOR_set0(a, OBJ_nid2obj(NID_rsassaPss), V_ASN1_SEQUENCE, packed))
		goto out;
	packed = NULL;
	status = 0;
out:
	ASN1_STRING_free(packed);
	RSA_PSS_PARAMS_free(pss);
	return status;
}
