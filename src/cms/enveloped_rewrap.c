#include "cms/enveloped_rewrap.h"

#include <stdlib.h>
#include <string.h>

#include "cms/asn1_enveloped.h"
#include "cms/asn1_item.h"
#include "cms/enveloped_parts.h"
#include "cms/recipient_info.h"
#include "cms/rewrap_head.h"
#include "util/sink.h"

#define INFO_MAX ((size_t)8 * 1024) /* EncryptedContentInfo before the content */

/* One message being rewrapped. */
struct rewrapping {
	struct enveloped_parts parts;
	const struct enveloped_rewrap *how;
	struct rewrap_head head;
	struct buffer info; /* EncryptedContentInfo up to the content, as it came */
	struct content_key key;
	struct content_proof proof;
};

/* The encodings of the recipients that will be; der[i] is infos[i].data where it was made here. */
struct choice {
	struct rewrap_info *infos;
	unsigned char **der;
	size_t count;
};

static int choice_open(struct choice *c, size_t room, struct cms_env *env)
{
	*c = (struct choice){ .infos = calloc(room + 1, sizeof(*c->infos)),
		.der = calloc(room + 1, sizeof(*c->der)) };
	return c->infos == NULL || c->der == NULL ? error_nomem(env->err) : 0;
}

static void choice_close(struct choice *c)
{
	for (size_t i = 0; c->der != NULL && i < c->count; i++)
		OPENSSL_free(c->der[i]);
	free(c->der);
	free(c->infos);
}

static int add_made(struct choice *c, const ENV_RECIPIENT_INFO *info, struct cms_env *env)
{
	unsigned char *der = NULL;
	int len = i2d_ENV_RECIPIENT_INFO(info, &der);

	if (len <= 0)
		return error_nomem(env->err);
	c->der[c->count] = der;
	c->infos[c->count++] = (struct rewrap_info){ der, (size_t)len };
	return 0;
}

static int add_new(struct choice *c, const struct rewrapping *w)
{
	struct cms_env *env = w->parts.env;
	STACK_OF(ENV_RECIPIENT_INFO) *infos = NULL;
	int status = recipient_infos_make(&infos, w->how->added, &w->key.octets, env);

	for (int i = 0; status == 0 && i < sk_ENV_RECIPIENT_INFO_num(infos); i++)
		status = add_made(c, sk_ENV_RECIPIENT_INFO_value(infos, i), env);
	recipient_infos_free(infos);
	return status;
}

static bool keeps(const struct rewrapping *w, size_t i)
{
	return w->how->keeps(w->how->keeps_arg, &w->parts.recipients.recipients[i]);
}

/* Of a KeyAgreeRecipientInfo, recipients first to first + count - 1, those keys that stay. */
static int add_part(struct choice *c, const struct rewrapping *w, size_t first, size_t count)
{
	const struct recipient_list *list = &w->parts.recipients;
	const struct recipient_place *place = &list->places[first];
	ENV_RECIPIENT_INFO *info = asn1_decode(
	    ASN1_ITEM_rptr(ENV_RECIPIENT_INFO), list->encoded.data + place->offset, place->len);
	int status = info == NULL ? error_nomem(w->parts.env->err) : 0;

	for (size_t i = count; status == 0 && i-- > 0;) {
		if (!keeps(w, first + i))
			ENV_ENCRYPTED_KEY_free(
			    sk_ENV_ENCRYPTED_KEY_delete(info->d.key_agree->keys, (int)i));
	}
	if (status == 0)
		status = add_made(c, info, w->parts.env);
	ENV_RECIPIENT_INFO_free(info);
	return status;
}

/* One RecipientInfo; *count is how many recipients it has. */
static int add_old(size_t *count, struct choice *c, const struct rewrapping *w, size_t first)
{
	const struct recipient_list *list = &w->parts.recipients;
	const struct recipient_place *place = &list->places[first];
	size_t staying = 0;

	*count = 0;
	while (first + *count < list->count && list->places[first + *count].offset == place->offset)
		staying += keeps(w, first + (*count)++);
	if (staying > 0 && staying < *count)
		return add_part(c, w, first, *count);
	if (staying > 0)
		c->infos[c->count++] =
		    (struct rewrap_info){ list->encoded.data + place->offset, place->len };
	return 0;
}

static int choose(struct choice *c, const struct rewrapping *w)
{
	const struct recipient_list *list = &w->parts.recipients;
	size_t count = 0;
	int status = 0;

	for (size_t i = 0; w->how->keeps != NULL && status == 0 && i < list->count; i += count)
		status = add_old(&count, c, w, i);
	return status == 0 ? add_new(c, w) : status;
}

static int nobody_left(const struct rewrapping *w)
{
	return error_set(
	    w->parts.env->err, HSMIME_EPOLICY, "the message would have no recipient left");
}

/* It shows before the key is asked for. */
static int check_left(const struct rewrapping *w)
{
	bool any = sk_X509_num(w->how->added->recipients) > 0;

	for (size_t i = 0; w->how->keeps != NULL && !any && i < w->parts.recipients.count; i++)
		any = keeps(w, i);
	return any ? 0 : nobody_left(w);
}

static int make_recipients(struct rewrapping *w)
{
	struct cms_env *env = w->parts.env;
	int added = sk_X509_num(w->how->added->recipients); /* -1 where there is no stack */
	struct choice c;
	int status =
	    choice_open(&c, w->parts.recipients.count + (size_t)(added > 0 ? added : 0), env);

	if (status == 0)
		status = choose(&c, w);
	if (status == 0 && c.count == 0)
		status = nobody_left(w);
	if (status == 0)
		status = rewrap_head_recipients(&w->head, c.infos, c.count, env);
	choice_close(&c);
	return status;
}

static int find_key(struct rewrapping *w)
{
	struct enveloped_parts *p = &w->parts;
	int status = enveloped_parts_key(&w->key, p);

	if (status != 0 || w->key.holder == NULL)
		return status;
	error_set(p->env->err, HSMIME_EUNSUPPORTED,
	    "the token does not show the content key, and without it nobody else can be given it");
	return error_hint(p->env->err,
	    "use a key that may decrypt (CKA_DECRYPT), or a token that lets unwrapped keys be "
	    "read; decrypting the message and encrypting it again works with this one too");
}

static int read_head(struct rewrapping *w)
{
	struct enveloped_parts *p = &w->parts;
	hsmime_sink info;
	int status = rewrap_head_read(&w->head, p, w->how->frame);

	sink_buffer(&info, &w->info);
	p->r->copy = &info;
	if (status == 0)
		status = enveloped_parts_info(p);
	p->r->copy = NULL;
	if (w->info.status != 0)
		return w->info.status == HSMIME_ENOMEM
			   ? error_nomem(p->env->err)
			   : error_set(p->env->err, HSMIME_EFORMAT,
				 "the content-encryption algorithm is too long");
	return status;
}

/* From here on what is read is copied, to the end of ContentInfo; without a verdict of 0 it is only read. */
static int write_head(struct rewrapping *w)
{
	struct enveloped_parts *p = &w->parts;
	const hsmime_sink *out = &w->how->out;
	int status;

	if (p->verdict != 0)
		return 0;
	status = rewrap_head_write(&w->head, p, out);
	if (status == 0)
		status = sink_write(out, w->info.data, w->info.len);
	p->r->copy = out;
	return status;
}

static int copy_content(struct rewrapping *w)
{
	struct enveloped_parts *p = &w->parts;
	bool proves = p->verdict == 0 && w->how->judge != NULL;
	hsmime_sink sink;
	int status = enveloped_parts_look(p);

	if (status == 0)
		status = content_proof_open(&sink, &w->proof, p->cipher, &p->params,
		    proves ? &w->key : NULL, w->how->judge, p->env);
	return status == 0 ? enveloped_parts_content(p, &sink, &w->proof.content) : status;
}

static int conclude(struct rewrapping *w)
{
	struct enveloped_parts *p = &w->parts;

	if (p->verdict != 0)
		return enveloped_parts_verdict(p);
	return content_proof_finish(&w->proof, p->mac.data, &p->aad);
}

static int rewrap(struct rewrapping *w)
{
	struct enveloped_parts *p = &w->parts;
	int status = read_head(w);

	if (status == 0 && p->verdict == 0)
		enveloped_parts_settle(p, check_left(w));
	if (status == 0 && p->verdict == 0)
		enveloped_parts_settle(p, find_key(w));
	if (status == 0 && p->verdict == 0)
		enveloped_parts_settle(p, make_recipients(w));
	if (status == 0)
		status = write_head(w);
	if (status == 0)
		status = copy_content(w);
	if (status == 0)
		status = enveloped_parts_tail(p);
	p->r->copy = NULL;
	return status == 0 ? conclude(w) : status;
}

int enveloped_rewrap(struct enveloped_rewrapped *result, struct ber_reader *r, enum cms_type type,
    const struct enveloped_read *read, const struct enveloped_rewrap *how, struct cms_env *env)
{
	struct rewrapping w = { .how = how };
	int status;

	memset(result, 0, sizeof(*result));
	buffer_init(&w.info, INFO_MAX);
	enveloped_parts_open(&w.parts, r, type, read, env);
	status = rewrap(&w);
	if (status == 0) {
		enveloped_parts_result(&result->old, &w.parts);
		result->old.content_size = content_proof_size(&w.proof);
		result->recipients = w.head.recipients.recipients;
		result->count = w.head.recipients.count;
		w.head.recipients.recipients = NULL;
		w.head.recipients.count = 0;
	}
	content_proof_close(&w.proof);
	content_key_clear(&w.key);
	rewrap_head_free(&w.head);
	buffer_free(&w.info);
	enveloped_parts_close(&w.parts);
	return status;
}

void enveloped_rewrapped_free(struct enveloped_rewrapped *r)
{
	if (r == NULL)
		return;
	enveloped_result_free(&r->old);
	recipients_free(r->recipients, r->count);
	memset(r, 0, sizeof(*r));
}
