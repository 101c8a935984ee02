#include "api/input.h"

#include <string.h>

static void tell(const struct progress_source *p)
{
	if (p->ctx->progress != NULL)
		p->ctx->progress(p->ctx->progress_arg, p->done, p->base.size);
}

/* Whether the octets that came, or the end with 0, are not what the size announced. */
static bool changed(const struct progress_source *p, uint64_t got)
{
	uint64_t size = p->base.size;

	if (size == HSMIME_SIZE_UNKNOWN)
		return false;
	return p->done > size || got > size - p->done || (got == 0 && p->done < size);
}

static int tell_change(const struct progress_source *p)
{
	error_set(&p->ctx->err, HSMIME_EIO, "the file changed while it was read");
	return error_hint(&p->ctx->err, "start again when nothing writes to it any more");
}

static ptrdiff_t progress_read(void *arg, void *buf, size_t len)
{
	struct progress_source *p = arg;
	ptrdiff_t got = p->base.read(p->base.arg, buf, len);

	if (got >= 0 ? changed(p, (uint64_t)got) : p->again && got == HSMIME_EIO)
		return tell_change(p);
	if (got > 0) {
		p->done += (uint64_t)got;
		tell(p);
	}
	return got;
}

/* A second pass over the same octets reports from its start again. */
static int progress_seek(void *arg, uint64_t offset)
{
	struct progress_source *p = arg;

	int status = p->base.seek(p->base.arg, offset);

	p->done = offset;
	p->again = true;
	return status == HSMIME_EIO ? tell_change(p) : status;
}

void progress_open(
    hsmime_source *out, struct progress_source *p, hsmime_ctx *ctx, const hsmime_source *in)
{
	*p = (struct progress_source){ .base = *in, .ctx = ctx };
	*out = (hsmime_source){ .read = progress_read, .arg = p, .size = in->size };
	if (in->seek != NULL)
		out->seek = progress_seek;
	tell(p);
}

static int open_der(struct cms_input *c, struct cms_env *env)
{
	window_source(&c->octets, &c->window);
	return ber_open(&c->ber, &c->octets, env->err);
}

static int open_base64(struct cms_input *c, struct cms_env *env)
{
	base64_decoder_open(&c->octets, &c->base64, &c->window, c->pem);
	return ber_open(&c->ber, &c->octets, env->err);
}

/* Take one line of at most limit octets, to head unless that is NULL; false at the end or past the limit. */
static bool take_line(struct buffer *head, struct window *w, size_t limit)
{
	ptrdiff_t have = window_need(w, limit);
	const unsigned char *end;
	size_t len;

	if (have <= 0)
		return false;
	end = memchr(w->data + w->start, '\n', (size_t)have);
	if (end == NULL)
		return false;
	len = (size_t)(end - (w->data + w->start)) + 1;
	if (head != NULL)
		buffer_add(head, w->data + w->start, len);
	window_take(w, len);
	return true;
}

#define PEM_LINE_MAX 4096
#define PEM_PREAMBLE_MAX 1000 /* lines of explanatory text (RFC 7468 section 2) */

static int open_pem(struct cms_input *c, struct cms_env *env)
{
	static const char begin[] = "-----BEGIN ";

	for (int line = 0; line < PEM_PREAMBLE_MAX; line++) {
		ptrdiff_t have = window_need(&c->window, sizeof(begin) - 1);

		if (have < (ptrdiff_t)sizeof(begin) - 1)
			break;
		bool found =
		    memcmp(c->window.data + c->window.start, begin, sizeof(begin) - 1) == 0;
		if (!take_line(c->pem_head, &c->window, PEM_LINE_MAX))
			break;
		if (found) {
			c->pem = true;
			return open_base64(c, env);
		}
	}
	return c->window.status != 0
		   ? error_keep(env->err, c->window.status, "reading the input failed")
		   : error_set(
			 env->err, HSMIME_EFORMAT, "no PEM: there is no line -----BEGIN …-----");
}

static int open_smime(struct cms_input *c, struct cms_env *env)
{
	int status = header_read(&c->header, &c->window, env->err);

	if (status != 0)
		return status;
	c->has_header = true;
	status = entity_describe(&c->entity, &c->header);
	if (status != 0)
		return error_nomem(env->err);
	c->has_entity = true;
	return 0;
}

int cms_input_mail(struct cms_input *c, const hsmime_source *in, struct cms_env *env)
{
	if (window_open(&c->window, in, WINDOW_ROOM) != 0)
		return error_nomem(env->err);
	return open_smime(c, env);
}

int cms_input_body(struct cms_input *c, struct cms_env *env)
{
	transfer_open(&c->octets, &c->transfer, &c->window, c->entity.encoding);
	return ber_open(&c->ber, &c->octets, env->err);
}

static int open_smime_cms(struct cms_input *c, struct cms_env *env)
{
	int status = open_smime(c, env);

	if (status != 0)
		return status;
	if (c->entity.kind != ENTITY_CMS) {
		error_set(env->err, HSMIME_EFORMAT,
		    "the input is %s/%s, not application/pkcs7-mime", c->entity.type.type,
		    c->entity.type.subtype);
		return error_hint(env->err, "for a mail leave --cms out");
	}
	return cms_input_body(c, env);
}

static bool is_base64_text(const unsigned char *p, size_t len)
{
	/* A SEQUENCE of CMS's size, in base64, starts with 'M'. */
	if (len < 16 || p[0] != 'M')
		return false;
	for (size_t i = 0; i < 16; i++) {
		bool letter = (p[i] >= 'A' && p[i] <= 'Z') || (p[i] >= 'a' && p[i] <= 'z');
		if (!letter && !(p[i] >= '0' && p[i] <= '9') && p[i] != '+' && p[i] != '/')
			return false;
	}
	return true;
}

/* DER starts with a SEQUENCE; PEM with dashes, if need be behind text; a header field has a colon. */
static enum hsmime_format recognise(struct cms_input *c, bool *bare_base64)
{
	static const char begin[] = "-----BEGIN ";
	ptrdiff_t have = window_need(&c->window, 4096);
	const unsigned char *p = c->window.data + c->window.start;

	*bare_base64 = false;
	if (have <= 0 || p[0] == 0x30)
		return HSMIME_FORMAT_DER;
	if (memmem(p, (size_t)have, begin, sizeof(begin) - 1) != NULL &&
	    memmem(p, (size_t)have, "\nContent-T", 10) == NULL)
		return HSMIME_FORMAT_PEM;
	*bare_base64 = is_base64_text(p, (size_t)have);
	return HSMIME_FORMAT_SMIME;
}

/* What is recognised as none of the three is read as S/MIME, whose words would speak of a mail. */
static int open_recognised(struct cms_input *c, struct cms_env *env)
{
	int status = open_smime_cms(c, env);

	/* With a hint it is about a limit that the header is over. */
	if (status != HSMIME_EFORMAT || c->has_entity ||
	    (env->err != NULL && env->err->hint[0] != '\0'))
		return status;
	return error_set(env->err, status, "no CMS (neither DER, PEM nor S/MIME)");
}

int cms_input_open(
    struct cms_input *c, const hsmime_source *in, enum hsmime_format format, struct cms_env *env)
{
	bool bare_base64 = false;
	bool any = format == HSMIME_FORMAT_AUTO;

	if (window_open(&c->window, in, WINDOW_ROOM) != 0)
		return error_nomem(env->err);
	if (any)
		format = recognise(c, &bare_base64);
	if (c->window.status != 0)
		return error_keep(env->err, c->window.status, "reading the input failed");
	if (bare_base64)
		return open_base64(c, env);
	if (format == HSMIME_FORMAT_DER)
		return open_der(c, env);
	if (format == HSMIME_FORMAT_PEM)
		return open_pem(c, env);
	return any ? open_recognised(c, env) : open_smime_cms(c, env);
}

int input_trailing(uint64_t *octets, struct ber_reader *r, bool mail, struct cms_env *env)
{
	struct window *w = &r->in;
	bool text = false;
	ptrdiff_t have;

	*octets = 0;
	while ((have = window_need(w, 1)) > 0) {
		const unsigned char *p = w->data + w->start;

		for (ptrdiff_t i = 0; i < have; i++)
			text = text || (p[i] != '\r' && p[i] != '\n');
		*octets += (uint64_t)have;
		window_take(w, (size_t)have);
	}
	if (mail && have == HSMIME_EFORMAT) {
		*octets += *octets == 0;
		return 0;
	}
	if (mail && !text)
		*octets = 0;
	return have == 0 ? 0 : error_set(env->err, (int)have, "reading to the end failed");
}

int cms_input_trailing(uint64_t *octets, struct cms_input *c, struct cms_env *env)
{
	return input_trailing(octets, &c->ber, c->has_entity, env);
}

int cms_input_finish(struct cms_input *c, struct cms_env *env)
{
	static const char end[] = "-----END ";
	int status;

	if (!c->pem)
		return 0;
	/* What base64 is left behind the CMS is read over, up to the END line. */
	status = source_drain(&c->octets);
	if (status == 0 && (window_need(&c->window, sizeof(end) - 1) < (ptrdiff_t)sizeof(end) - 1 ||
			       memcmp(c->window.data + c->window.start, end, sizeof(end) - 1) != 0))
		status = HSMIME_EFORMAT;
	return status == 0 ? 0 : error_set(env->err, status, "the PEM ends without an END line");
}

void cms_input_close(struct cms_input *c)
{
	ber_close(&c->ber);
	if (c->has_entity)
		entity_free(&c->entity);
	if (c->has_header)
		header_free(&c->header);
	window_close(&c->window);
	memset(c, 0, sizeof(*c));
}
