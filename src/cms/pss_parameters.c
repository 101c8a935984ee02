#include "cms/pss_parameters.h"

#include <openssl/objects.h>
#include <openssl/rsa.h>

#include <hsmime/error.h>

#include "cms/asn1_item.h"
#include "util/rsa_algorithm.h"

#define DEFAULT_SALT 20
#define SALT_MAX 2048 /* as many octets as the largest modulus that OpenSSL uses */

static int read_digest(const struct digest_algorithm **digest, const X509_ALGOR *a)
{
	*digest = a == NULL ? digest_by_nid(NID_sha1) : digest_of_algorithm(a);
	return *digest == NULL || (*digest)->size == 0 ? HSMIME_EUNSUPPORTED : 0;
}

static int read_mgf(const struct digest_algorithm **digest, const X509_ALGOR *a)
{
	X509_ALGOR *hash = NULL;
	int status = 0;

	if (a == NULL)
		return read_digest(digest, NULL);
	if (OBJ_obj2nid(a->algorithm) != NID_mgf1)
		return HSMIME_EUNSUPPORTED;
	hash = asn1_decode_any(ASN1_ITEM_rptr(X509_ALGOR), a->parameter);
	status = hash == NULL ? HSMIME_EINVALID : read_digest(digest, hash);
	X509_ALGOR_free(hash);
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
	RSA_PSS_PARAMS *pss = asn1_decode_any(ASN1_ITEM_rptr(RSA_PSS_PARAMS), a->parameter);
	int trailer = 0;
	int status;

	if (pss == NULL)
		return HSMIME_EINVALID;
	status = read_digest(&s->digest, pss->hashAlgorithm);
	if (status == 0)
		status = read_mgf(&s->mgf, pss->maskGenAlgorithm);
	if (status == 0)
		status = read_integer(&s->salt, pss->saltLength, DEFAULT_SALT, 0, SALT_MAX);
	if (status == 0)
		status = read_integer(&trailer, pss->trailerField, 1, 1, 1);
	RSA_PSS_PARAMS_free(pss);
	return status;
}

int pss_parameters_write(X509_ALGOR *a, const struct signature_algorithm *s)
{
	RSA_PSS_PARAMS *pss = RSA_PSS_PARAMS_new();
	int status = HSMIME_ENOMEM;

	if (pss == NULL)
		return HSMIME_ENOMEM;
	pss->hashAlgorithm = rsa_algorithm_hash(s->digest->nid);
	pss->maskGenAlgorithm = rsa_algorithm_mgf1(s->mgf->nid);
	pss->saltLength = ASN1_INTEGER_new();
	if (pss->hashAlgorithm != NULL && pss->maskGenAlgorithm != NULL &&
	    pss->saltLength != NULL && ASN1_INTEGER_set_int64(pss->saltLength, s->salt) == 1)
		status = rsa_algorithm_set(a, NID_rsassaPss, ASN1_ITEM_rptr(RSA_PSS_PARAMS), pss);
	RSA_PSS_PARAMS_free(pss);
	return status;
}
