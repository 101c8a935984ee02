#include "api/inside_signature.h"

#include <string.h>

#include "api/layers.h"
#include "mail/line.h"
#include "mail/text.h"
#include "util/sink.h"

#define BEGINNING ((size_t)64 * 1024) /* octets of signed content in which a header has to end */

static int look(
    enum cms_type *found, const hsmime_source *in, bool mail, int depth, struct cms_env *env);

static bool is_boundary(const unsigned char *line, size_t len, const char *boundary)
{
	size_t n = strlen(boundary);

	if (len < 2 + n || memcmp(line, "--", 2) != 0 || memcmp(line + 2, boundary, n) != 0)
		return false;
	for (size_t i = 2 + n; i < len; i++) {
		if (!text_is_space((char)line[i]))
			return false;
	}
	return true;
}

/* To behind the first boundary line. */
static int find_part(bool *part, struct cms_input *c)
{
	const char *boundary = content_type_param(&c->entity.type, "boundary");
	const unsigned char *line;
	ptrdiff_t len = 0;

	*part = false;
	while (boundary != NULL && !*part && (len = line_next(&line, &c->window)) > 0) {
		*part = is_boundary(line, (size_t)len, boundary);
		window_take(&c->window, (size_t)len);
	}
	return len < 0 ? (int)len : 0;
}

static int look_at_part(enum cms_type *found, struct cms_input *c, int depth, struct cms_env *env)
{
	hsmime_source rest;
	bool part;
	int status = find_part(&part, c);

	if (status != 0 || !part)
		return status;
	window_source(&rest, &c->window);
	return look(found, &rest, true, depth, env);
}

/* Takes the beginning, and with its end no more. */
static int beginning_write(void *arg, const void *buf, size_t len)
{
	struct buffer *beginning = arg;
	size_t room = BEGINNING - beginning->len;

	if (room == 0)
		return HSMIME_EUNSUPPORTED;
	return buffer_add(beginning, buf, len < room ? len : room);
}

/* Up to the content of SignedData (RFC 5652 section 5.1). */
static int enter_content(struct ber_reader *r)
{
	int status = ber_enter(r, BER_UNIVERSAL, BER_SEQUENCE, "SignedData");

	if (status == 0)
		status = ber_skip(r);
	if (status == 0)
		status = ber_skip(r);
	if (status == 0)
		status = ber_enter(r, BER_UNIVERSAL, BER_SEQUENCE, "EncapsulatedContentInfo");
	if (status == 0)
		status = ber_skip(r);
	return status == 0 ? ber_enter(r, BER_CONTEXT, 0, "signed content") : status;
}

static int look_at_content(
    enum cms_type *found, struct cms_input *c, int depth, struct cms_env *env)
{
	struct buffer beginning;
	hsmime_sink sink = { beginning_write, &beginning };
	hsmime_memory memory;
	hsmime_source source;
	int status = enter_content(&c->ber);

	buffer_init(&beginning, BEGINNING);
	if (status == 0)
		status = ber_octets(&c->ber, BER_UNIVERSAL, BER_OCTET_STRING, &sink, "content");
	if (status == 0 || status == HSMIME_EUNSUPPORTED) {
		memory = (hsmime_memory){ beginning.data, beginning.len, 0 };
		hsmime_source_memory(&source, &memory);
		status = look(found, &source, c->has_entity, depth, env);
	}
	buffer_free(&beginning);
	return status;
}

static int look_at_cms(enum cms_type *found, struct cms_input *c, int depth, struct cms_env *env)
{
	enum cms_type type = CMS_UNKNOWN;
	int status = c->has_entity ? cms_input_body(c, env) : 0;

	if (status == 0)
		status = cms_content_info_enter(&type, &c->ber, env);
	if (status == 0 && type == CMS_SIGNED_DATA)
		return look_at_content(found, c, depth, env);
	if (type == CMS_ENVELOPED_DATA || type == CMS_AUTH_ENVELOPED_DATA)
		*found = type;
	return status;
}

static int look(
    enum cms_type *found, const hsmime_source *in, bool mail, int depth, struct cms_env *env)
{
	struct cms_input c = { 0 };
	int status = 0;

	if (depth >= LAYERS_MAX)
		return 0;
	status =
	    mail ? cms_input_mail(&c, in, env) : cms_input_open(&c, in, HSMIME_FORMAT_DER, env);
	if (status == 0 && c.has_entity && c.entity.kind == ENTITY_SIGNED)
		status = look_at_part(found, &c, depth + 1, env);
	else if (status == 0 && (!c.has_entity || c.entity.kind == ENTITY_CMS))
		status = look_at_cms(found, &c, depth + 1, env);
	cms_input_close(&c);
	return status;
}

/* What can't be read is no encryption that anybody knows of. */
static int settle(int status, struct cms_env *env)
{
	if (status == HSMIME_EIO || status == HSMIME_ENOMEM)
		return status;
	error_clear(env->err);
	return 0;
}

int inside_multipart(enum cms_type *found, struct cms_input *c, struct cms_env *env)
{
	*found = CMS_UNKNOWN;
	return settle(look_at_part(found, c, 1, env), env);
}

int inside_signed_data(enum cms_type *found, struct cms_input *c, struct cms_env *env)
{
	*found = CMS_UNKNOWN;
	return settle(look_at_content(found, c, 1, env), env);
}

int inside_signed_octets(
    bool *whole, const hsmime_sink *sink, struct cms_input *c, struct cms_env *env)
{
	int status = enter_content(&c->ber);

	if (status == 0)
		status = ber_octets(&c->ber, BER_UNIVERSAL, BER_OCTET_STRING, sink, "content");
	*whole = status == 0;
	if (status == HSMIME_EFORMAT || status == BER_END) {
		error_clear(env->err);
		status = 0;
	}
	return status;
}
