/*
 * enveloped_support: software keys with certificates in memory, and short ways to
 * seal and open messages with everything that a test wants to see recorded.
 */
#ifndef TESTS_CMS_ENVELOPED_SUPPORT_H
#define TESTS_CMS_ENVELOPED_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include "cms/enveloped_reader.h"
#include "cms/enveloped_writer.h"
#include "util/buffer.h"
#include "util/sink.h"

#define SUPPORT_MAX ((size_t)16 * 1024 * 1024)

/* Someone with a key and a certificate with a SubjectKeyIdentifier. */
struct party {
	EVP_PKEY *key;
	X509 *cert;
};

static inline void party_extension(X509 *cert, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *extension;

	X509V3_set_ctx(&ctx, cert, cert, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	assert_non_null(extension);
	assert_int_equal(X509_add_ext(cert, extension, -1), 1);
	X509_EXTENSION_free(extension);
}

static inline struct party party_of(EVP_PKEY *key, long serial)
{
	struct party p = { key, X509_new() };
	X509_NAME *name = X509_get_subject_name(p.cert);

	assert_non_null(key);
	X509_set_version(p.cert, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(p.cert), serial);
	X509_NAME_add_entry_by_txt(
	    name, "CN", MBSTRING_ASC, (const unsigned char *)"Test", -1, -1, 0);
	X509_set_issuer_name(p.cert, name);
	X509_gmtime_adj(X509_getm_notBefore(p.cert), 0);
	X509_gmtime_adj(X509_getm_notAfter(p.cert), 3600);
	X509_set_pubkey(p.cert, key);
	party_extension(p.cert, NID_subject_key_identifier, "hash");
	assert_true(X509_sign(p.cert, key, EVP_sha256()) > 0);
	return p;
}

/* Small keys keep the tests quick; the size changes nothing that is tested. */
static inline struct party party_rsa(long serial)
{
	return party_of(EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)1024), serial);
}

static inline struct party party_ec(const char *curve, long serial)
{
	return party_of(EVP_PKEY_Q_keygen(NULL, NULL, "EC", curve), serial);
}

static inline void party_free(struct party *p)
{
	EVP_PKEY_free(p->key);
	X509_free(p->cert);
	*p = (struct party){ NULL, NULL };
}

/* Octets that repeat nowhere soon. */
static inline unsigned char *some_octets(size_t len)
{
	unsigned char *data = malloc(len + 1);
	uint32_t x = 0x12345678;

	assert_non_null(data);
	for (size_t i = 0; i < len; i++) {
		x = x * 1664525 + 1013904223;
		data[i] = (unsigned char)(x >> 24);
	}
	return data;
}

/* How a message is made. */
struct sealing {
	const struct party *to[8]; /* ends with NULL */
	const char *cipher;
	enum hsmime_key_transport transport;
	bool key_id;
	bool indefinite;
	size_t step;       /* octets in a write; 0: all at once */
	hsmime_sink *sink; /* instead of the buffer */
	struct error err;
};

static inline int seal_content(
    const hsmime_sink *content, const unsigned char *data, size_t len, size_t step)
{
	int status = 0;

	for (size_t at = 0; status == 0 && at < len;) {
		size_t n = step == 0 || len - at < step ? len - at : step;

		status = content->write(content->arg, data + at, n);
		at += n;
	}
	return status;
}

static inline int seal_try(
    struct buffer *out, struct sealing *s, const unsigned char *data, size_t len)
{
	struct cms_env env = { NULL, &s->err };
	struct enveloped_write request = {
		.recipients = sk_X509_new_null(),
		.cipher = s->cipher,
		.key_transport = s->transport,
		.key_id = s->key_id,
		.content_size = s->indefinite ? HSMIME_SIZE_UNKNOWN : len,
	};
	struct enveloped_writer *w = NULL;
	hsmime_sink sink;
	hsmime_sink content;
	int status;

	for (int i = 0; s->to[i] != NULL; i++)
		sk_X509_push(request.recipients, s->to[i]->cert);
	buffer_init(out, SUPPORT_MAX);
	sink_buffer(&sink, out);
	status =
	    enveloped_writer_new(&w, &content, &request, s->sink != NULL ? s->sink : &sink, &env);
	if (status == 0)
		status = seal_content(&content, data, len, s->step);
	if (status == 0)
		status = enveloped_writer_finish(w);
	enveloped_writer_free(w);
	sk_X509_free(request.recipients);
	return status;
}

static inline void seal(
    struct buffer *out, struct sealing *s, const unsigned char *data, size_t len)
{
	if (seal_try(out, s, data, len) != 0)
		fail_msg("%s", s->err.message);
}

#define WRITES_MAX 64

/* How a message is opened, and what was seen. */
struct opening {
	EVP_PKEY *key;     /* NULL: nobody's */
	size_t index;      /* of the recipient it is for */
	size_t step;       /* octets in a read; 0: as many as are wanted */
	size_t fail_after; /* the sink takes so many octets; 0: all */
	bool no_read_back;
	bool require_authenticated;
	unsigned char secret;
	/* seen */
	int status;
	struct error err;
	struct buffer plain;
	size_t writes[WRITES_MAX];
	size_t write_count;
	int finds;
	int read_backs;
	struct enveloped_result result;
	/* private */
	hsmime_memory in;
	hsmime_memory again;
	struct ber_reader r;
	struct cms_env env;
};

static inline ptrdiff_t opening_read(void *arg, void *buf, size_t len)
{
	struct opening *o = arg;
	size_t n = o->in.len - o->in.pos;

	if (n > len)
		n = len;
	if (o->step != 0 && n > o->step)
		n = o->step;
	memcpy(buf, (const unsigned char *)o->in.data + o->in.pos, n);
	o->in.pos += n;
	return (ptrdiff_t)n;
}

static inline int opening_write(void *arg, const void *buf, size_t len)
{
	struct opening *o = arg;

	if (o->fail_after != 0 && o->plain.len + len > o->fail_after - 1)
		return HSMIME_EIO;
	if (o->write_count < WRITES_MAX)
		o->writes[o->write_count++] = len;
	return buffer_add(&o->plain, buf, len);
}

static inline int opening_find(void *arg, EVP_PKEY **key, size_t *index,
    const struct recipient *recipients, size_t count, struct error *err)
{
	struct opening *o = arg;

	(void)recipients;
	o->finds++;
	if (o->key == NULL)
		return error_set(err, HSMIME_ENOKEY, "nobody has a key");
	assert_true(o->index < count);
	EVP_PKEY_up_ref(o->key);
	*key = o->key;
	*index = o->index;
	return 0;
}

static inline int opening_read_back(void *arg, hsmime_source *out)
{
	struct opening *o = arg;

	o->read_backs++;
	o->again = (hsmime_memory){ o->plain.data, o->plain.len, 0 };
	hsmime_source_memory(out, &o->again);
	return 0;
}

static inline int opening_rest(void *arg)
{
	struct opening *o = arg;

	return cms_content_info_leave(&o->r, &o->env);
}

static inline int open_message(struct opening *o, const unsigned char *data, size_t len)
{
	unsigned char secret[32] = { 0 };
	hsmime_source source = { opening_read, NULL, o, HSMIME_SIZE_UNKNOWN };
	struct enveloped_read request = {
		.find = opening_find,
		.find_arg = o,
		.content = { opening_write, o },
		.read_back = o->no_read_back ? NULL : opening_read_back,
		.read_back_arg = o,
		.secret = secret,
		.require_authenticated = o->require_authenticated,
		.rest = opening_rest,
		.rest_arg = o,
	};
	enum cms_type type;

	secret[0] = o->secret;
	o->in = (hsmime_memory){ data, len, 0 };
	o->env = (struct cms_env){ NULL, &o->err };
	buffer_init(&o->plain, SUPPORT_MAX);
	o->status = ber_open(&o->r, &source, &o->err);
	if (o->status == 0)
		o->status = cms_content_info_enter(&type, &o->r, &o->env);
	if (o->status == 0 && type != CMS_ENVELOPED_DATA && type != CMS_AUTH_ENVELOPED_DATA)
		o->status = HSMIME_EFORMAT;
	if (o->status == 0)
		o->status = enveloped_read(&o->result, &o->r, type, &request, &o->env);
	ber_close(&o->r);
	return o->status;
}

/* Ready for the next message; the settings stay. */
static inline void opening_clear(struct opening *o)
{
	enveloped_result_free(&o->result);
	buffer_free(&o->plain);
	o->write_count = 0;
	o->finds = 0;
	o->read_backs = 0;
	memset(&o->err, 0, sizeof(o->err));
}

static inline void expect_plain(
    struct opening *o, const struct buffer *message, const unsigned char *plain, size_t len)
{
	if (open_message(o, message->data, message->len) != 0)
		fail_msg("status %d: %s", o->status, o->err.message);
	assert_int_equal(o->plain.len, len);
	if (len > 0)
		assert_memory_equal(o->plain.data, plain, len);
	assert_int_equal(o->result.content_size, len);
	assert_int_equal(o->result.used, o->index);
	opening_clear(o);
}

#endif
