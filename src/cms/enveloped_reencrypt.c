#include "cms/enveloped_reencrypt.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "cms/content_decrypt.h"
#include "cms/content_key.h"
#include "cms/enveloped_parts.h"
#include "cms/recipient_list.h"
#include "util/block.h"
#include "util/sink.h"

/* One message on its way. */
struct reencrypting {
	struct enveloped_parts parts;
	const struct enveloped_reencrypt *how;
	const struct content_cipher *cipher; /* the new one */
	struct content_key key;
	struct content_decrypt content;
	unsigned char *held; /* the beginning of the plaintext, or all of it */
	size_t have;
	struct enveloped_writer *writer; /* NULL: all of it is held as yet */
	hsmime_sink into;                /* the writer */
	struct recipient_list recipients;
};

/* size: octets of all content, or HSMIME_SIZE_UNKNOWN; those that are held go first. */
static int begin_writing(struct reencrypting *s, uint64_t size)
{
	struct enveloped_write to = *s->how->to;
	int status;

	to.content_size = size;
	to.content_type = s->parts.content_oid;
	to.list = &s->recipients;
	status = enveloped_writer_new(&s->writer, &s->into, &to, &s->how->out, s->parts.env);
	return status == 0 ? sink_write(&s->into, s->held, s->have) : status;
}

static int plain_write(void *arg, const void *buf, size_t len)
{
	struct reencrypting *s = arg;
	const unsigned char *data = buf;
	size_t room = REENCRYPT_WHOLE - s->have;
	int status = 0;

	if (s->writer == NULL) {
		size_t n = len < room ? len : room;

		memcpy(s->held + s->have, data, n);
		s->have += n;
		data += n;
		len -= n;
	}
	if (s->writer == NULL && len > 0)
		status = begin_writing(s, HSMIME_SIZE_UNKNOWN);
	return status == 0 ? sink_write(&s->into, data, len) : status;
}

static int read_head(struct enveloped_parts *p)
{
	int status = enveloped_parts_enter(p);

	if (status == 0)
		status = enveloped_parts_originator(p);
	if (status == 0)
		status = enveloped_parts_recipients(p);
	return status == 0 ? enveloped_parts_info(p) : status;
}

static int refuse_weaker(const struct reencrypting *s)
{
	const struct enveloped_parts *p = &s->parts;

	error_set(p->env->err, HSMIME_EPOLICY,
	    "the content is authenticated (%s), and %s would take that away", p->cipher->label,
	    s->cipher->label);
	return error_hint(p->env->err, "encrypt it anew with aes-128-gcm or aes-256-gcm");
}

/* RFC 5083 section 2.1: where it is not id-data attributes have to say so. */
static int refuse_type(const struct enveloped_parts *p)
{
	error_set(p->env->err, HSMIME_EUNSUPPORTED,
	    "the content is of another type than data, which hsmime does not authenticate");
	return error_hint(p->env->err, "encrypt it anew with aes-128-cbc or aes-256-cbc");
}

/* What the cipher says alone comes before any key is used. */
static int find_key(struct reencrypting *s)
{
	struct enveloped_parts *p = &s->parts;
	bool authenticated = p->type == CMS_AUTH_ENVELOPED_DATA;

	if (authenticated && !s->cipher->authenticated)
		return refuse_weaker(s);
	if (!authenticated && p->request->require_authenticated)
		return enveloped_parts_unauthenticated(p);
	if (s->cipher->authenticated && cms_type_of(p->content_oid) != CMS_DATA)
		return refuse_type(p);
	return enveloped_parts_key(&s->key, p);
}

static int take_content(struct reencrypting *s)
{
	struct enveloped_parts *p = &s->parts;
	const hsmime_sink plain = { plain_write, s };
	hsmime_sink sink;
	int status = enveloped_parts_look(p);

	if (status == 0 && p->verdict == 0) {
		s->held = block_new(REENCRYPT_WHOLE);
		status = s->held == NULL ? error_nomem(p->env->err) : 0;
	}
	if (status == 0)
		status = content_decrypt_open(&sink, &s->content, p->cipher, &p->params,
		    p->verdict == 0 ? &s->key : NULL, &plain, p->env);
	return status == 0 ? enveloped_parts_content(p, &sink, &s->content) : status;
}

/* Nothing of a message is dropped silently. */
static int refuse_attributes(const struct enveloped_parts *p)
{
	error_set(p->env->err, HSMIME_EUNSUPPORTED,
	    "the message has attributes beside its content, which would be lost");
	return error_hint(
	    p->env->err, "without --reencrypt it gets other recipients and keeps them");
}

static int prove(struct reencrypting *s)
{
	struct enveloped_parts *p = &s->parts;
	size_t len;
	int status;

	if (p->verdict != 0)
		return enveloped_parts_verdict(p);
	if (p->has_attributes || p->has_unprotected)
		return refuse_attributes(p);
	status = content_decrypt_finish(&s->content, p->mac.data, &p->aad);
	len = s->have < CONTENT_PROOF_BEGINNING ? s->have : CONTENT_PROOF_BEGINNING;
	if (status != 0 || p->cipher->authenticated || s->how->judge(s->held, len))
		return status;
	return content_key_refuse(p->env);
}

static int finish_writing(struct reencrypting *s)
{
	int status = s->writer == NULL ? begin_writing(s, s->have) : 0;

	return status == 0 ? enveloped_writer_finish(s->writer) : status;
}

static int reencrypt(struct reencrypting *s)
{
	struct enveloped_parts *p = &s->parts;
	int status = read_head(p);

	if (status == 0 && p->verdict == 0)
		enveloped_parts_settle(p, find_key(s));
	if (status == 0)
		status = take_content(s);
	if (status == 0)
		status = enveloped_parts_tail(p);
	if (status == 0)
		status = prove(s);
	return status == 0 ? finish_writing(s) : status;
}

static void tell(struct enveloped_rewrapped *result, struct reencrypting *s)
{
	enveloped_parts_result(&result->old, &s->parts);
	result->old.content_size = s->content.plain;
	result->cipher = s->cipher->label;
	result->authenticated = s->cipher->authenticated;
	result->recipients = s->recipients.recipients;
	result->count = s->recipients.count;
	s->recipients.recipients = NULL;
	s->recipients.count = 0;
}

int enveloped_reencrypt(struct enveloped_rewrapped *result, struct ber_reader *r,
    enum cms_type type, const struct enveloped_read *read, const struct enveloped_reencrypt *how,
    struct cms_env *env)
{
	struct reencrypting s = { .how = how, .cipher = content_cipher_by_name(how->to->cipher) };
	int status;

	memset(result, 0, sizeof(*result));
	if (s.cipher == NULL)
		return error_set(env->err, HSMIME_EUSAGE, "unknown cipher %s",
		    how->to->cipher == NULL ? "(none)" : how->to->cipher);
	enveloped_parts_open(&s.parts, r, type, read, env);
	status = reencrypt(&s);
	if (status == 0)
		tell(result, &s);
	enveloped_writer_free(s.writer);
	content_decrypt_close(&s.content);
	content_key_clear(&s.key);
	if (s.held != NULL)
		OPENSSL_cleanse(s.held, s.have);
	free(s.held);
	recipient_list_free(&s.recipients);
	enveloped_parts_close(&s.parts);
	return status;
}
