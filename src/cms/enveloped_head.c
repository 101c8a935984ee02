#include "cms/enveloped_head.h"

#include <openssl/objects.h>

#include "cms/asn1_enveloped.h"
#include "cms/recipient_info.h"
#include "cms/recipient_list.h"
#include "util/ber_reader.h"
#include "util/ber_writer.h"
#include "util/sink.h"

#define HEAD_MAX ((size_t)64 * 1024 * 1024)

/* Append value's DER and free nothing. */
static int append(struct buffer *to, const ASN1_ITEM *item, const void *value, struct cms_env *env)
{
	unsigned char *der = NULL;
	int len = ASN1_item_i2d(value, &der, item);
	int status = len > 0 ? buffer_add(to, der, (size_t)len) : HSMIME_ENOMEM;

	OPENSSL_free(der);
	return status == 0 ? 0 : error_nomem(env->err);
}

static int append_version(struct buffer *to, int version, struct cms_env *env)
{
	ASN1_INTEGER *value = ASN1_INTEGER_new();
	int status;

	if (value == NULL || ASN1_INTEGER_set(value, version) != 1)
		status = error_nomem(env->err);
	else
		status = append(to, ASN1_ITEM_rptr(ASN1_INTEGER), value, env);
	ASN1_INTEGER_free(value);
	return status;
}

/* AuthEnvelopedData has version 0 (RFC 5083 section 2.1). */
static int make_before(struct enveloped_head *head, const struct enveloped_write *request,
    const struct secret *key, struct cms_env *env)
{
	STACK_OF(ENV_RECIPIENT_INFO) *infos = NULL;
	int status = recipient_infos_make(&infos, request, key, env);

	if (status == 0)
		status = append_version(&head->before,
		    head->type == CMS_AUTH_ENVELOPED_DATA ? 0 : recipient_infos_version(infos),
		    env);
	if (status == 0)
		status = append(&head->before, ASN1_ITEM_rptr(ENV_RECIPIENT_INFOS), infos, env);
	recipient_infos_free(infos);
	return status;
}

static int list_recipients(
    struct recipient_list *list, const struct enveloped_head *head, struct cms_env *env)
{
	hsmime_memory memory = { head->before.data, head->before.len, 0 };
	hsmime_source source;
	struct ber_reader r;
	int status;

	hsmime_source_memory(&source, &memory);
	if (ber_open(&r, &source, env->err) != 0)
		return error_nomem(env->err);
	status = ber_skip(&r); /* the version */
	if (status == 0)
		status = recipient_list_read(list, &r, env);
	ber_close(&r);
	return status;
}

static int make_info(struct enveloped_head *head, const ASN1_OBJECT *content_type,
    const struct content_cipher *cipher, const struct content_params *params, struct cms_env *env)
{
	X509_ALGOR *algorithm = content_params_write(cipher, params);
	int status = algorithm == NULL ? error_nomem(env->err) : 0;

	if (status == 0)
		status = append(&head->info, ASN1_ITEM_rptr(ASN1_OBJECT),
		    content_type != NULL ? content_type : OBJ_nid2obj(NID_pkcs7_data), env);
	if (status == 0)
		status = append(&head->info, ASN1_ITEM_rptr(X509_ALGOR), algorithm, env);
	X509_ALGOR_free(algorithm);
	return status;
}

int enveloped_head_make(struct enveloped_head *head, const struct enveloped_write *request,
    const struct content_cipher *cipher, const struct content_params *params,
    const struct secret *key, struct cms_env *env)
{
	int status;

	head->type = cipher->authenticated ? CMS_AUTH_ENVELOPED_DATA : CMS_ENVELOPED_DATA;
	head->tag_size = cipher->authenticated ? ber_element_size(params->tag_len) : 0;
	buffer_init(&head->before, HEAD_MAX);
	buffer_init(&head->info, HEAD_MAX);
	status = make_before(head, request, key, env);
	if (status == 0 && request->list != NULL)
		status = list_recipients(request->list, head, env);
	return status == 0 ? make_info(head, request->content_type, cipher, params, env) : status;
}

void enveloped_head_free(struct enveloped_head *head)
{
	buffer_free(&head->before);
	buffer_free(&head->info);
}

/* Content lengths, from the inside to the outside. */
struct lengths {
	uint64_t content;
	uint64_t info;
	uint64_t message;
	uint64_t outer;
	uint64_t content_info;
};

static struct lengths sizes(const struct enveloped_head *head, uint64_t encrypted)
{
	struct lengths l;

	if (encrypted == HSMIME_SIZE_UNKNOWN)
		return (struct lengths){ encrypted, encrypted, encrypted, encrypted, encrypted };
	l.content = encrypted;
	l.info = head->info.len + ber_element_size(l.content);
	l.message = head->before.len + ber_element_size(l.info) + head->tag_size;
	l.outer = ber_element_size(l.message);
	l.content_info = cms_type_size(head->type) + ber_element_size(l.outer);
	return l;
}

int enveloped_head_write(
    const struct enveloped_head *head, uint64_t encrypted, const hsmime_sink *sink)
{
	struct lengths l = sizes(head, encrypted);
	int status = ber_put_header(sink, BER_UNIVERSAL, BER_SEQUENCE, true, l.content_info);

	if (status == 0)
		status = cms_put_type(sink, head->type);
	if (status == 0)
		status = ber_put_header(sink, BER_CONTEXT, 0, true, l.outer);
	if (status == 0)
		status = ber_put_header(sink, BER_UNIVERSAL, BER_SEQUENCE, true, l.message);
	if (status == 0)
		status = sink_write(sink, head->before.data, head->before.len);
	if (status == 0)
		status = ber_put_header(sink, BER_UNIVERSAL, BER_SEQUENCE, true, l.info);
	if (status == 0)
		status = sink_write(sink, head->info.data, head->info.len);
	if (status == 0)
		status = ber_put_header(
		    sink, BER_CONTEXT, 0, encrypted == HSMIME_SIZE_UNKNOWN, l.content);
	return status;
}
