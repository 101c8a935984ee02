#include "cms/enveloped_reader.h"

#include <string.h>

#include <openssl/evp.h>
#include <openssl/objects.h>

#include "cms/asn1_enveloped.h"
#include "cms/asn1_item.h"
#include "cms/auth_attributes.h"
#include "cms/content_cipher.h"
#include "cms/content_decrypt.h"
#include "cms/recipient_list.h"
#include "util/sink.h"

#define ALGORITHM_MAX 4096
#define ATTRIBUTES_MAX ((size_t)64 * 1024)
#define VERSION_MAX 16

/* One message being read. */
struct reading {
	struct ber_reader *r;
	const struct enveloped_read *request;
	struct cms_env *env;
	enum cms_type type;
	struct recipient_list recipients;
	size_t used;
	ASN1_OBJECT *content_oid;
	X509_ALGOR *algorithm;
	const struct content_cipher *cipher; /* NULL: none that is supported */
	struct content_params params;
	struct content_key own;
	struct content_key *key; /* own, or the one that is kept for a second reading */
	struct content_decrypt content;
	bool has_content;
	bool has_attributes;
	struct buffer aad;
	struct buffer mac;
	/* What it comes to once the structure has been read to its end; the key decides no earlier. */
	int verdict;
	struct error words;
};

static void settle(struct reading *s, int verdict)
{
	s->verdict = verdict;
	if (verdict != 0 && s->env->err != NULL)
		s->words = *s->env->err;
}

static int verdict(struct reading *s)
{
	if (s->verdict != 0 && s->env->err != NULL)
		*s->env->err = s->words;
	return s->verdict;
}

static int missing(struct reading *s, const char *what)
{
	return error_set(s->env->err, HSMIME_EFORMAT, "the message lacks its %s", what);
}

static int collect(struct buffer *out, struct reading *s, size_t max, const char *what)
{
	struct ber_header h;
	int status = ber_peek(s->r, &h);

	buffer_init(out, max);
	if (status == BER_END)
		return missing(s, what);
	return status != 0 ? status : ber_collect(s->r, out);
}

/* Versions say little that the structure doesn't: senders differ, so that only the form is held. */
static int read_version(struct reading *s)
{
	struct buffer der;
	int status = collect(&der, s, VERSION_MAX, "version");
	ASN1_INTEGER *version = NULL;
	uint64_t value = 0;

	if (status == 0) {
		version = asn1_decode(ASN1_ITEM_rptr(ASN1_INTEGER), der.data, der.len);
		if (version == NULL || ASN1_INTEGER_get_uint64(&value, version) != 1)
			status = error_set(s->env->err, HSMIME_EFORMAT, "the version is malformed");
	}
	ASN1_INTEGER_free(version);
	buffer_free(&der);
	return status;
}

static int skip_originator(struct reading *s)
{
	struct ber_header h;
	int status = ber_peek(s->r, &h);

	if (status == 0 && ber_is(&h, BER_CONTEXT, 0))
		status = ber_skip(s->r);
	return status == BER_END ? missing(s, "recipients") : status;
}

static int read_algorithm(struct reading *s)
{
	struct buffer der;
	int status = collect(&der, s, ALGORITHM_MAX, "content-encryption algorithm");

	if (status == 0) {
		s->algorithm = asn1_decode(ASN1_ITEM_rptr(X509_ALGOR), der.data, der.len);
		if (s->algorithm == NULL)
			status = error_set(s->env->err, HSMIME_EFORMAT,
			    "the content-encryption algorithm is malformed");
	}
	buffer_free(&der);
	return status;
}

static int unknown_cipher(struct reading *s)
{
	char name[80];

	OBJ_obj2txt(name, sizeof(name), s->algorithm->algorithm, 0);
	return error_set(s->env->err, HSMIME_EUNSUPPORTED,
	    "the content is encrypted with %s, which is not supported in %s", name,
	    cms_type_name(s->type));
}

static int take_cipher(struct reading *s)
{
	s->cipher = content_cipher_by_nid(OBJ_obj2nid(s->algorithm->algorithm));
	if (s->cipher != NULL && s->cipher->authenticated != (s->type == CMS_AUTH_ENVELOPED_DATA))
		s->cipher = NULL;
	if (s->cipher == NULL) {
		settle(s, unknown_cipher(s));
		return 0;
	}
	if (content_params_read(&s->params, s->cipher, s->algorithm) == 0)
		return 0;
	return error_set(
	    s->env->err, HSMIME_EFORMAT, "the parameters of %s are malformed", s->cipher->label);
}

static int read_head(struct reading *s)
{
	int status = ber_enter(s->r, BER_UNIVERSAL, BER_SEQUENCE, cms_type_name(s->type));

	if (status == 0)
		status = read_version(s);
	if (status == 0)
		status = skip_originator(s);
	if (status == 0)
		status = recipient_list_read(&s->recipients, s->r, s->env);
	if (status == 0)
		status = ber_enter(s->r, BER_UNIVERSAL, BER_SEQUENCE, "EncryptedContentInfo");
	if (status == 0)
		status = cms_read_oid(&s->content_oid, s->r, "content type");
	if (status == 0)
		status = read_algorithm(s);
	return status == 0 ? take_cipher(s) : status;
}

static int ask_for_key(struct reading *s)
{
	struct recipient_key key = { NULL, s->request->unwrapper };
	int status = s->request->find(s->request->find_arg, &key.key, &s->used,
	    s->recipients.recipients, s->recipients.count, s->env->err);

	if (status == 0)
		status = recipient_list_decrypt(s->key, &s->recipients, s->used, &key, s->algorithm,
		    s->cipher, s->request->secret, s->env);
	EVP_PKEY_free(key.key);
	return status;
}

static int refuse_unauthenticated(const struct reading *s)
{
	error_set(s->env->err, HSMIME_EPOLICY,
	    "the content is encrypted without authentication (%s), which was not to be accepted",
	    s->cipher->label);
	return error_hint(s->env->err,
	    "ask the sender for AES-GCM, or accept it with --require-authenticated=false");
}

static int find_key(struct reading *s)
{
	if (s->request->require_authenticated && s->type != CMS_AUTH_ENVELOPED_DATA)
		return refuse_unauthenticated(s);
	return content_key_is_set(s->key) ? 0 : ask_for_key(s);
}

static int read_content(struct reading *s)
{
	struct ber_header h;
	hsmime_sink sink;
	int status = ber_peek(s->r, &h);

	if (status != 0 && status != BER_END)
		return status;
	s->has_content = status == 0;
	status = content_decrypt_open(&sink, &s->content, s->cipher, &s->params,
	    s->verdict == 0 ? s->key : NULL, &s->request->content, s->env);
	if (status == 0 && s->has_content)
		status = ber_octets(s->r, BER_CONTEXT, 0, &sink, "encrypted content");
	if (status == 0 && s->has_content)
		status = content_decrypt_size(&s->content);
	if (status == 0)
		status = ber_leave(s->r, "EncryptedContentInfo");
	if (status == 0 && !s->has_content)
		settle(s, error_set(s->env->err, HSMIME_EUNSUPPORTED,
			      "the encrypted content is not inside the message"));
	return status;
}

static int read_auth_attributes(struct reading *s)
{
	struct ber_header h;
	struct buffer der;
	int status = ber_peek(s->r, &h);

	buffer_init(&der, ATTRIBUTES_MAX);
	s->has_attributes = status == 0 && ber_is(&h, BER_CONTEXT, 1);
	if (s->has_attributes)
		status = ber_collect(s->r, &der);
	if (status == 0)
		status = auth_attributes_read(
		    &s->aad, s->has_attributes ? &der : NULL, s->content_oid, s->env);
	buffer_free(&der);
	return status == BER_END ? missing(s, "authentication tag") : status;
}

static int read_mac(struct reading *s)
{
	hsmime_sink sink;
	struct ber_header h;
	int status = ber_peek(s->r, &h);

	sink_buffer(&sink, &s->mac);
	if (status == 0)
		status =
		    ber_octets(s->r, BER_UNIVERSAL, BER_OCTET_STRING, &sink, "authentication tag");
	if (status == BER_END)
		return missing(s, "authentication tag");
	if (s->mac.status == HSMIME_EFORMAT)
		return error_set(s->env->err, HSMIME_EFORMAT, "the authentication tag is too long");
	if (status == 0 && s->cipher != NULL && s->mac.len != s->params.tag_len)
		return error_set(s->env->err, HSMIME_EFORMAT,
		    "the authentication tag has %zu octets where %zu were announced", s->mac.len,
		    s->params.tag_len);
	return status;
}

/* Attributes that nothing depends on: their form is checked and they are dropped. */
static int read_free_attributes(struct reading *s, uint32_t tag)
{
	struct ber_header h;
	struct buffer der;
	int status = ber_peek(s->r, &h);

	if (status != 0 || !ber_is(&h, BER_CONTEXT, tag))
		return status == BER_END ? 0 : status;
	buffer_init(&der, ATTRIBUTES_MAX);
	status = ber_collect(s->r, &der);
	if (status == 0)
		status = attributes_check(&der, tag, s->env);
	buffer_free(&der);
	return status;
}

static int read_tail(struct reading *s)
{
	int status = 0;

	if (s->type == CMS_AUTH_ENVELOPED_DATA) {
		status = read_auth_attributes(s);
		if (status == 0)
			status = read_mac(s);
	}
	if (status == 0)
		status = read_free_attributes(s, s->type == CMS_AUTH_ENVELOPED_DATA ? 2 : 1);
	if (status == 0)
		status = ber_leave(s->r, cms_type_name(s->type));
	if (status == 0 && s->request->rest != NULL)
		status = s->request->rest(s->request->rest_arg);
	return status;
}

static int read_again(struct reading *s)
{
	hsmime_source plaintext;
	int status;

	if (s->request->read_back == NULL)
		return error_set(s->env->err, HSMIME_EUNSUPPORTED,
		    "a message with authenticated attributes needs an output that can be read "
		    "back");
	status = s->request->read_back(s->request->read_back_arg, &plaintext);
	if (status != 0)
		return status;
	return content_decrypt_again(&s->content, s->mac.data, &s->aad, &plaintext);
}

static int conclude(struct reading *s)
{
	if (s->verdict != 0)
		return verdict(s);
	if (s->has_attributes && !content_decrypt_takes_aad(&s->content))
		return read_again(s);
	return content_decrypt_finish(&s->content, s->mac.data, &s->aad);
}

static void fill(struct enveloped_result *result, struct reading *s)
{
	result->recipients = s->recipients.recipients;
	result->count = s->recipients.count;
	result->used = s->used;
	result->cipher = s->cipher != NULL ? s->cipher->label : NULL;
	result->authenticated = s->type == CMS_AUTH_ENVELOPED_DATA;
	result->content_type = cms_type_of(s->content_oid);
	result->content_size = s->content.plain;
	s->recipients.recipients = NULL;
	s->recipients.count = 0;
}

static void reading_free(struct reading *s)
{
	recipient_list_free(&s->recipients);
	ASN1_OBJECT_free(s->content_oid);
	X509_ALGOR_free(s->algorithm);
	content_decrypt_close(&s->content);
	content_key_clear(&s->own);
	buffer_free(&s->aad);
	buffer_free(&s->mac);
}

int enveloped_read(struct enveloped_result *result, struct ber_reader *r, enum cms_type type,
    const struct enveloped_read *request, struct cms_env *env)
{
	struct reading s = { .r = r, .request = request, .env = env, .type = type };
	int status;

	memset(result, 0, sizeof(*result));
	s.key = request->content_key != NULL ? request->content_key : &s.own;
	buffer_init(&s.aad, 2 * ATTRIBUTES_MAX);
	buffer_init(&s.mac, CONTENT_TAG_MAX);
	status = read_head(&s);
	if (status == 0 && s.cipher != NULL)
		settle(&s, find_key(&s));
	if (status == 0)
		status = read_content(&s);
	if (status == 0)
		status = read_tail(&s);
	if (status == 0)
		status = conclude(&s);
	if (status == 0)
		fill(result, &s);
	reading_free(&s);
	return status;
}

int enveloped_peek(
    struct enveloped_result *result, struct ber_reader *r, enum cms_type type, struct cms_env *env)
{
	struct reading s = { .r = r, .env = env, .type = type };
	int status;

	memset(result, 0, sizeof(*result));
	status = read_head(&s);
	if (status == 0)
		fill(result, &s);
	if (s.verdict != 0)
		error_clear(env->err);
	reading_free(&s);
	return status == BER_END ? error_set(env->err, HSMIME_EFORMAT, "the message is cut off")
				 : status;
}
