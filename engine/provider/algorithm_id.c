#include "engine/provider/algorithm_id.h"

#include <openssl/objects.h>
#include <openssl/params.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

static int put(OSSL_PARAM *p, const X509_ALGOR *alg)
{
	unsigned char *der = NULL;
	int len = i2d_X509_ALGOR(alg, &der);
	int ok = len > 0 && OSSL_PARAM_set_octet_string(p, der, (size_t)len);

	OPENSSL_free(der);
	return ok;
}

static int put_plain(OSSL_PARAM *p, const char *digest, int key_nid, int parameters)
{
	int signature = NID_undef;
	X509_ALGOR *alg = X509_ALGOR_new();
	int ok = alg != NULL &&
		 OBJ_find_sigid_by_algs(&signature, OBJ_txt2nid(digest), key_nid) == 1 &&
		 X509_ALGOR_set0(alg, OBJ_nid2obj(signature), parameters, NULL) == 1 && put(p, alg);

	X509_ALGOR_free(alg);
	return ok;
}

int algorithm_id_pkcs1(OSSL_PARAM *p, const char *digest)
{
	return put_plain(p, digest, NID_rsaEncryption, V_ASN1_NULL);
}

int algorithm_id_ecdsa(OSSL_PARAM *p, const char *digest)
{
	return put_plain(p, digest, NID_X9_62_id_ecPublicKey, V_ASN1_UNDEF);
}

/* A new AlgorithmIdentifier with value, packed as item, for parameters. */
static X509_ALGOR *with_parameters(int nid, const ASN1_ITEM *item, void *value)
{
	X509_ALGOR *alg = X509_ALGOR_new();
	ASN1_STRING *packed = NULL;

	if (alg != NULL && ASN1_item_pack(value, item, &packed) != NULL &&
	    X509_ALGOR_set0(alg, OBJ_nid2obj(nid), V_ASN1_SEQUENCE, packed) == 1)
		return alg;
	ASN1_STRING_free(packed);
	X509_ALGOR_free(alg);
	return NULL;
}

static X509_ALGOR *digest_algorithm(const char *name)
{
	X509_ALGOR *alg = X509_ALGOR_new();

	if (alg != NULL &&
	    X509_ALGOR_set0(alg, OBJ_nid2obj(OBJ_txt2nid(name)), V_ASN1_NULL, NULL) == 1)
		return alg;
	X509_ALGOR_free(alg);
	return NULL;
}

static X509_ALGOR *mgf1_algorithm(const char *name)
{
	X509_ALGOR *hash = digest_algorithm(name);
	X509_ALGOR *alg =
	    hash != NULL ? with_parameters(NID_mgf1, ASN1_ITEM_rptr(X509_ALGOR), hash) : NULL;

	X509_ALGOR_free(hash);
	return alg;
}

/* DER leaves out what is at its default: SHA-1, MGF1 with SHA-1, 20 octets (RFC 4055 section 3.1). */
static int fill_pss(RSA_PSS_PARAMS *pss, const char *digest, const char *mgf1_digest, int salt_len)
{
	if (OBJ_txt2nid(digest) != NID_sha1) {
		pss->hashAlgorithm = digest_algorithm(digest);
		if (pss->hashAlgorithm == NULL)
			return 0;
	}
	if (OBJ_txt2nid(mgf1_digest) != NID_sha1) {
		pss->maskGenAlgorithm = mgf1_algorithm(mgf1_digest);
		if (pss->maskGenAlgorithm == NULL)
			return 0;
	}
	if (salt_len == 20)
		return 1;
	pss->saltLength = ASN1_INTEGER_new();
	return pss->saltLength != NULL && ASN1_INTEGER_set(pss->saltLength, salt_len) == 1;
}

int algorithm_id_pss(OSSL_PARAM *p, const char *digest, const char *mgf1_digest, int salt_len)
{
	RSA_PSS_PARAMS *pss = RSA_PSS_PARAMS_new();
	X509_ALGOR *alg = NULL;
	int ok;

	if (pss != NULL && salt_len >= 0 && fill_pss(pss, digest, mgf1_digest, salt_len))
		alg = with_parameters(NID_rsassaPss, ASN1_ITEM_rptr(RSA_PSS_PARAMS), pss);
	ok = alg != NULL && put(p, alg);
	X509_ALGOR_free(alg);
	RSA_PSS_PARAMS_free(pss);
	return ok;
}
