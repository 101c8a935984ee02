#include "cms/enveloped_reader.h"

#include <string.h>

#include "cms/enveloped_parts.h"

/* One message being read. */
struct reading {
	struct enveloped_parts parts;
	struct content_key own;
	struct content_key *key; /* own, or the one that is kept for a second reading */
	struct content_decrypt content;
};

static int read_head(struct enveloped_parts *p)
{
	int status = enveloped_parts_enter(p);

	if (status == 0)
		status = enveloped_parts_originator(p);
	if (status == 0)
		status = enveloped_parts_recipients(p);
	return status == 0 ? enveloped_parts_info(p) : status;
}

static int find_key(struct reading *s)
{
	struct enveloped_parts *p = &s->parts;

	if (p->request->require_authenticated && p->type != CMS_AUTH_ENVELOPED_DATA)
		return enveloped_parts_unauthenticated(p);
	return content_key_is_set(s->key) ? 0 : enveloped_parts_key(s->key, p);
}

static int read_content(struct reading *s)
{
	struct enveloped_parts *p = &s->parts;
	hsmime_sink sink;
	int status = enveloped_parts_look(p);

	if (status == 0)
		status = content_decrypt_open(&sink, &s->content, p->cipher, &p->params,
		    p->verdict == 0 ? s->key : NULL, &p->request->content, p->env);
	return status == 0 ? enveloped_parts_content(p, &sink, &s->content) : status;
}

static int read_again(struct reading *s)
{
	const struct enveloped_read *request = s->parts.request;
	hsmime_source plaintext;
	int status;

	if (request->read_back == NULL)
		return error_set(s->parts.env->err, HSMIME_EUNSUPPORTED,
		    "a message with authenticated attributes needs an output that can be read "
		    "back");
	status = request->read_back(request->read_back_arg, &plaintext);
	if (status != 0)
		return status;
	return content_decrypt_again(&s->content, s->parts.mac.data, &s->parts.aad, &plaintext);
}

static int conclude(struct reading *s)
{
	struct enveloped_parts *p = &s->parts;

	if (p->verdict != 0)
		return enveloped_parts_verdict(p);
	if (p->has_attributes && !content_decrypt_takes_aad(&s->content))
		return read_again(s);
	return content_decrypt_finish(&s->content, p->mac.data, &p->aad);
}

static void reading_free(struct reading *s)
{
	content_decrypt_close(&s->content);
	content_key_clear(&s->own);
	enveloped_parts_close(&s->parts);
}

int enveloped_read(struct enveloped_result *result, struct ber_reader *r, enum cms_type type,
    const struct enveloped_read *request, struct cms_env *env)
{
	struct reading s = { .key = request->content_key };
	struct enveloped_parts *p = &s.parts;
	int status;

	memset(result, 0, sizeof(*result));
	if (s.key == NULL)
		s.key = &s.own;
	enveloped_parts_open(p, r, type, request, env);
	status = read_head(p);
	if (status == 0 && p->cipher != NULL)
		enveloped_parts_settle(p, find_key(&s));
	if (status == 0)
		status = read_content(&s);
	if (status == 0)
		status = enveloped_parts_tail(p);
	if (status == 0)
		status = conclude(&s);
	if (status == 0) {
		enveloped_parts_result(result, p);
		result->content_size = s.content.plain;
	}
	reading_free(&s);
	return status;
}

int enveloped_peek(
    struct enveloped_result *result, struct ber_reader *r, enum cms_type type, struct cms_env *env)
{
	struct enveloped_parts p;
	int status;

	memset(result, 0, sizeof(*result));
	enveloped_parts_open(&p, r, type, NULL, env);
	status = read_head(&p);
	if (status == 0)
		enveloped_parts_result(result, &p);
	if (p.verdict != 0)
		error_clear(env->err);
	enveloped_parts_close(&p);
	return status == BER_END ? error_set(env->err, HSMIME_EFORMAT, "the message is cut off")
				 : status;
}
