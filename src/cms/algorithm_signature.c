#include "cms/algorithm_signature.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/rsa.h>

#include <hsmime/error.h>

#include "cms/pss_parameters.h"

struct signature_row {
	int nid;
	enum signature_kind kind;
	int digest; /* NID; NID_undef: named beside, or in the parameters */
};

static const struct signature_row rows[] = {
	{ NID_rsaEncryption, SIGNATURE_RSA, NID_undef },
	{ NID_sha256WithRSAEncryption, SIGNATURE_RSA, NID_sha256 },
	{ NID_sha384WithRSAEncryption, SIGNATURE_RSA, NID_sha384 },
	{ NID_sha512WithRSAEncryption, SIGNATURE_RSA, NID_sha512 },
	{ NID_sha224WithRSAEncryption, SIGNATURE_RSA, NID_sha224 },
	{ NID_sha1WithRSAEncryption, SIGNATURE_RSA, NID_sha1 },
	{ NID_sha1WithRSA, SIGNATURE_RSA, NID_sha1 },
	{ NID_sha512_224WithRSAEncryption, SIGNATURE_RSA, NID_sha512_224 },
	{ NID_sha512_256WithRSAEncryption, SIGNATURE_RSA, NID_sha512_256 },
	{ NID_RSA_SHA3_224, SIGNATURE_RSA, NID_sha3_224 },
	{ NID_RSA_SHA3_256, SIGNATURE_RSA, NID_sha3_256 },
	{ NID_RSA_SHA3_384, SIGNATURE_RSA, NID_sha3_384 },
	{ NID_RSA_SHA3_512, SIGNATURE_RSA, NID_sha3_512 },
	{ NID_rsassaPss, SIGNATURE_PSS, NID_undef },
	{ NID_ecdsa_with_SHA256, SIGNATURE_ECDSA, NID_sha256 },
	{ NID_ecdsa_with_SHA384, SIGNATURE_ECDSA, NID_sha384 },
	{ NID_ecdsa_with_SHA512, SIGNATURE_ECDSA, NID_sha512 },
	{ NID_ecdsa_with_SHA224, SIGNATURE_ECDSA, NID_sha224 },
	{ NID_ecdsa_with_SHA1, SIGNATURE_ECDSA, NID_sha1 },
	{ NID_ecdsa_with_SHA3_224, SIGNATURE_ECDSA, NID_sha3_224 },
	{ NID_ecdsa_with_SHA3_256, SIGNATURE_ECDSA, NID_sha3_256 },
	{ NID_ecdsa_with_SHA3_384, SIGNATURE_ECDSA, NID_sha3_384 },
	{ NID_ecdsa_with_SHA3_512, SIGNATURE_ECDSA, NID_sha3_512 },
	{ NID_X9_62_id_ecPublicKey, SIGNATURE_ECDSA, NID_undef },
	{ NID_dsa, SIGNATURE_DSA, NID_undef }, { NID_dsaWithSHA1, SIGNATURE_DSA, NID_sha1 },
	{ NID_dsa_with_SHA224, SIGNATURE_DSA, NID_sha224 },
	{ NID_dsa_with_SHA256, SIGNATURE_DSA, NID_sha256 },
	{ NID_dsa_with_SHA384, SIGNATURE_DSA, NID_sha384 },
	{ NID_dsa_with_SHA512, SIGNATURE_DSA, NID_sha512 },
	{ NID_ED25519, SIGNATURE_ED25519, NID_sha512 }, /* RFC 8419 section 3.1 */
};

#define ROW_COUNT (sizeof(rows) / sizeof(rows[0]))

static const struct {
	const char *name;
	const char *key;       /* EVP_PKEY_is_a */
	const char *other_key; /* or NULL */
} kinds[] = {
	[SIGNATURE_RSA] = { "RSA PKCS#1 v1.5", "RSA", NULL },
	[SIGNATURE_PSS] = { "RSA-PSS", "RSA", "RSA-PSS" },
	[SIGNATURE_ECDSA] = { "ECDSA", "EC", NULL },
	[SIGNATURE_DSA] = { "DSA", "DSA", NULL },
	[SIGNATURE_ED25519] = { "Ed25519", "ED25519", NULL },
};

const char *signature_kind_name(enum signature_kind kind)
{
	return kinds[kind].name;
}

bool signature_fits(enum signature_kind kind, const EVP_PKEY *key)
{
	return EVP_PKEY_is_a(key, kinds[kind].key) ||
	       (kinds[kind].other_key != NULL && EVP_PKEY_is_a(key, kinds[kind].other_key));
}

/* id-ecPublicKey comes with the curve as in a certificate, or without. */
static bool parameters_are_good(int nid, const X509_ALGOR *a)
{
	int type = V_ASN1_UNDEF;

	X509_ALGOR_get0(NULL, &type, NULL, a);
	return algorithm_is_plain(a) || (nid == NID_X9_62_id_ecPublicKey && type == V_ASN1_OBJECT);
}

int signature_of_algorithm(struct signature_algorithm *out, const X509_ALGOR *a)
{
	const ASN1_OBJECT *oid = NULL;
	int nid = NID_undef;

	*out = (struct signature_algorithm){ .kind = SIGNATURE_RSA };
	X509_ALGOR_get0(&oid, NULL, NULL, a);
	nid = OBJ_obj2nid(oid);
	for (size_t i = 0; nid != NID_undef && i < ROW_COUNT; i++) {
		if (rows[i].nid != nid)
			continue;
		out->kind = rows[i].kind;
		out->digest = digest_by_nid(rows[i].digest);
		if (out->kind == SIGNATURE_PSS)
			return pss_parameters_read(out, a);
		return parameters_are_good(nid, a) ? 0 : HSMIME_EINVALID;
	}
	return HSMIME_EUNSUPPORTED;
}

static int algorithm_nid(const struct signature_algorithm *s)
{
	if (s->kind == SIGNATURE_RSA)
		return NID_rsaEncryption;
	for (size_t i = 0; i < ROW_COUNT; i++)
		if (rows[i].kind == s->kind && rows[i].digest == s->digest->nid)
			return rows[i].nid;
	return NID_undef;
}

int signature_to_algorithm(X509_ALGOR *a, const struct signature_algorithm *s)
{
	int nid = algorithm_nid(s);
	int type = s->kind == SIGNATURE_RSA ? V_ASN1_NULL : V_ASN1_UNDEF;

	if (s->kind == SIGNATURE_PSS)
		return pss_parameters_write(a, s);
	if (nid == NID_undef)
		return HSMIME_EUNSUPPORTED;
	return X509_ALGOR_set0(a, OBJ_nid2obj(nid), type, NULL) ? 0 : HSMIME_ENOMEM;
}

static bool set_pss(EVP_PKEY_CTX *ctx, const struct signature_algorithm *s)
{
	return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) > 0 &&
	       EVP_PKEY_CTX_set_rsa_mgf1_md_name(ctx, s->mgf->fetch, NULL) > 0 &&
	       EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, s->salt) > 0;
}

static bool set_up(EVP_PKEY_CTX *ctx, const struct signature_algorithm *s, OSSL_LIB_CTX *libctx)
{
	EVP_MD *md = EVP_MD_fetch(libctx, s->digest->fetch, NULL);
	bool ok = md != NULL;

	if (ok && s->kind == SIGNATURE_RSA)
		ok = EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) > 0;
	/* The digest goes first: a provider may judge MGF1 and salt by it. */
	ok = ok && EVP_PKEY_CTX_set_signature_md(ctx, md) > 0;
	if (ok && s->kind == SIGNATURE_PSS)
		ok = set_pss(ctx, s);
	EVP_MD_free(md);
	return ok;
}

static bool verify_message(EVP_PKEY *key, OSSL_LIB_CTX *libctx, const unsigned char *data,
    size_t len, const unsigned char *signature, size_t signature_len)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok = false;

	ok = ctx != NULL &&
	     EVP_DigestVerifyInit_ex(ctx, NULL, NULL, libctx, NULL, key, NULL) == 1 &&
	     EVP_DigestVerify(ctx, signature, signature_len, data, len) == 1;
	EVP_MD_CTX_free(ctx);
	return ok;
}

bool signature_verify(const struct signature_algorithm *s, EVP_PKEY *key, OSSL_LIB_CTX *libctx,
    const unsigned char *data, size_t len, const unsigned char *signature, size_t signature_len)
{
	EVP_PKEY_CTX *ctx = NULL;
	bool ok = false;

	if (s->kind == SIGNATURE_ED25519)
		return verify_message(key, libctx, data, len, signature, signature_len);
	ctx = EVP_PKEY_CTX_new_from_pkey(libctx, key, NULL);
	ok = ctx != NULL && EVP_PKEY_verify_init(ctx) > 0 && set_up(ctx, s, libctx) &&
	     EVP_PKEY_verify(ctx, signature, signature_len, data, len) == 1;
	EVP_PKEY_CTX_free(ctx);
	return ok;
}

int signature_make(unsigned char **out, size_t *out_len, const struct signature_algorithm *s,
    EVP_PKEY *key, OSSL_LIB_CTX *libctx, const unsigned char *digest, size_t len)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(libctx, key, NULL);
	size_t room = (size_t)EVP_PKEY_get_size(key);
	unsigned char *data = NULL;
	int status = HSMIME_ETOKEN;

	*out = NULL;
	*out_len = 0;
	if (ctx == NULL || EVP_PKEY_sign_init(ctx) <= 0 || !set_up(ctx, s, libctx))
		goto out;
	data = OPENSSL_malloc(room);
	if (data == NULL) {
		status = HSMIME_ENOMEM;
		goto out;
	}
	if (EVP_PKEY_sign(ctx, data, &room, digest, len) <= 0)
		goto out;
	*out = data;
	*out_len = room;
	data = NULL;
	status = 0;
out:
	OPENSSL_free(data);
	EVP_PKEY_CTX_free(ctx);
	return status;
}
