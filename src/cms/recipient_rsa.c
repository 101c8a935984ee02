#include "cms/recipient_rsa.h"

#include <string.h>

#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include "cms/asn1_item.h"
#include "cms/content_key.h"
#include "util/rsa_algorithm.h"

static int read_digest(const struct digest_algorithm **digest, const X509_ALGOR *algorithm)
{
	*digest = digest_by_nid(OBJ_obj2nid(algorithm->algorithm));
	if (*digest == NULL || !(*digest)->oaep)
		return HSMIME_EUNSUPPORTED;
	return algorithm_is_plain(algorithm) ? 0 : HSMIME_EFORMAT;
}

static int read_mask(const struct digest_algorithm **digest, const X509_ALGOR *mask)
{
	X509_ALGOR *hash;
	int status = HSMIME_EFORMAT;

	if (OBJ_obj2nid(mask->algorithm) != NID_mgf1)
		return HSMIME_EUNSUPPORTED;
	hash = asn1_decode_any(ASN1_ITEM_rptr(X509_ALGOR), mask->parameter);
	if (hash != NULL)
		status = read_digest(digest, hash);
	X509_ALGOR_free(hash);
	return status;
}

static int read_label(struct rsa_transport *t, const X509_ALGOR *source)
{
	const ASN1_OCTET_STRING *label;

	if (OBJ_obj2nid(source->algorithm) != NID_pSpecified)
		return HSMIME_EUNSUPPORTED;
	if (source->parameter == NULL || source->parameter->type != V_ASN1_OCTET_STRING)
		return HSMIME_EFORMAT;
	label = source->parameter->value.octet_string;
	if (ASN1_STRING_length(label) == 0)
		return 0;
	t->label_len = (size_t)ASN1_STRING_length(label);
	t->label = OPENSSL_memdup(ASN1_STRING_get0_data(label), t->label_len);
	return t->label == NULL ? HSMIME_ENOMEM : 0;
}

static int read_oaep(struct rsa_transport *t, const ASN1_TYPE *parameter)
{
	ENV_OAEP_PARAMS *oaep = asn1_decode_any(ASN1_ITEM_rptr(ENV_OAEP_PARAMS), parameter);
	int status = 0;

	if (oaep == NULL)
		return HSMIME_EFORMAT;
	t->oaep = true;
	t->digest = digest_by_nid(NID_sha1);
	t->mask_digest = t->digest;
	if (oaep->hash != NULL)
		status = read_digest(&t->digest, oaep->hash);
	if (status == 0 && oaep->mask != NULL)
		status = read_mask(&t->mask_digest, oaep->mask);
	if (status == 0 && oaep->source != NULL)
		status = read_label(t, oaep->source);
	ENV_OAEP_PARAMS_free(oaep);
	return status;
}

int rsa_transport_read(struct rsa_transport *out, const X509_ALGOR *algorithm)
{
	int status = HSMIME_EUNSUPPORTED;

	memset(out, 0, sizeof(*out));
	switch (OBJ_obj2nid(algorithm->algorithm)) {
	case NID_rsaEncryption:
		status = algorithm_is_plain(algorithm) ? 0 : HSMIME_EFORMAT;
		break;
	case NID_rsaesOaep:
		status = read_oaep(out, algorithm->parameter);
		break;
	}
	if (status != 0)
		rsa_transport_clear(out);
	return status;
}

void rsa_transport_clear(struct rsa_transport *t)
{
	OPENSSL_free(t->label);
	memset(t, 0, sizeof(*t));
}

static int set_label(EVP_PKEY_CTX *ctx, const struct rsa_transport *t)
{
	unsigned char *label;

	if (t->label == NULL)
		return 1;
	label = OPENSSL_memdup(t->label, t->label_len);
	if (label != NULL && EVP_PKEY_CTX_set0_rsa_oaep_label(ctx, label, (int)t->label_len) > 0)
		return 1;
	OPENSSL_free(label);
	return 0;
}

static int set_padding(EVP_PKEY_CTX *ctx, const struct rsa_transport *t)
{
	if (!t->oaep)
		return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) > 0;
	return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) > 0 &&
	       EVP_PKEY_CTX_set_rsa_oaep_md_name(ctx, t->digest->fetch, NULL) > 0 &&
	       EVP_PKEY_CTX_set_rsa_mgf1_md_name(ctx, t->mask_digest->fetch, NULL) > 0 &&
	       set_label(ctx, t);
}

static int prepare(EVP_PKEY_CTX **ctx, EVP_PKEY *key, const struct rsa_transport *t,
    int (*init)(EVP_PKEY_CTX *), struct cms_env *env)
{
	*ctx = NULL;
	if (!EVP_PKEY_is_a(key, "RSA"))
		return error_set(env->err, HSMIME_EUNSUPPORTED,
		    "the key is not of the kind that the recipient needs (RSA)");
	*ctx = EVP_PKEY_CTX_new_from_pkey(env->libctx, key, NULL);
	if (*ctx == NULL || init(*ctx) <= 0 || !set_padding(*ctx, t))
		return error_openssl(env->err, HSMIME_EUNSUPPORTED, "RSA key transport");
	return 0;
}

static int decrypt(struct content_key *out, EVP_PKEY *key, const struct rsa_transport *t,
    const struct content_key_input *in, struct cms_env *env)
{
	EVP_PKEY_CTX *ctx = NULL;
	int status = prepare(&ctx, key, t, EVP_PKEY_decrypt_init, env);

	if (status == 0)
		status = content_key_choose(&out->octets, ctx, key, in, env);
	EVP_PKEY_CTX_free(ctx);
	return status;
}

static int unwrap(struct content_key *out, const struct recipient_key *key,
    const struct rsa_transport *t, const struct content_key_input *in,
    const struct content_cipher *cipher, struct cms_env *env)
{
	struct content_wrapped wrapped = {
		.oaep = t->oaep,
		.digest = t->oaep ? t->digest->fetch : NULL,
		.mask_digest = t->oaep ? t->mask_digest->fetch : NULL,
		.label = t->label,
		.label_len = t->label_len,
		.cipher = cipher,
	};

	return content_key_unwrap(out, key->unwrapper, key->key, &wrapped, in, env);
}

int recipient_rsa_decrypt(struct content_key *out, const struct recipient_key *key,
    const ENV_KEY_TRANS *info, const X509_ALGOR *algorithm, const struct content_cipher *cipher,
    const unsigned char *secret, struct cms_env *env)
{
	struct content_key_input in = {
		.encrypted = ASN1_STRING_get0_data(info->encrypted_key),
		.encrypted_len = (size_t)ASN1_STRING_length(info->encrypted_key),
		.cipher = algorithm->algorithm,
		.key_len = cipher->key_len,
		.secret = secret,
	};
	struct rsa_transport t;
	int status = rsa_transport_read(&t, info->algorithm);

	memset(out, 0, sizeof(*out));
	if (status != 0)
		return error_set(env->err, status, "the recipient's key transport can't be read");
	if (key->unwrapper != NULL && key->unwrapper->unwrap != NULL)
		status = unwrap(out, key, &t, &in, cipher, env);
	else
		status = decrypt(out, key->key, &t, &in, env);
	rsa_transport_clear(&t);
	return status;
}

/* RFC 4262; SMIMECapabilities has the form of a sequence of AlgorithmIdentifiers. */
static bool capable_of_oaep(X509 *cert)
{
	int at = X509_get_ext_by_NID(cert, NID_SMIMECapabilities, -1);
	ASN1_OCTET_STRING *value = at < 0 ? NULL : X509_EXTENSION_get_data(X509_get_ext(cert, at));
	STACK_OF(X509_ALGOR) *capabilities = NULL;
	bool found = false;

	if (value != NULL)
		capabilities = asn1_decode(ASN1_ITEM_rptr(X509_ALGORS),
		    ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value));
	for (int i = 0; i < sk_X509_ALGOR_num(capabilities); i++) {
		if (OBJ_obj2nid(sk_X509_ALGOR_value(capabilities, i)->algorithm) == NID_rsaesOaep)
			found = true;
	}
	sk_X509_ALGOR_pop_free(capabilities, X509_ALGOR_free);
	return found;
}

/* A key of id-RSAES-OAEP with parameters may be used with these alone (RFC 4055 section 4.1). */
static int choose_transport(
    struct rsa_transport *t, X509 *cert, enum hsmime_key_transport transport, struct cms_env *env)
{
	X509_ALGOR *key = NULL;
	bool own;

	memset(t, 0, sizeof(*t));
	X509_PUBKEY_get0_param(NULL, NULL, NULL, &key, X509_get_X509_PUBKEY(cert));
	own = key != NULL && OBJ_obj2nid(key->algorithm) == NID_rsaesOaep;
	if (own && transport == HSMIME_KEY_TRANSPORT_PKCS1)
		return error_set(env->err, HSMIME_EUNSUPPORTED,
		    "a recipient's certificate allows RSA-OAEP alone");
	if (own && key->parameter != NULL) {
		int status = rsa_transport_read(t, key);

		return status == 0 ? 0
				   : error_set(env->err, HSMIME_EUNSUPPORTED,
					 "a recipient's certificate names RSA-OAEP parameters that "
					 "are not supported");
	}
	t->oaep = own || transport == HSMIME_KEY_TRANSPORT_OAEP ||
		  (transport == HSMIME_KEY_TRANSPORT_AUTO && capable_of_oaep(cert));
	t->digest = digest_by_nid(NID_sha256);
	t->mask_digest = t->digest;
	return 0;
}

bool recipient_rsa_takes_oaep(X509 *cert, enum hsmime_key_transport transport)
{
	struct cms_env env = { 0 };
	struct rsa_transport t;
	bool oaep = choose_transport(&t, cert, transport, &env) == 0 && t.oaep;

	rsa_transport_clear(&t);
	return oaep;
}

static X509_ALGOR *label_algorithm(const struct rsa_transport *t)
{
	ASN1_OCTET_STRING *label = ASN1_OCTET_STRING_new();
	X509_ALGOR *source = X509_ALGOR_new();

	if (label != NULL && source != NULL &&
	    ASN1_OCTET_STRING_set(label, t->label, (int)t->label_len) == 1 &&
	    X509_ALGOR_set0(source, OBJ_nid2obj(NID_pSpecified), V_ASN1_OCTET_STRING, label) == 1)
		return source;
	ASN1_OCTET_STRING_free(label);
	X509_ALGOR_free(source);
	return NULL;
}

/* DER leaves defaults out: SHA-1, MGF1 with SHA-1, the empty label. */
static int set_oaep(X509_ALGOR *algorithm, const struct rsa_transport *t)
{
	ENV_OAEP_PARAMS *oaep = ENV_OAEP_PARAMS_new();
	bool hash = t->digest->nid != NID_sha1;
	bool mask = t->mask_digest->nid != NID_sha1;
	int status = HSMIME_ENOMEM;

	if (oaep == NULL)
		return HSMIME_ENOMEM;
	if (hash)
		oaep->hash = rsa_algorithm_hash(t->digest->nid);
	if (mask)
		oaep->mask = rsa_algorithm_mgf1(t->mask_digest->nid);
	if (t->label != NULL)
		oaep->source = label_algorithm(t);
	if (hash == (oaep->hash != NULL) && mask == (oaep->mask != NULL) &&
	    (t->label != NULL) == (oaep->source != NULL))
		status = rsa_algorithm_set(
		    algorithm, NID_rsaesOaep, ASN1_ITEM_rptr(ENV_OAEP_PARAMS), oaep);
	ENV_OAEP_PARAMS_free(oaep);
	return status;
}

static int set_algorithm(X509_ALGOR *algorithm, const struct rsa_transport *t)
{
	if (t->oaep)
		return set_oaep(algorithm, t) == 0;
	return X509_ALGOR_set0(algorithm, OBJ_nid2obj(NID_rsaEncryption), V_ASN1_NULL, NULL);
}

static int encrypt(ENV_KEY_TRANS *info, EVP_PKEY_CTX *ctx, size_t size, const struct secret *key)
{
	unsigned char *encrypted = OPENSSL_malloc(size);
	size_t len = size;

	if (encrypted != NULL && EVP_PKEY_encrypt(ctx, encrypted, &len, key->data, key->len) > 0) {
		ASN1_STRING_set0(info->encrypted_key, encrypted, (int)len);
		return 1;
	}
	OPENSSL_free(encrypted);
	return 0;
}

int recipient_rsa_make(ENV_KEY_TRANS **out, X509 *cert, EVP_PKEY *public,
    enum hsmime_key_transport transport, const struct secret *content_key, struct cms_env *env)
{
	struct rsa_transport t;
	ENV_KEY_TRANS *info = ENV_KEY_TRANS_new();
	EVP_PKEY_CTX *ctx = NULL;
	int status;

	*out = NULL;
	status = choose_transport(&t, cert, transport, env);
	if (status == 0)
		status = prepare(&ctx, public, &t, EVP_PKEY_encrypt_init, env);
	if (status != 0)
		goto out;
	if (info == NULL || set_algorithm(info->algorithm, &t) != 1 ||
	    encrypt(info, ctx, (size_t)EVP_PKEY_get_size(public), content_key) != 1) {
		status = error_openssl(env->err, HSMIME_EINTERNAL, "RSA encryption");
		goto out;
	}
	*out = info;
	info = NULL;
out:
	ENV_KEY_TRANS_free(info);
	EVP_PKEY_CTX_free(ctx);
	rsa_transport_clear(&t);
	return status;
}
