#include "cms/signer_info.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>

#include "cms/algorithm_signature.h"
#include "cms/attributes.h"
#include "cms/signer_certificate.h"

/* So many certificates that fit the SignerIdentifier are tried. */
#define CANDIDATE_MAX 8

/* A SignerInfo while it is checked. */
struct checking {
	struct signed_signer *out;
	const SIGNER_INFO *info;
	const struct signer_info_check *c;
	const struct digest_algorithm *digest;
	const struct content_digest *content;
	struct signature_algorithm algorithm;
	struct attributes attributes; /* all NULL without signed attributes */
};

static int fail(const struct checking *k, int status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static int fail(const struct checking *k, int status, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(k->out->problem, sizeof(k->out->problem), fmt, ap);
	va_end(ap);
	return status;
}

static int find_digest(struct checking *k)
{
	char name[80];

	k->digest = digest_of_algorithm(k->info->digest);
	if (k->digest == NULL) {
		algorithm_text(name, sizeof(name), k->info->digest);
		return fail(
		    k, HSMIME_EUNSUPPORTED, "its digest algorithm %s is not supported", name);
	}
	k->out->digest = k->digest->name;
	if (k->digest->size == 0)
		return fail(k, HSMIME_EUNSUPPORTED,
		    "its digest algorithm %s is broken and not accepted", k->digest->name);
	k->content = content_digests_find(k->c->digests, k->digest);
	if (k->content == NULL)
		return fail(k, HSMIME_EINVALID,
		    "its digest algorithm %s is not in the message's list of digest algorithms",
		    k->digest->name);
	return 0;
}

static int find_algorithm(struct checking *k)
{
	struct signature_algorithm *a = &k->algorithm;
	int status = signature_of_algorithm(a, k->info->algorithm);
	char name[80];

	algorithm_text(name, sizeof(name), k->info->algorithm);
	if (status == HSMIME_EUNSUPPORTED)
		return fail(k, status, "its signature algorithm %s is not supported", name);
	if (status != 0)
		return fail(k, HSMIME_EINVALID,
		    "the parameters of its signature algorithm %s are malformed", name);
	k->out->signature_algorithm = signature_kind_name(a->kind);
	if (a->digest == NULL)
		a->digest = k->digest;
	if (a->digest != k->digest)
		return fail(k, HSMIME_EINVALID,
		    "its signature algorithm is for %s, but its digest algorithm is %s",
		    a->digest->name, k->digest->name);
	return 0;
}

/* Signed by the CRLF form, where only that one matches (RFC 8551 section 3.1.1). */
static int match_content(struct checking *k)
{
	const ASN1_STRING *value = k->attributes.message_digest->value.octet_string;
	const unsigned char *claimed = ASN1_STRING_get0_data(value);
	size_t size = k->digest->size;

	if ((size_t)ASN1_STRING_length(value) != size)
		return fail(k, HSMIME_EINVALID, "its message-digest attribute has a wrong length");
	if (memcmp(claimed, k->content->value, size) == 0)
		return 0;
	if (memcmp(claimed, k->content->crlf_value, size) == 0) {
		k->out->crlf_form = true;
		return 0;
	}
	return fail(k, HSMIME_EINVALID, "the content is not what was signed: its %s digest differs",
	    k->digest->name);
}

static bool same_algorithm(const X509_ALGOR *a, const X509_ALGOR *b)
{
	const ASN1_OBJECT *a_oid = NULL;
	const ASN1_OBJECT *b_oid = NULL;

	X509_ALGOR_get0(&a_oid, NULL, NULL, a);
	X509_ALGOR_get0(&b_oid, NULL, NULL, b);
	if (algorithm_is_plain(a) && algorithm_is_plain(b))
		return OBJ_cmp(a_oid, b_oid) == 0;
	return X509_ALGOR_cmp(a, b) == 0;
}

/* RFC 6211 section 2.1. */
static int match_protection(const struct checking *k)
{
	const ASN1_TYPE *value = k->attributes.algorithm_protection;
	ALGORITHM_PROTECTION *p = NULL;
	bool same = false;

	if (value == NULL)
		return 0;
	p = algorithm_protection_decode(value->value.sequence);
	same = p != NULL && p->signature != NULL && same_algorithm(p->digest, k->info->digest) &&
	       same_algorithm(p->signature, k->info->algorithm);
	algorithm_protection_free(p);
	if (!same)
		return fail(k, HSMIME_EINVALID,
		    "its algorithm-protection attribute names other algorithms");
	return 0;
}

static int check_attributes(struct checking *k)
{
	const char *problem = attributes_read(&k->attributes, k->info->attributes);
	const struct attributes *a = &k->attributes;

	if (a->signing_time != NULL && !attributes_time(&k->out->signing_time, a->signing_time))
		return fail(k, HSMIME_EINVALID, "its signing-time attribute is not a time");
	if (problem != NULL)
		return fail(k, HSMIME_EINVALID, "%s", problem);
	if (OBJ_cmp(a->content_type->value.object, k->c->content_type) != 0)
		return fail(k, HSMIME_EINVALID,
		    "its content-type attribute differs from the content's type");
	return match_protection(k);
}

/* RFC 5652 section 5.3: attributes may be left out for id-data alone. */
static int check_no_attributes(const struct checking *k)
{
	if (cms_type_of(k->c->content_type) != CMS_DATA)
		return fail(k, HSMIME_EINVALID,
		    "it has no signed attributes, which this type of content needs");
	if (k->algorithm.kind == SIGNATURE_ED25519)
		return fail(
		    k, HSMIME_EUNSUPPORTED, "Ed25519 without signed attributes is not supported");
	if (content_digests_look_like_attributes(k->c->digests))
		return fail(k, HSMIME_EINVALID,
		    "the content is another signature's attributes, not a message");
	return 0;
}

static int check_form(struct checking *k)
{
	int status = 0;

	if (k->info->attributes != NULL)
		status = check_attributes(k);
	else
		status = check_no_attributes(k);
	if (status == 0 && attributes_misplaced(k->info->unsigned_attributes))
		status = fail(
		    k, HSMIME_EINVALID, "it has an unsigned attribute that must be a signed one");
	if (status == 0 && !k->c->have_content)
		status =
		    fail(k, HSMIME_EINVALID, "the content that was signed is not in the message");
	if (status == 0 && k->info->attributes != NULL)
		status = match_content(k);
	return status;
}

static bool verify(const struct checking *k, EVP_PKEY *key, const unsigned char *data, size_t len)
{
	const ASN1_STRING *signature = k->info->signature;

	return signature_verify(&k->algorithm, key, k->c->env->libctx, data, len,
	    ASN1_STRING_get0_data(signature), (size_t)ASN1_STRING_length(signature));
}

static bool verify_octets(
    const struct checking *k, EVP_PKEY *key, const unsigned char *der, size_t len)
{
	unsigned char value[EVP_MAX_MD_SIZE];
	unsigned value_len = 0;

	if (k->algorithm.kind == SIGNATURE_ED25519)
		return verify(k, key, der, len);
	return EVP_Digest(der, len, value, &value_len, k->content->md, NULL) == 1 &&
	       verify(k, key, value, value_len);
}

/* What is signed is their DER encoding; some senders sign them unsorted (section 5.4). */
static bool verify_attributes(const struct checking *k, EVP_PKEY *key)
{
	unsigned char *sorted = NULL;
	unsigned char *in_order = NULL;
	int len = attributes_encode(&sorted, k->info->attributes, true);
	bool ok = len > 0 && verify_octets(k, key, sorted, (size_t)len);

	if (!ok && len > 0 && attributes_encode(&in_order, k->info->attributes, false) == len &&
	    memcmp(sorted, in_order, (size_t)len) != 0)
		ok = verify_octets(k, key, in_order, (size_t)len);
	OPENSSL_free(sorted);
	OPENSSL_free(in_order);
	return ok;
}

static bool verify_content(const struct checking *k, EVP_PKEY *key)
{
	const struct content_digest *d = k->content;

	if (verify(k, key, d->value, k->digest->size))
		return true;
	k->out->crlf_form = d->crlf_ctx != NULL && verify(k, key, d->crlf_value, k->digest->size);
	return k->out->crlf_form;
}

static int check_signature(struct checking *k, X509 *cert)
{
	EVP_PKEY *key = X509_get0_pubkey(cert);
	bool ok = false;

	if (key == NULL)
		return fail(k, HSMIME_EUNSUPPORTED,
		    "the public key of the signer's certificate is not supported");
	k->out->key_bits = (unsigned)EVP_PKEY_get_bits(key);
	if (!signature_fits(k->algorithm.kind, key))
		return fail(k, HSMIME_EINVALID,
		    "its signature algorithm does not fit the key of the signer's certificate");
	if (!signer_certificate_is_bound(&k->attributes, cert, k->c->env->libctx))
		return fail(k, HSMIME_EINVALID,
		    "its signing-certificate attribute names another certificate");
	ok = k->info->attributes != NULL ? verify_attributes(k, key) : verify_content(k, key);
	if (!ok)
		return fail(k, HSMIME_EINVALID,
		    "the signature does not match the key of the signer's certificate");
	return 0;
}

static size_t find_candidates(
    X509 **list, size_t count, const struct checking *k, const STACK_OF(X509) *certs)
{
	for (int i = 0; count < CANDIDATE_MAX && i < sk_X509_num(certs); i++) {
		X509 *cert = sk_X509_value(certs, i);
		bool known = false;

		if (!signer_certificate_matches(k->info->sid, cert))
			continue;
		for (size_t j = 0; !known && j < count; j++)
			known = X509_cmp(list[j], cert) == 0;
		if (!known)
			list[count++] = cert;
	}
	return count;
}

static void take_certificate(struct signed_signer *out, X509 *cert)
{
	X509_up_ref(cert);
	X509_free(out->certificate);
	out->certificate = cert;
}

/* Issuer and serial number, or a key identifier, may fit more than one certificate. */
static int check_certificates(struct checking *k)
{
	X509 *list[CANDIDATE_MAX] = { NULL };
	size_t count = find_candidates(list, 0, k, k->c->certificates);
	int status = HSMIME_EINVALID;

	count = find_candidates(list, count, k, k->c->extra);
	if (count == 0)
		return fail(k, HSMIME_EINVALID, "the signer's certificate was not found");
	for (size_t i = count; status != 0 && i-- > 0;) {
		take_certificate(k->out, list[i]);
		status = check_signature(k, list[i]);
	}
	if (status == 0)
		k->out->problem[0] = '\0';
	return status;
}

/* Names the signer also where the verdict falls before its key is used. */
static void name_signer(struct checking *k)
{
	X509 *list[CANDIDATE_MAX] = { NULL };
	size_t count = find_candidates(list, 0, k, k->c->certificates);
	EVP_PKEY *key = NULL;

	count = find_candidates(list, count, k, k->c->extra);
	if (count == 0)
		return;
	take_certificate(k->out, list[0]);
	key = X509_get0_pubkey(list[0]);
	if (key != NULL)
		k->out->key_bits = (unsigned)EVP_PKEY_get_bits(key);
}

void signer_info_check(
    struct signed_signer *out, const SIGNER_INFO *info, const struct signer_info_check *c)
{
	struct checking k = { .out = out, .info = info, .c = c };

	memset(out, 0, sizeof(*out));
	out->signing_time = HSMIME_NO_TIME;
	ERR_set_mark();
	out->signature_status = find_digest(&k);
	if (out->signature_status == 0)
		out->signature_status = find_algorithm(&k);
	if (out->signature_status == 0)
		out->signature_status = check_form(&k);
	if (out->signature_status == 0)
		out->signature_status = check_certificates(&k);
	else
		name_signer(&k);
	ERR_pop_to_mark();
}
