#include "cms/enveloped_parts.h"

#include <string.h>

#include <openssl/evp.h>
#include <openssl/objects.h>

#include "cms/asn1_enveloped.h"
#include "cms/asn1_item.h"
#include "cms/auth_attributes.h"
#include "util/sink.h"

#define ALGORITHM_MAX 4096
#define ATTRIBUTES_MAX ((size_t)64 * 1024)
#define VERSION_MAX 16

void enveloped_parts_open(struct enveloped_parts *p, struct ber_reader *r, enum cms_type type,
    const struct enveloped_read *request, struct cms_env *env)
{
	*p = (struct enveloped_parts){ .r = r, .env = env, .type = type, .request = request };
	buffer_init(&p->aad, 2 * ATTRIBUTES_MAX);
	buffer_init(&p->mac, CONTENT_TAG_MAX);
}

void enveloped_parts_close(struct enveloped_parts *p)
{
	recipient_list_free(&p->recipients);
	ASN1_OBJECT_free(p->content_oid);
	X509_ALGOR_free(p->algorithm);
	buffer_free(&p->aad);
	buffer_free(&p->mac);
}

void enveloped_parts_result(struct enveloped_result *result, struct enveloped_parts *p)
{
	result->recipients = p->recipients.recipients;
	result->count = p->recipients.count;
	result->used = p->used;
	result->cipher = p->cipher != NULL ? p->cipher->label : NULL;
	result->authenticated = p->type == CMS_AUTH_ENVELOPED_DATA;
	result->content_type = cms_type_of(p->content_oid);
	p->recipients.recipients = NULL;
	p->recipients.count = 0;
}

void enveloped_parts_settle(struct enveloped_parts *p, int verdict)
{
	p->verdict = verdict;
	if (verdict != 0 && p->env->err != NULL)
		p->words = *p->env->err;
}

int enveloped_parts_verdict(struct enveloped_parts *p)
{
	if (p->verdict != 0 && p->env->err != NULL)
		*p->env->err = p->words;
	return p->verdict;
}

static int missing(struct enveloped_parts *p, const char *what)
{
	return error_set(p->env->err, HSMIME_EFORMAT, "the message lacks its %s", what);
}

static int collect(struct buffer *out, struct enveloped_parts *p, size_t max, const char *what)
{
	struct ber_header h;
	int status = ber_peek(p->r, &h);

	buffer_init(out, max);
	if (status == BER_END)
		return missing(p, what);
	return status != 0 ? status : ber_collect(p->r, out);
}

/* Versions say little that the structure doesn't: senders differ, so that only the form is held. */
static int read_version(struct enveloped_parts *p)
{
	struct buffer der;
	int status = collect(&der, p, VERSION_MAX, "version");
	ASN1_INTEGER *version = NULL;

	if (status == 0) {
		version = asn1_decode(ASN1_ITEM_rptr(ASN1_INTEGER), der.data, der.len);
		if (version == NULL || ASN1_INTEGER_get_uint64(&p->version, version) != 1)
			status = error_set(p->env->err, HSMIME_EFORMAT, "the version is malformed");
	}
	ASN1_INTEGER_free(version);
	buffer_free(&der);
	return status;
}

int enveloped_parts_originator(struct enveloped_parts *p)
{
	struct ber_header h;
	int status = ber_peek(p->r, &h);

	if (status == 0 && ber_is(&h, BER_CONTEXT, 0))
		status = ber_skip(p->r);
	return status == BER_END ? missing(p, "recipients") : status;
}

static int read_algorithm(struct enveloped_parts *p)
{
	struct buffer der;
	int status = collect(&der, p, ALGORITHM_MAX, "content-encryption algorithm");

	if (status == 0) {
		p->algorithm = asn1_decode(ASN1_ITEM_rptr(X509_ALGOR), der.data, der.len);
		if (p->algorithm == NULL)
			status = error_set(p->env->err, HSMIME_EFORMAT,
			    "the content-encryption algorithm is malformed");
	}
	buffer_free(&der);
	return status;
}

static int unknown_cipher(struct enveloped_parts *p)
{
	char name[80];

	OBJ_obj2txt(name, sizeof(name), p->algorithm->algorithm, 0);
	return error_set(p->env->err, HSMIME_EUNSUPPORTED,
	    "the content is encrypted with %s, which is not supported in %s", name,
	    cms_type_name(p->type));
}

static int take_cipher(struct enveloped_parts *p)
{
	p->cipher = content_cipher_by_nid(OBJ_obj2nid(p->algorithm->algorithm));
	if (p->cipher != NULL && p->cipher->authenticated != (p->type == CMS_AUTH_ENVELOPED_DATA))
		p->cipher = NULL;
	if (p->cipher == NULL) {
		enveloped_parts_settle(p, unknown_cipher(p));
		return 0;
	}
	if (content_params_read(&p->params, p->cipher, p->algorithm) == 0)
		return 0;
	return error_set(
	    p->env->err, HSMIME_EFORMAT, "the parameters of %s are malformed", p->cipher->label);
}

int enveloped_parts_enter(struct enveloped_parts *p)
{
	int status = ber_enter(p->r, BER_UNIVERSAL, BER_SEQUENCE, cms_type_name(p->type));

	return status == 0 ? read_version(p) : status;
}

int enveloped_parts_recipients(struct enveloped_parts *p)
{
	return recipient_list_read(&p->recipients, p->r, p->env);
}

int enveloped_parts_info(struct enveloped_parts *p)
{
	int status = ber_enter(p->r, BER_UNIVERSAL, BER_SEQUENCE, "EncryptedContentInfo");

	if (status == 0)
		status = cms_read_oid(&p->content_oid, p->r, "content type");
	if (status == 0)
		status = read_algorithm(p);
	return status == 0 ? take_cipher(p) : status;
}

int enveloped_parts_unauthenticated(const struct enveloped_parts *p)
{
	error_set(p->env->err, HSMIME_EPOLICY,
	    "the content is encrypted without authentication (%s), which was not to be accepted",
	    p->cipher->label);
	return error_hint(p->env->err,
	    "ask the sender for AES-GCM, or accept it with --require-authenticated=false");
}

int enveloped_parts_key(struct content_key *out, struct enveloped_parts *p)
{
	struct recipient_key key = { NULL, p->request->unwrapper };
	int status = p->request->find(p->request->find_arg, &key.key, &p->used,
	    p->recipients.recipients, p->recipients.count, p->env->err);

	if (status == 0)
		status = recipient_list_decrypt(out, &p->recipients, p->used, &key, p->algorithm,
		    p->cipher, p->request->secret, p->env);
	EVP_PKEY_free(key.key);
	return status;
}

int enveloped_parts_look(struct enveloped_parts *p)
{
	struct ber_header h;
	int status = ber_peek(p->r, &h);

	p->has_content = status == 0;
	return status == BER_END ? 0 : status;
}

int enveloped_parts_content(
    struct enveloped_parts *p, const hsmime_sink *sink, const struct content_decrypt *counted)
{
	int status = 0;

	if (p->has_content)
		status = ber_octets(p->r, BER_CONTEXT, 0, sink, "encrypted content");
	if (status == 0 && p->has_content)
		status = content_decrypt_size(counted);
	if (status == 0)
		status = ber_leave(p->r, "EncryptedContentInfo");
	if (status == 0 && !p->has_content)
		enveloped_parts_settle(p, error_set(p->env->err, HSMIME_EUNSUPPORTED,
					      "the encrypted content is not inside the message"));
	return status;
}

static int read_auth_attributes(struct enveloped_parts *p)
{
	struct ber_header h;
	struct buffer der;
	int status = ber_peek(p->r, &h);

	buffer_init(&der, ATTRIBUTES_MAX);
	p->has_attributes = status == 0 && ber_is(&h, BER_CONTEXT, 1);
	if (p->has_attributes)
		status = ber_collect(p->r, &der);
	if (status == 0)
		status = auth_attributes_read(
		    &p->aad, p->has_attributes ? &der : NULL, p->content_oid, p->env);
	buffer_free(&der);
	return status == BER_END ? missing(p, "authentication tag") : status;
}

static int read_mac(struct enveloped_parts *p)
{
	hsmime_sink sink;
	struct ber_header h;
	int status = ber_peek(p->r, &h);

	sink_buffer(&sink, &p->mac);
	if (status == 0)
		status =
		    ber_octets(p->r, BER_UNIVERSAL, BER_OCTET_STRING, &sink, "authentication tag");
	if (status == BER_END)
		return missing(p, "authentication tag");
	if (p->mac.status == HSMIME_EFORMAT)
		return error_set(p->env->err, HSMIME_EFORMAT, "the authentication tag is too long");
	if (status == 0 && p->cipher != NULL && p->mac.len != p->params.tag_len)
		return error_set(p->env->err, HSMIME_EFORMAT,
		    "the authentication tag has %zu octets where %zu were announced", p->mac.len,
		    p->params.tag_len);
	return status;
}

/* Attributes that nothing depends on: their form is checked and they are dropped. */
static int read_free_attributes(struct enveloped_parts *p, uint32_t tag)
{
	struct ber_header h;
	struct buffer der;
	int status = ber_peek(p->r, &h);

	if (status != 0 || !ber_is(&h, BER_CONTEXT, tag))
		return status == BER_END ? 0 : status;
	p->has_unprotected = true;
	buffer_init(&der, ATTRIBUTES_MAX);
	status = ber_collect(p->r, &der);
	if (status == 0)
		status = attributes_check(&der, tag, p->env);
	buffer_free(&der);
	return status;
}

int enveloped_parts_tail(struct enveloped_parts *p)
{
	int status = 0;

	if (p->type == CMS_AUTH_ENVELOPED_DATA) {
		status = read_auth_attributes(p);
		if (status == 0)
			status = read_mac(p);
	}
	if (status == 0)
		status = read_free_attributes(p, p->type == CMS_AUTH_ENVELOPED_DATA ? 2 : 1);
	if (status == 0)
		status = ber_leave(p->r, cms_type_name(p->type));
	if (status == 0 && p->request->rest != NULL)
		status = p->request->rest(p->request->rest_arg);
	return status;
}
