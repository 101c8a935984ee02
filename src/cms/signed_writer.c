#include "cms/signed_writer.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "cms/signer_info_build.h"
#include "util/ber_writer.h"
#include "util/sink.h"

#define CONTENT_SIZE_MAX (UINT64_MAX >> 2)
#define CHUNK (64 * 1024)

/* Content lengths of the nested elements, outermost first. */
struct lengths {
	uint64_t content_info;
	uint64_t content;
	uint64_t signed_data;
	uint64_t encap;
	uint64_t econtent;
	uint64_t octets;
};

struct signed_writer {
	struct signed_write request;
	struct cms_env *env;
	hsmime_sink sink;
	struct signature_algorithm scheme;
	SIGNER_INFO *info;
	STACK_OF(SIGNER_INFO) *infos; /* info alone */
	unsigned char *certificates;  /* DER, with its header */
	int certificates_len;
	unsigned char *digest_algorithm; /* DER */
	int digest_algorithm_len;
	EVP_MD *md;
	EVP_MD_CTX *hash;
	bool fixed; /* the signature's size is known: DER is possible */
	struct ber_chunks chunks;
	hsmime_sink chunked;
	uint64_t octets; /* of content, so far */
	int status;      /* sticky */
};

const char *signed_micalg(const char *digest)
{
	const struct digest_algorithm *d = digest_by_name(digest);

	return d == NULL ? NULL : d->micalg;
}

const char *signed_digest_name(const char *name)
{
	const struct digest_algorithm *d = digest_by_name(name);

	return d == NULL ? NULL : d->fetch;
}

static int push_certificate(STACK_OF(X509) *list, X509 *cert)
{
	return X509_add_cert(list, cert, X509_ADD_FLAG_UP_REF | X509_ADD_FLAG_NO_DUP)
		   ? 0
		   : HSMIME_ENOMEM;
}

static int encode_certificates(struct signed_writer *w)
{
	STACK_OF(X509) *list = sk_X509_new_null();
	int status = list == NULL ? HSMIME_ENOMEM : push_certificate(list, w->request.certificate);

	for (int i = 0; status == 0 && i < sk_X509_num(w->request.chain); i++)
		status = push_certificate(list, sk_X509_value(w->request.chain, i));
	if (status == 0) {
		w->certificates_len = certificates_encode(&w->certificates, list);
		status = w->certificates_len > 0 ? 0 : HSMIME_ENOMEM;
	}
	sk_X509_pop_free(list, X509_free);
	return status == 0 ? 0 : error_nomem(w->env->err);
}

/* All that can be known before the first octet of content. */
static int prepare(struct signed_writer *w)
{
	int status = signer_scheme(&w->scheme, &w->request, w->env);

	if (status == 0)
		status = signer_info_new(&w->info, &w->request, &w->scheme, w->env);
	if (status == 0)
		status = encode_certificates(w);
	if (status != 0)
		return status;
	w->fixed = w->scheme.kind != SIGNATURE_ECDSA;
	w->infos = sk_SIGNER_INFO_new_null();
	w->digest_algorithm_len = i2d_X509_ALGOR(w->info->digest, &w->digest_algorithm);
	if (w->infos == NULL || sk_SIGNER_INFO_push(w->infos, w->info) <= 0 ||
	    w->digest_algorithm_len <= 0)
		return error_nomem(w->env->err);
	return 0;
}

/* Outer lengths hold where infos_len, of signerInfos with its header, does. */
static void measure(struct lengths *l, const struct signed_writer *w, int infos_len)
{
	memset(l, 0, sizeof(*l));
	l->encap = cms_type_size(CMS_DATA);
	if (!w->request.detached) {
		l->octets = w->request.content_size;
		l->econtent = ber_element_size(l->octets);
		l->encap += ber_element_size(l->econtent);
	}
	l->signed_data = ber_element_size(1) + ber_element_size((uint64_t)w->digest_algorithm_len) +
			 ber_element_size(l->encap) + (uint64_t)w->certificates_len +
			 (uint64_t)infos_len;
	l->content = ber_element_size(l->signed_data);
	l->content_info = cms_type_size(CMS_SIGNED_DATA) + ber_element_size(l->content);
}

static bool size_is_known(const struct signed_writer *w)
{
	return w->request.detached || w->request.content_size != HSMIME_SIZE_UNKNOWN;
}

static void lengths_unknown(struct lengths *l, const struct signed_writer *w)
{
	if (!w->fixed || !size_is_known(w)) {
		l->content_info = HSMIME_SIZE_UNKNOWN;
		l->content = HSMIME_SIZE_UNKNOWN;
		l->signed_data = HSMIME_SIZE_UNKNOWN;
	}
	if (!size_is_known(w)) {
		l->encap = HSMIME_SIZE_UNKNOWN;
		l->econtent = HSMIME_SIZE_UNKNOWN;
		l->octets = HSMIME_SIZE_UNKNOWN;
	}
}

static int put_sequence(const hsmime_sink *sink, uint64_t length)
{
	return ber_put_header(sink, BER_UNIVERSAL, BER_SEQUENCE, true, length);
}

static int put_explicit(const hsmime_sink *sink, uint64_t length)
{
	return ber_put_header(sink, BER_CONTEXT, 0, true, length);
}

/* ContentInfo, SignedData's version (1: RFC 5652 section 5.1) and digestAlgorithms. */
static int put_start(const struct signed_writer *w, const struct lengths *l)
{
	static const unsigned char version[] = { BER_INTEGER, 1, 1 };
	const hsmime_sink *s = &w->sink;
	uint64_t len = (uint64_t)w->digest_algorithm_len;
	int status = put_sequence(s, l->content_info);

	if (status == 0)
		status = cms_put_type(s, CMS_SIGNED_DATA);
	if (status == 0)
		status = put_explicit(s, l->content);
	if (status == 0)
		status = put_sequence(s, l->signed_data);
	if (status == 0)
		status = sink_write(s, version, sizeof(version));
	if (status == 0)
		status = ber_put_header(s, BER_UNIVERSAL, BER_SET, true, len);
	if (status == 0)
		status = sink_write(s, w->digest_algorithm, len);
	return status;
}

static int put_content_start(const struct signed_writer *w, const struct lengths *l)
{
	const hsmime_sink *s = &w->sink;
	bool constructed = l->octets == HSMIME_SIZE_UNKNOWN;
	int status = put_sequence(s, l->encap);

	if (status == 0)
		status = cms_put_type(s, CMS_DATA);
	if (status != 0 || w->request.detached)
		return status;
	status = put_explicit(s, l->econtent);
	if (status == 0)
		status = ber_put_header(s, BER_UNIVERSAL, BER_OCTET_STRING, constructed, l->octets);
	return status;
}

static int put_ends(const hsmime_sink *sink, unsigned count)
{
	int status = 0;

	while (status == 0 && count-- > 0)
		status = ber_put_end(sink);
	return status;
}

static int begin_attached(struct signed_writer *w)
{
	int infos_len = signer_infos_encode(NULL, w->infos);
	struct lengths l;
	int status = infos_len > 0 ? 0 : error_nomem(w->env->err);

	if (status == 0 && !size_is_known(w))
		status = ber_chunks_open(&w->chunked, &w->chunks, &w->sink, CHUNK);
	if (status != 0)
		return status;
	measure(&l, w, infos_len);
	lengths_unknown(&l, w);
	status = put_start(w, &l);
	return status == 0 ? put_content_start(w, &l) : status;
}

static int write_attached(struct signed_writer *w, const void *buf, size_t len)
{
	if (!size_is_known(w))
		return sink_write(&w->chunked, buf, len);
	return sink_write(&w->sink, buf, len);
}

static int take(struct signed_writer *w, const void *buf, size_t len)
{
	bool limited = !w->request.detached && size_is_known(w);

	if (limited && len > w->request.content_size - w->octets)
		return error_set(
		    w->env->err, HSMIME_EUSAGE, "the content is longer than announced");
	w->octets += len;
	if (EVP_DigestUpdate(w->hash, buf, len) != 1)
		return error_openssl(w->env->err, HSMIME_EINTERNAL, "hashing failed");
	return w->request.detached ? 0 : write_attached(w, buf, len);
}

static int write_content(void *arg, const void *buf, size_t len)
{
	struct signed_writer *w = arg;

	if (w->status == 0 && len > 0)
		w->status = take(w, buf, len);
	return w->status;
}

static int start_hash(struct signed_writer *w)
{
	w->md = EVP_MD_fetch(w->env->libctx, w->scheme.digest->fetch, NULL);
	if (w->md == NULL)
		return error_openssl(w->env->err, HSMIME_EUNSUPPORTED, w->scheme.digest->name);
	w->hash = EVP_MD_CTX_new();
	if (w->hash == NULL || EVP_DigestInit_ex2(w->hash, w->md, NULL) != 1)
		return error_nomem(w->env->err);
	return 0;
}

static int check_request(const struct signed_write *request, struct cms_env *env)
{
	if (request->key == NULL || request->certificate == NULL)
		return error_set(
		    env->err, HSMIME_EUSAGE, "signing needs a key and its certificate");
	if (!request->detached && request->content_size != HSMIME_SIZE_UNKNOWN &&
	    request->content_size > CONTENT_SIZE_MAX)
		return error_set(env->err, HSMIME_EUSAGE, "the content is too long");
	return 0;
}

int signed_writer_new(struct signed_writer **out, hsmime_sink *content,
    const struct signed_write *request, const hsmime_sink *sink, struct cms_env *env)
{
	struct signed_writer *w = NULL;
	int status = check_request(request, env);

	*out = NULL;
	memset(content, 0, sizeof(*content));
	if (status != 0)
		return status;
	w = calloc(1, sizeof(*w));
	if (w == NULL)
		return error_nomem(env->err);
	w->request = *request;
	w->env = env;
	w->sink = *sink;
	status = prepare(w);
	if (status == 0)
		status = start_hash(w);
	if (status == 0 && !request->detached)
		status = begin_attached(w);
	if (status != 0) {
		signed_writer_free(w);
		return status;
	}
	content->write = write_content;
	content->arg = w;
	*out = w;
	return 0;
}

static int sign(struct signed_writer *w)
{
	unsigned char digest[EVP_MAX_MD_SIZE];

	if (EVP_DigestFinal_ex(w->hash, digest, NULL) != 1)
		return error_openssl(w->env->err, HSMIME_EINTERNAL, "hashing failed");
	return signer_info_sign(w->info, &w->request, &w->scheme, digest, w->env);
}

/* Detached: all is known now; attached: the ends of what was begun. */
static int finish_content(struct signed_writer *w, int infos_len)
{
	struct lengths l;
	int status = 0;

	if (w->request.detached) {
		measure(&l, w, infos_len);
		status = put_start(w, &l);
		return status == 0 ? put_content_start(w, &l) : status;
	}
	if (size_is_known(w))
		return 0;
	status = ber_chunks_finish(&w->chunks);
	return status == 0 ? put_ends(&w->sink, 3) : status;
}

static int put_rest(struct signed_writer *w)
{
	bool definite = w->request.detached || (w->fixed && size_is_known(w));
	unsigned char *infos = NULL;
	int len = signer_infos_encode(&infos, w->infos);
	int status = len > 0 ? finish_content(w, len) : error_nomem(w->env->err);

	if (status == 0)
		status = sink_write(&w->sink, w->certificates, (size_t)w->certificates_len);
	if (status == 0)
		status = sink_write(&w->sink, infos, (size_t)len);
	if (status == 0 && !definite)
		status = put_ends(&w->sink, 3);
	OPENSSL_free(infos);
	return status;
}

int signed_writer_finish(struct signed_writer *w)
{
	if (w->status != 0)
		return w->status;
	if (!w->request.detached && size_is_known(w) && w->octets != w->request.content_size)
		w->status =
		    error_set(w->env->err, HSMIME_EUSAGE, "the content is shorter than announced");
	if (w->status == 0)
		w->status = sign(w);
	if (w->status == 0)
		w->status = put_rest(w);
	return w->status;
}

void signed_writer_free(struct signed_writer *w)
{
	if (w == NULL)
		return;
	sk_SIGNER_INFO_free(w->infos);
	SIGNER_INFO_free(w->info);
	OPENSSL_free(w->certificates);
	OPENSSL_free(w->digest_algorithm);
	EVP_MD_CTX_free(w->hash);
	EVP_MD_free(w->md);
	ber_chunks_close(&w->chunks);
	free(w);
}
