#include "engine/provider/algorithm_id.h"

#include <openssl/objects.h>
#include <openssl/params.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "util/rsa_algorithm.h"

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

/* DER leaves out what is at its default: SHA-1, MGF1 with SHA-1, 20 octets (RFC 4055 section 3.1). */
static int fill_pss(RSA_PSS_PARAMS *pss, int digest, int mgf1_digest, int salt_len)
{
	if (digest != NID_sha1) {
		pss->hashAlgorithm = rsa_algorithm_hash(digest);
		if (pss->hashAlgorithm == NULL)
			return 0;
	}
	if (mgf1_digest != NID_sha1) {
		pss->maskGenAlgorithm = rsa_algorithm_mgf1(mgf1_digest);
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
	X509_ALGOR *alg = X509_ALGOR_new();
	int ok = pss != NULL && alg != NULL && salt_len >= 0 &&
		 fill_pss(pss, OBJ_txt2nid(digest), OBJ_txt2nid(mgf1_digest), salt_len) &&
		 rsa_algorithm_set(alg, NID_rsassaPss, ASN1_ITEM_rptr(RSA_PSS_PARAMS), pss) == 0 &&
		 put(p, alg);

	X509_ALGOR_free(alg);
	RSA_PSS_PARAMS_free(pss);
	return ok;
}
