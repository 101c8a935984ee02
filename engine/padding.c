#include "engine/padding.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/asn1.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/rand.h>
#include <openssl/x509.h>

#include "engine/constant_time.h"
#include "engine/crypto.h"

static EVP_MD *fetch(const char *name)
{
	return name != NULL ? EVP_MD_fetch(crypto_context(), name, NULL) : NULL;
}

static int digest_nid(const char *name)
{
	EVP_MD *md = fetch(name);
	int nid = md != NULL ? EVP_MD_get_type(md) : NID_undef;

	EVP_MD_free(md);
	return nid;
}

static size_t digest_size(const char *name)
{
	EVP_MD *md = fetch(name);
	int size = md != NULL ? EVP_MD_get_size(md) : 0;

	EVP_MD_free(md);
	return size > 0 ? (size_t)size : 0;
}

static int encode_info(unsigned char *out, size_t *len, X509_SIG *info)
{
	unsigned char *der = NULL;
	int n = i2d_X509_SIG(info, &der);

	if (n <= 0)
		return HSMIME_ENOMEM;
	if ((size_t)n <= *len)
		memcpy(out, der, (size_t)n);
	OPENSSL_free(der);
	if ((size_t)n > *len)
		return HSMIME_EUSAGE;
	*len = (size_t)n;
	return 0;
}

int padding_digest_info(
    unsigned char *out, size_t *len, const char *digest, const unsigned char *data, size_t data_len)
{
	X509_SIG *info = NULL;
	X509_ALGOR *algorithm = NULL;
	ASN1_OCTET_STRING *value = NULL;
	int nid = digest_nid(digest), r = HSMIME_ENOMEM;

	if (nid == NID_undef)
		return HSMIME_EUNSUPPORTED;
	if (digest_size(digest) != data_len)
		return HSMIME_EUSAGE;
	/* Of TLS 1.1, and without an identifier: the two values as they are (RFC 4346 section 4.7). */
	if (nid == NID_md5_sha1) {
		if (data_len > *len)
			return HSMIME_EUSAGE;
		memcpy(out, data, data_len);
		*len = data_len;
		return 0;
	}
	info = X509_SIG_new();
	if (info == NULL)
		return HSMIME_ENOMEM;
	X509_SIG_getm(info, &algorithm, &value);
	if (X509_ALGOR_set0(algorithm, OBJ_nid2obj(nid), V_ASN1_NULL, NULL) == 1 &&
	    ASN1_OCTET_STRING_set(value, data, (int)data_len) == 1)
		r = encode_info(out, len, info);
	X509_SIG_free(info);
	return r;
}

int padding_encode_pkcs1(unsigned char *em, size_t k, const unsigned char *data, size_t len)
{
	if (k < 11 || len > k - 11)
		return HSMIME_EUSAGE;
	memset(em, 0xff, k);
	em[0] = 0;
	em[1] = 1;
	em[k - len - 1] = 0;
	memcpy(em + k - len, data, len);
	return 0;
}

static int hash_parts(unsigned char *out, EVP_MD *md, const unsigned char *a, size_t a_len,
    const unsigned char *b, size_t b_len, const unsigned char *c, size_t c_len)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	int ok = ctx != NULL && EVP_DigestInit_ex2(ctx, md, NULL) == 1 &&
		 (a_len == 0 || EVP_DigestUpdate(ctx, a, a_len) == 1) &&
		 (b_len == 0 || EVP_DigestUpdate(ctx, b, b_len) == 1) &&
		 (c_len == 0 || EVP_DigestUpdate(ctx, c, c_len) == 1) &&
		 EVP_DigestFinal_ex(ctx, out, NULL) == 1;

	EVP_MD_CTX_free(ctx);
	return ok ? 0 : HSMIME_EINTERNAL;
}

/* out ^= MGF1(seed), RFC 8017 appendix B.2.1. */
static int mask(
    unsigned char *out, size_t len, const unsigned char *seed, size_t seed_len, EVP_MD *md)
{
	unsigned char block[EVP_MAX_MD_SIZE], number[4];
	size_t size = (size_t)EVP_MD_get_size(md);
	int r = 0;

	for (size_t done = 0, i = 0; r == 0 && done < len; done += size, i++) {
		number[0] = (unsigned char)(i >> 24);
		number[1] = (unsigned char)(i >> 16);
		number[2] = (unsigned char)(i >> 8);
		number[3] = (unsigned char)i;
		r = hash_parts(block, md, seed, seed_len, number, 4, NULL, 0);
		for (size_t j = 0; r == 0 && j < size && done + j < len; j++)
			out[done + j] ^= block[j];
	}
	OPENSSL_cleanse(block, sizeof(block));
	return r;
}

static int encode_pss(unsigned char *em, size_t em_len, size_t em_bits, size_t salt_len,
    const unsigned char *hash, EVP_MD *md, EVP_MD *mgf)
{
	static const unsigned char zeros[8];
	size_t size = (size_t)EVP_MD_get_size(md);
	size_t db_len = em_len - size - 1;
	unsigned char *salt = em + db_len - salt_len;
	int r;

	memset(em, 0, em_len);
	if (salt_len > 0 && RAND_bytes_ex(crypto_context(), salt, salt_len, 0) != 1)
		return HSMIME_EINTERNAL;
	r = hash_parts(em + db_len, md, zeros, sizeof(zeros), hash, size, salt, salt_len);
	if (r < 0)
		return r;
	salt[-1] = 1;
	r = mask(em, db_len, em + db_len, size, mgf);
	em[0] &= (unsigned char)(0xff >> (8 * em_len - em_bits));
	em[em_len - 1] = 0xbc;
	return r;
}

int padding_encode_pss(unsigned char *em, size_t k, size_t bits, const struct padding *p,
    const unsigned char *hash, size_t hash_len)
{
	EVP_MD *md = fetch(p->digest);
	EVP_MD *mgf = fetch(p->mgf1_digest != NULL ? p->mgf1_digest : p->digest);
	size_t em_bits = bits - 1, em_len = (em_bits + 7) / 8;
	int r;

	if (md == NULL || mgf == NULL)
		r = HSMIME_EUNSUPPORTED;
	else if (hash_len != (size_t)EVP_MD_get_size(md) || bits < 512 || em_len > k ||
		 p->salt_len > em_len || em_len < hash_len + p->salt_len + 2)
		r = HSMIME_EUSAGE;
	else {
		memset(em, 0, k);
		r = encode_pss(em + k - em_len, em_len, em_bits, p->salt_len, hash, md, mgf);
	}
	EVP_MD_free(md);
	EVP_MD_free(mgf);
	return r;
}

size_t padding_decode_pkcs1(size_t *start, const unsigned char *em, size_t k)
{
	size_t good = 1, found = 0, at = k;

	*start = k;
	if (k < 11)
		return 0;
	good = ct_is_zero(em[0]) & ct_equal(em[1], 2);
	for (size_t i = 2; i < k; i++) {
		size_t separator = ct_is_zero(em[i]) & ~found & 1;

		at = ct_select(separator, i, at);
		found |= separator;
	}
	good &= found & ct_less(9, at);
	*start = ct_select(good, at + 1, k);
	return good;
}

/* The data block after the mask is off: lHash, zeros, 1, message. */
static size_t decode_block(
    size_t *at, const unsigned char *db, size_t db_len, const unsigned char *l_hash, size_t size)
{
	size_t good = 1, found = 0;

	*at = db_len;
	for (size_t i = 0; i < size; i++)
		good &= ct_equal(db[i], l_hash[i]);
	for (size_t i = size; i < db_len; i++) {
		size_t one = ct_equal(db[i], 1) & ~found & 1;

		*at = ct_select(one, i + 1, *at);
		found |= one;
		good &= found | ct_is_zero(db[i]);
	}
	return good & found;
}

static int decode_oaep(size_t *start, size_t *good, unsigned char *em, size_t k,
    const struct padding *p, EVP_MD *md, EVP_MD *mgf)
{
	unsigned char l_hash[EVP_MAX_MD_SIZE];
	size_t size = (size_t)EVP_MD_get_size(md), at = 0;
	unsigned char *seed = em + 1, *db = em + 1 + size;
	size_t db_len = k - size - 1;
	int r = hash_parts(l_hash, md, p->label, p->label_len, NULL, 0, NULL, 0);

	if (r == 0)
		r = mask(seed, size, db, db_len, mgf);
	if (r == 0)
		r = mask(db, db_len, seed, size, mgf);
	if (r < 0)
		return r;
	*good = decode_block(&at, db, db_len, l_hash, size) & ct_is_zero(em[0]);
	*start = ct_select(*good, k - db_len + at, k);
	return 0;
}

int padding_decode_oaep(
    size_t *start, size_t *good, unsigned char *em, size_t k, const struct padding *p)
{
	EVP_MD *md = fetch(p->digest);
	EVP_MD *mgf = fetch(p->mgf1_digest != NULL ? p->mgf1_digest : p->digest);
	int r;

	*good = 0;
	*start = k;
	if (md == NULL || mgf == NULL)
		r = HSMIME_EUNSUPPORTED;
	else if (k < 2 * (size_t)EVP_MD_get_size(md) + 2)
		r = HSMIME_EUSAGE;
	else
		r = decode_oaep(start, good, em, k, p, md, mgf);
	EVP_MD_free(md);
	EVP_MD_free(mgf);
	return r;
}

void padding_align(unsigned char *em, size_t len, size_t k)
{
	size_t shift = k - len;

	for (size_t bit = 1; bit <= k; bit <<= 1) {
		size_t move = 1 - ct_is_zero(shift & bit);

		for (size_t i = k; i-- > 0;) {
			size_t before = i >= bit ? em[i - bit] : 0;

			em[i] = (unsigned char)ct_select(move, before, em[i]);
		}
	}
}
