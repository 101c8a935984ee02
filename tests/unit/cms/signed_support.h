/*
 * signed_support: software keys, certificates and memory streams for the tests
 * of SignedData.
 */
#ifndef TEST_CMS_SIGNED_SUPPORT_H
#define TEST_CMS_SIGNED_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/cms.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include "cms/signed_reader.h"
#include "cms/signed_writer.h"
#include "util/buffer.h"
#include "util/sink.h"

#define MEMORY_MAX (64 * 1024 * 1024)

/* A key with its self-signed certificate. */
struct identity {
	EVP_PKEY *key;
	X509 *cert;
};

/* cert made of its encoding, so that it does not hold the private key; frees cert. */
__attribute__((unused)) static X509 *reread_certificate(X509 *cert)
{
	unsigned char *der = NULL;
	int len = i2d_X509(cert, &der);
	const unsigned char *p = der;
	X509 *copy = d2i_X509(NULL, &p, len);

	OPENSSL_free(der);
	X509_free(cert);
	return copy;
}

__attribute__((unused)) static X509 *make_certificate(EVP_PKEY *key, const char *name, long serial)
{
	X509 *cert = X509_new();
	X509_NAME *subject = X509_get_subject_name(cert);
	unsigned char id[20];
	unsigned len = 0;
	ASN1_OCTET_STRING *key_id = ASN1_OCTET_STRING_new();

	X509_set_version(cert, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), serial);
	X509_NAME_add_entry_by_txt(
	    subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
	X509_set_issuer_name(cert, subject);
	X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
	X509_gmtime_adj(X509_getm_notAfter(cert), 86400);
	X509_set_pubkey(cert, key);
	X509_pubkey_digest(cert, EVP_sha1(), id, &len);
	ASN1_OCTET_STRING_set(key_id, id, (int)len);
	X509_add1_ext_i2d(cert, NID_subject_key_identifier, key_id, 0, 0);
	ASN1_OCTET_STRING_free(key_id);
	assert_true(X509_sign(cert, key, EVP_PKEY_is_a(key, "ED25519") ? NULL : EVP_sha256()) > 0);
	return reread_certificate(cert);
}

__attribute__((unused)) static void identity_new(
    struct identity *id, EVP_PKEY *key, const char *name, long serial)
{
	assert_non_null(key);
	id->key = key;
	id->cert = make_certificate(key, name, serial);
}

__attribute__((unused)) static void identity_free(struct identity *id)
{
	EVP_PKEY_free(id->key);
	X509_free(id->cert);
}

/* A source over memory that gives at most step octets at a time, and fails at fail_at. */
struct memory_source {
	const unsigned char *data;
	size_t len;
	size_t pos;
	size_t step;
	size_t fail_at; /* SIZE_MAX: never */
};

__attribute__((unused)) static ptrdiff_t memory_read(void *arg, void *buf, size_t len)
{
	struct memory_source *m = arg;
	size_t left = m->len - m->pos;
	size_t take = len < left ? len : left;

	if (m->pos >= m->fail_at)
		return HSMIME_EIO;
	if (take > m->step)
		take = m->step;
	if (take > m->fail_at - m->pos)
		take = m->fail_at - m->pos;
	memcpy(buf, m->data + m->pos, take);
	m->pos += take;
	return (ptrdiff_t)take;
}

__attribute__((unused)) static int memory_seek(void *arg, uint64_t offset)
{
	struct memory_source *m = arg;

	m->pos = (size_t)offset;
	return 0;
}

__attribute__((unused)) static void memory_open(
    hsmime_source *out, struct memory_source *m, const void *data, size_t len, size_t step)
{
	*m = (struct memory_source){ data, len, 0, step, SIZE_MAX };
	*out = (hsmime_source){ memory_read, memory_seek, m, len };
}

/* A sink that takes so many octets and then fails. */
struct failing_sink {
	size_t left;
};

__attribute__((unused)) static int failing_write(void *arg, const void *buf, size_t len)
{
	struct failing_sink *f = arg;

	(void)buf;
	if (len > f->left)
		return HSMIME_EIO;
	f->left -= len;
	return 0;
}

/* Read SignedData in a ContentInfo from source. */
__attribute__((unused)) static int read_source(
    struct signed_result *result, const hsmime_source *source, const struct signed_read *request)
{
	struct error err = { .code = 0 };
	struct cms_env env = { NULL, &err };
	struct ber_reader r = { .depth = 0 };
	enum cms_type type = CMS_UNKNOWN;
	int status = ber_open(&r, source, &err);

	memset(result, 0, sizeof(*result));
	if (status == 0)
		status = cms_content_info_enter(&type, &r, &env);
	if (status == 0 && type != CMS_SIGNED_DATA)
		status = HSMIME_EFORMAT;
	if (status == 0)
		status = signed_read(result, &r, request, &env);
	if (status == 0)
		status = cms_content_info_leave(&r, &env);
	if (status != 0)
		signed_result_free(result);
	ber_close(&r);
	return status;
}

__attribute__((unused)) static int read_memory(
    struct signed_result *result, const void *data, size_t len, const struct signed_read *request)
{
	struct memory_source m;
	hsmime_source source;

	memory_open(&source, &m, data, len, SIZE_MAX);
	return read_source(result, &source, request);
}

/* 0 where the message has signers and every signature holds, else the first status that is not 0. */
__attribute__((unused)) static int verdict(const struct signed_result *r)
{
	for (size_t i = 0; i < r->count; i++)
		if (r->signers[i].signature_status != 0)
			return r->signers[i].signature_status;
	return r->count > 0 ? 0 : HSMIME_EINVALID;
}

/* Read data (detached where content is given) and return its verdict, or the reader's status. */
__attribute__((unused)) static int verify_memory(
    const void *data, size_t len, const char *content, bool text)
{
	struct memory_source m;
	hsmime_source beside;
	struct signed_read request = { .text = text };
	struct signed_result result;
	int status = 0;

	if (content != NULL) {
		memory_open(&beside, &m, content, strlen(content), SIZE_MAX);
		request.detached = &beside;
	}
	status = read_memory(&result, data, len, &request);
	if (status == 0)
		status = verdict(&result);
	signed_result_free(&result);
	return status;
}

/* Sign content, written step octets at a time, with our writer. */
__attribute__((unused)) static int sign_to(const hsmime_sink *sink,
    const struct signed_write *request, const void *content, size_t len, size_t step,
    struct error *err)
{
	struct cms_env env = { NULL, err };
	struct signed_writer *w = NULL;
	hsmime_sink in;
	int status = signed_writer_new(&w, &in, request, sink, &env);

	for (size_t at = 0; status == 0 && at < len; at += step)
		status =
		    in.write(in.arg, (const char *)content + at, len - at < step ? len - at : step);
	if (status == 0)
		status = signed_writer_finish(w);
	signed_writer_free(w);
	return status;
}

__attribute__((unused)) static int sign_memory(
    struct buffer *out, const struct signed_write *request, const char *content)
{
	struct error err = { .code = 0 };
	hsmime_sink sink;

	buffer_init(out, MEMORY_MAX);
	sink_buffer(&sink, out);
	return sign_to(&sink, request, content, strlen(content), SIZE_MAX / 2, &err);
}

/* CMS_sign's message as DER, with the given flags, one more signature per further identity. */
__attribute__((unused)) static size_t openssl_sign(unsigned char **out, const struct identity *id,
    const char *content, unsigned flags, const EVP_MD *md)
{
	BIO *in = BIO_new_mem_buf(content, -1);
	BIO *mem = BIO_new(BIO_s_mem());
	CMS_ContentInfo *cms = CMS_sign(NULL, NULL, NULL, in, flags | CMS_PARTIAL);
	char *data = NULL;
	size_t len = 0;

	assert_non_null(CMS_add1_signer(cms, id->cert, id->key, md, flags));
	if ((flags & CMS_STREAM) == 0)
		assert_int_equal(CMS_final(cms, in, NULL, flags), 1);
	if (flags & CMS_STREAM)
		assert_int_equal(i2d_CMS_bio_stream(mem, cms, in, (int)flags), 1);
	else
		assert_int_equal(i2d_CMS_bio(mem, cms), 1);
	len = (size_t)BIO_get_mem_data(mem, &data);
	*out = malloc(len);
	memcpy(*out, data, len);
	CMS_ContentInfo_free(cms);
	BIO_free(in);
	BIO_free(mem);
	return len;
}

/* Whether CMS_verify accepts it, without a chain. */
__attribute__((unused)) static bool openssl_accepts(
    const void *data, size_t len, const char *content)
{
	const unsigned char *p = data;
	CMS_ContentInfo *cms = d2i_CMS_ContentInfo(NULL, &p, (long)len);
	BIO *in = content == NULL ? NULL : BIO_new_mem_buf(content, -1);
	bool ok = cms != NULL && CMS_verify(cms, NULL, NULL, in, NULL,
				     CMS_NO_SIGNER_CERT_VERIFY | CMS_BINARY) == 1;

	BIO_free(in);
	CMS_ContentInfo_free(cms);
	return ok;
}

#endif
