#include "engine/mechanism.h"

#include <string.h>
#include <strings.h>

struct digest {
	const char *names[3];
	CK_MECHANISM_TYPE hash;
	CK_ULONG mgf;
};

/* The last one stands for every other digest. */
static const struct digest digests[MECHANISM_DIGESTS] = {
	{ { "SHA1", "SHA-1", "SSL3-SHA1" }, CKM_SHA_1, CKG_MGF1_SHA1 },
	{ { "SHA224", "SHA2-224", "SHA-224" }, CKM_SHA224, CKG_MGF1_SHA224 },
	{ { "SHA256", "SHA2-256", "SHA-256" }, CKM_SHA256, CKG_MGF1_SHA256 },
	{ { "SHA384", "SHA2-384", "SHA-384" }, CKM_SHA384, CKG_MGF1_SHA384 },
	{ { "SHA512", "SHA2-512", "SHA-512" }, CKM_SHA512, CKG_MGF1_SHA512 },
};

static const struct rung rungs[LADDER_COUNT][MECHANISM_RUNGS] = {
	[LADDER_SIGN_PKCS1] = { { CKM_RSA_PKCS, 0 }, { CKM_RSA_X_509, 1 } },
	[LADDER_SIGN_PSS] = { { CKM_RSA_PKCS_PSS, 0 }, { CKM_RSA_X_509, 1 } },
	[LADDER_SIGN_RAW] = { { CKM_RSA_X_509, 0 } },
	[LADDER_SIGN_ECDSA] = { { CKM_ECDSA, 0 } },
	[LADDER_DECRYPT_PKCS1] = { { CKM_RSA_PKCS, 0 }, { CKM_RSA_X_509, 1 } },
	[LADDER_DECRYPT_OAEP] = { { CKM_RSA_PKCS_OAEP, 0 }, { CKM_RSA_X_509, 1 } },
	[LADDER_DECRYPT_OAEP_ODD] = { { CKM_RSA_X_509, 1 }, { CKM_RSA_PKCS_OAEP, 0 } },
	[LADDER_DECRYPT_RAW] = { { CKM_RSA_X_509, 0 } },
	[LADDER_DERIVE] = { { CKM_ECDH1_DERIVE, 0 } },
	[LADDER_UNWRAP_PKCS1] = { { CKM_RSA_PKCS, 0 } },
	[LADDER_UNWRAP_OAEP] = { { CKM_RSA_PKCS_OAEP, 0 } },
};

static const char *const ladder_names[LADDER_COUNT] = {
	[LADDER_SIGN_PKCS1] = "RSA PKCS#1 v1.5 signatures (CKM_RSA_PKCS, CKM_RSA_X_509)",
	[LADDER_SIGN_PSS] = "RSA-PSS signatures (CKM_RSA_PKCS_PSS, CKM_RSA_X_509)",
	[LADDER_SIGN_RAW] = "raw RSA signatures (CKM_RSA_X_509)",
	[LADDER_SIGN_ECDSA] = "ECDSA signatures (CKM_ECDSA)",
	[LADDER_DECRYPT_PKCS1] = "RSA PKCS#1 v1.5 decryption (CKM_RSA_PKCS, CKM_RSA_X_509)",
	[LADDER_DECRYPT_OAEP] =
	    "RSA-OAEP decryption with these digests and label (CKM_RSA_PKCS_OAEP, CKM_RSA_X_509)",
	[LADDER_DECRYPT_OAEP_ODD] =
	    "RSA-OAEP decryption with these digests and label (CKM_RSA_PKCS_OAEP, CKM_RSA_X_509)",
	[LADDER_DECRYPT_RAW] = "raw RSA decryption (CKM_RSA_X_509)",
	[LADDER_DERIVE] = "ECDH key agreement (CKM_ECDH1_DERIVE)",
	[LADDER_UNWRAP_PKCS1] = "unwrapping by RSA PKCS#1 v1.5 (CKM_RSA_PKCS)",
	[LADDER_UNWRAP_OAEP] =
	    "unwrapping by RSA-OAEP with these digests and label (CKM_RSA_PKCS_OAEP)",
};

size_t mechanism_digest(const char *name)
{
	for (size_t i = 0; name != NULL && i < MECHANISM_DIGESTS; i++)
		for (size_t j = 0; j < 3 && digests[i].names[j] != NULL; j++)
			if (strcasecmp(digests[i].names[j], name) == 0)
				return i;
	return MECHANISM_DIGESTS - 1;
}

bool mechanism_same_digest(const char *a, const char *b)
{
	size_t i = mechanism_digest(a);

	if (a == NULL || b == NULL)
		return a == b;
	return i == MECHANISM_DIGESTS - 1 ? strcasecmp(a, b) == 0 : i == mechanism_digest(b);
}

const struct rung *mechanism_rungs(enum ladder ladder, size_t *count)
{
	/* No mechanism of ours is number 0 (CKM_RSA_PKCS_KEY_PAIR_GEN). */
	*count = rungs[ladder][1].type != 0 ? 2 : 1;
	return rungs[ladder];
}

const char *mechanism_ladder_name(enum ladder ladder)
{
	return ladder_names[ladder];
}

void mechanism_remember(
    struct mechanism_memory *m, enum ladder ladder, const char *digest, size_t rung)
{
	atomic_store(&m->rung[ladder][mechanism_digest(digest)], (unsigned char)rung);
}

size_t mechanism_first(const struct mechanism_memory *m, enum ladder ladder, const char *digest)
{
	return atomic_load(&m->rung[ladder][mechanism_digest(digest)]);
}

void mechanism_plain(struct mechanism *m, CK_MECHANISM_TYPE type)
{
	memset(m, 0, sizeof(*m));
	m->ck.mechanism = type;
}

static int find_pair(const struct digest **hash, const struct digest **mgf, const char *digest,
    const char *mgf1_digest)
{
	*hash = &digests[mechanism_digest(digest)];
	*mgf = &digests[mechanism_digest(mgf1_digest != NULL ? mgf1_digest : digest)];
	return (*hash)->hash != 0 && (*mgf)->hash != 0 ? 0 : HSMIME_EUNSUPPORTED;
}

int mechanism_pss(struct mechanism *m, const char *digest, const char *mgf1_digest, size_t salt_len)
{
	const struct digest *hash = NULL, *mgf = NULL;
	int r = find_pair(&hash, &mgf, digest, mgf1_digest);

	mechanism_plain(m, CKM_RSA_PKCS_PSS);
	m->parameters.pss.hashAlg = hash->hash;
	m->parameters.pss.mgf = mgf->mgf;
	m->parameters.pss.sLen = salt_len;
	m->ck.pParameter = &m->parameters.pss;
	m->ck.ulParameterLen = sizeof(m->parameters.pss);
	return r;
}

int mechanism_oaep(struct mechanism *m, const char *digest, const char *mgf1_digest,
    const unsigned char *label, size_t label_len)
{
	const struct digest *hash = NULL, *mgf = NULL;
	int r = find_pair(&hash, &mgf, digest, mgf1_digest);

	mechanism_plain(m, CKM_RSA_PKCS_OAEP);
	m->parameters.oaep.hashAlg = hash->hash;
	m->parameters.oaep.mgf = mgf->mgf;
	m->parameters.oaep.source = CKZ_DATA_SPECIFIED;
	m->parameters.oaep.pSourceData = label_len > 0 ? (void *)label : NULL;
	m->parameters.oaep.ulSourceDataLen = label_len;
	m->ck.pParameter = &m->parameters.oaep;
	m->ck.ulParameterLen = sizeof(m->parameters.oaep);
	return r;
}

void mechanism_ecdh(struct mechanism *m, const unsigned char *point, size_t len)
{
	mechanism_plain(m, CKM_ECDH1_DERIVE);
	m->parameters.ecdh.kdf = CKD_NULL;
	m->parameters.ecdh.pPublicData = (unsigned char *)point;
	m->parameters.ecdh.ulPublicDataLen = len;
	m->ck.pParameter = &m->parameters.ecdh;
	m->ck.ulParameterLen = sizeof(m->parameters.ecdh);
}

void mechanism_content(
    struct mechanism *m, enum token_content content, const struct mechanism_cipher *c)
{
	static const CK_MECHANISM_TYPE types[] = {
		[TOKEN_CONTENT_AES_CBC] = CKM_AES_CBC,
		[TOKEN_CONTENT_AES_GCM] = CKM_AES_GCM,
		[TOKEN_CONTENT_DES3_CBC] = CKM_DES3_CBC,
	};
	CK_GCM_PARAMS *gcm = &m->parameters.gcm;

	mechanism_plain(m, types[content]);
	m->ck.pParameter = (unsigned char *)c->iv;
	m->ck.ulParameterLen = c->iv_len;
	if (content != TOKEN_CONTENT_AES_GCM)
		return;
	gcm->pIv = (unsigned char *)c->iv;
	gcm->ulIvLen = c->iv_len;
	gcm->ulIvBits = c->iv_len * 8;
	gcm->pAAD = (unsigned char *)c->aad;
	gcm->ulAADLen = c->aad_len;
	gcm->ulTagBits = c->tag_len * 8;
	m->ck.pParameter = gcm;
	m->ck.ulParameterLen = sizeof(*gcm);
}
