#include "cms/signed_reader.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

#include "cms/asn1_signed.h"
#include "cms/content_digest.h"
#include "cms/signer_info.h"
#include "util/buffer.h"
#include "util/sink.h"

#define DIGEST_COUNT_MAX 64
#define ALGORITHM_MAX 1024
#define CERTIFICATES_MAX (4 * 1024 * 1024)
#define SIGNER_COUNT_MAX 64
#define SIGNERS_MAX (1024 * 1024)

struct reading {
	struct ber_reader *r;
	const struct signed_read *request;
	struct cms_env *env;
	struct content_digests digests;
	ASN1_OBJECT *content_type;
	bool has_content;
	STACK_OF(X509) *certificates;
	STACK_OF(SIGNER_INFO) *infos;
	struct buffer element; /* the one at hand; its maximum is the bound */
};

/* A missing element is a malformed message. */
static int required(struct reading *g, int status, const char *what)
{
	if (status == BER_END)
		return error_set(
		    g->env->err, HSMIME_EFORMAT, "the %s of the SignedData is missing", what);
	return status;
}

/* The next element of a SET, whole; BER_END behind the last. */
static int next_element(struct reading *g)
{
	struct ber_header h;
	int status = ber_peek(g->r, &h);

	buffer_reset(&g->element);
	if (status == 0)
		status = ber_collect(g->r, &g->element);
	return status;
}

static void bound_elements(struct reading *g, size_t max)
{
	buffer_free(&g->element);
	buffer_init(&g->element, max);
}

static int read_version(struct reading *g)
{
	struct ber_header h;
	int status = required(g, ber_peek(g->r, &h), "version");

	if (status == 0 && (h.constructed || !ber_is(&h, BER_UNIVERSAL, BER_INTEGER)))
		status = error_set(g->env->err, HSMIME_EFORMAT, "the SignedData has no version");
	return status == 0 ? required(g, ber_skip(g->r), "version") : status;
}

static int add_digest(struct reading *g)
{
	const unsigned char *p = g->element.data;
	const struct digest_algorithm *digest = NULL;
	X509_ALGOR *a = d2i_X509_ALGOR(NULL, &p, (long)g->element.len);

	if (a == NULL)
		return error_openssl(
		    g->env->err, HSMIME_EFORMAT, "a digest algorithm is malformed");
	digest = digest_of_algorithm(a);
	X509_ALGOR_free(a);
	if (digest == NULL || digest->size == 0)
		return 0;
	return content_digests_add(&g->digests, digest, g->env);
}

static int read_digests(struct reading *g)
{
	int status = ber_enter(g->r, BER_UNIVERSAL, BER_SET, "digestAlgorithms");
	size_t count = 0;

	bound_elements(g, ALGORITHM_MAX);
	while (status == 0) {
		status = next_element(g);
		if (status == 0 && ++count > DIGEST_COUNT_MAX)
			status = error_set(g->env->err, HSMIME_EFORMAT,
			    "the message names more than %d digest algorithms", DIGEST_COUNT_MAX);
		if (status == 0)
			status = add_digest(g);
	}
	return status == BER_END ? ber_leave(g->r, "digestAlgorithms") : status;
}

/* In PKCS #7 1.5 other types have any element, whose content octets are hashed (RFC 5652 section 5.2.1). */
static int read_octets(struct reading *g)
{
	struct ber_header h;
	hsmime_sink sink;
	int status = required(g, ber_peek(g->r, &h), "content");

	if (status != 0)
		return status;
	if (g->request->detached != NULL)
		return ber_skip(g->r);
	content_digests_sink(&sink, &g->digests);
	if (ber_is(&h, BER_UNIVERSAL, BER_OCTET_STRING))
		return ber_octets(g->r, BER_UNIVERSAL, BER_OCTET_STRING, &sink, "eContent");
	if (cms_type_of(g->content_type) == CMS_DATA)
		return error_set(g->env->err, HSMIME_EFORMAT, "the content is not an OCTET STRING");
	return ber_contents(g->r, &sink, "eContent");
}

static int read_content(struct reading *g)
{
	struct ber_header h;
	int status = ber_enter(g->r, BER_UNIVERSAL, BER_SEQUENCE, "encapContentInfo");

	if (status == 0)
		status = cms_read_oid(&g->content_type, g->r, "eContentType");
	if (status == 0)
		status = ber_peek(g->r, &h);
	if (status == 0) {
		g->has_content = true;
		status = ber_enter(g->r, BER_CONTEXT, 0, "eContent");
		if (status == 0)
			status = read_octets(g);
		if (status == 0)
			status = ber_leave(g->r, "eContent");
	} else if (status == BER_END) {
		status = 0;
	}
	return status == 0 ? ber_leave(g->r, "encapContentInfo") : status;
}

/* What is no certificate, or one that OpenSSL can't read, is left out. */
static int add_certificate(struct reading *g)
{
	const unsigned char *p = g->element.data;
	X509 *cert = X509_new_ex(g->env->libctx, NULL);

	if (cert == NULL)
		return error_nomem(g->env->err);
	ERR_set_mark();
	if (d2i_X509(&cert, &p, (long)g->element.len) == NULL)
		cert = NULL;
	ERR_pop_to_mark();
	if (cert != NULL && sk_X509_push(g->certificates, cert) <= 0) {
		X509_free(cert);
		return error_nomem(g->env->err);
	}
	return 0;
}

/* A SET of bounded total size; add takes each element. */
static int read_bounded(struct reading *g, size_t max, int (*add)(struct reading *g))
{
	size_t used = 0;
	int status = 0;

	while (status == 0) {
		bound_elements(g, max - used);
		status = next_element(g);
		used += g->element.len;
		if (status == 0)
			status = add(g);
	}
	return status;
}

/* Whether the optional [tag] comes next: 1, 0 or a negative status. */
static int comes_next(struct reading *g, uint32_t tag)
{
	struct ber_header h;
	int status = required(g, ber_peek(g->r, &h), "list of signers");

	return status == 0 ? ber_is(&h, BER_CONTEXT, tag) : status;
}

static int read_certificates(struct reading *g)
{
	int status = comes_next(g, 0);

	if (status <= 0)
		return status;
	status = ber_enter(g->r, BER_CONTEXT, 0, "certificates");
	if (status == 0)
		status = read_bounded(g, CERTIFICATES_MAX, add_certificate);
	return status == BER_END ? ber_leave(g->r, "certificates") : status;
}

static int skip_crls(struct reading *g)
{
	int status = comes_next(g, 1);

	return status > 0 ? ber_skip(g->r) : status;
}

static int add_signer(struct reading *g)
{
	const unsigned char *p = g->element.data;
	SIGNER_INFO *info = NULL;

	if (sk_SIGNER_INFO_num(g->infos) == SIGNER_COUNT_MAX)
		return error_set(g->env->err, HSMIME_EFORMAT,
		    "the message has more than %d signers", SIGNER_COUNT_MAX);
	info = d2i_SIGNER_INFO(NULL, &p, (long)g->element.len);
	if (info == NULL)
		return error_openssl(g->env->err, HSMIME_EFORMAT, "a SignerInfo is malformed");
	if (sk_SIGNER_INFO_push(g->infos, info) <= 0) {
		SIGNER_INFO_free(info);
		return error_nomem(g->env->err);
	}
	return 0;
}

static int read_signers(struct reading *g)
{
	int status = ber_enter(g->r, BER_UNIVERSAL, BER_SET, "signerInfos");

	if (status == 0)
		status = read_bounded(g, SIGNERS_MAX, add_signer);
	return status == BER_END ? ber_leave(g->r, "signerInfos") : status;
}

static int read_structure(struct reading *g)
{
	static int (*const parts[])(struct reading * g) = { read_version, read_digests,
		read_content, read_certificates, skip_crls, read_signers };
	int status = ber_enter(g->r, BER_UNIVERSAL, BER_SEQUENCE, "SignedData");

	for (size_t i = 0; status == 0 && i < sizeof(parts) / sizeof(parts[0]); i++)
		status = parts[i](g);
	if (status == 0)
		status = ber_leave(g->r, "SignedData");
	return required(g, status, "rest");
}

static int hash_content(struct reading *g)
{
	const hsmime_source *detached = g->request->detached;
	hsmime_sink sink;
	int status = 0;

	if (detached != NULL) {
		content_digests_sink(&sink, &g->digests);
		if (detached->seek != NULL)
			status = source_seek(detached, 0);
		if (status == 0)
			status = source_copy(&sink, detached);
	}
	if (status == 0 && content_digests_finish(&g->digests) != 0)
		status = error_nomem(g->env->err);
	return status;
}

static int check_signers(struct signed_result *result, struct reading *g)
{
	struct signer_info_check check = { .digests = &g->digests,
		.content_type = g->content_type,
		.have_content = g->has_content || g->request->detached != NULL,
		.certificates = g->certificates,
		.extra = g->request->extra,
		.env = g->env };
	size_t count = (size_t)sk_SIGNER_INFO_num(g->infos);

	result->signers = calloc(count + 1, sizeof(*result->signers));
	if (result->signers == NULL)
		return error_nomem(g->env->err);
	result->count = count;
	for (size_t i = 0; i < count; i++)
		signer_info_check(
		    &result->signers[i], sk_SIGNER_INFO_value(g->infos, (int)i), &check);
	return 0;
}

static void reading_free(struct reading *g)
{
	content_digests_free(&g->digests);
	ASN1_OBJECT_free(g->content_type);
	sk_X509_pop_free(g->certificates, X509_free);
	sk_SIGNER_INFO_pop_free(g->infos, SIGNER_INFO_free);
	buffer_free(&g->element);
}

int signed_read(struct signed_result *result, struct ber_reader *r,
    const struct signed_read *request, struct cms_env *env)
{
	struct reading g = { .r = r, .request = request, .env = env };
	hsmime_sink nowhere = { NULL, NULL };
	bool detached = request->detached != NULL;
	int status = 0;

	memset(result, 0, sizeof(*result));
	buffer_init(&g.element, ALGORITHM_MAX);
	content_digests_init(
	    &g.digests, request->text && detached, detached ? &nowhere : &request->content);
	g.certificates = sk_X509_new_null();
	g.infos = sk_SIGNER_INFO_new_null();
	if (g.certificates == NULL || g.infos == NULL)
		status = error_nomem(env->err);
	if (status == 0)
		status = read_structure(&g);
	if (status == 0)
		status = hash_content(&g);
	if (status == 0)
		status = check_signers(result, &g);
	if (status == 0) {
		result->content_type = cms_type_of(g.content_type);
		result->has_content = g.has_content;
		result->content_size = g.digests.as_came.octets;
		result->certificates = g.certificates;
		g.certificates = NULL;
	}
	reading_free(&g);
	return status;
}
