#include "api/rearmor.h"

#include <string.h>

#include "mail/line.h"
#include "mail/smime_type.h"
#include "util/sink.h"

#define BEGINNING 4096
#define LINE_MAX_LENGTH 996 /* of a mail's line, RFC 5322 section 2.1.1, in whole quads */
#define END_LINE_MAX 4096

static bool is_base64(unsigned char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	       c == '+' || c == '/' || c == '=';
}

/* Octets of the whole line of base64 at data without its end, whose octets are *ending; 0: it is none. */
static size_t whole_line(size_t *ending, const unsigned char *data, size_t len)
{
	const unsigned char *lf = memchr(data, '\n', len);
	size_t line = lf == NULL ? 0 : (size_t)(lf - data) + 1;

	*ending = line_ending(data, line);
	for (size_t i = 0; i + *ending < line; i++) {
		if (!is_base64(data[i]))
			return 0;
	}
	return line - *ending;
}

/* The last line of base64 may be shorter than the others. */
void rearmor_lines(unsigned *length, bool *crlf, const unsigned char *data, size_t len)
{
	size_t ending;
	size_t first = whole_line(&ending, data, len);
	size_t lines = 1;
	bool last = false;

	if (first == 0)
		return;
	for (size_t at = first + ending; at < len; lines++) {
		size_t this_ending;
		size_t line = whole_line(&this_ending, data + at, len - at);

		if (line == 0)
			break;
		if (last || line > first || this_ending != ending)
			return;
		last = line < first;
		at += line + this_ending;
	}
	*crlf = ending == 2;
	if (lines > 1 && first % 4 == 0 && first <= LINE_MAX_LENGTH)
		*length = (unsigned)first;
}

static int open_base64(hsmime_sink *sink, struct rearmor *a, struct cms_input *c, bool crlf,
    unsigned line, struct error *err)
{
	ptrdiff_t have = window_need(&c->window, BEGINNING);

	if (have < 0)
		return error_keep(err, (int)have, "reading the input failed");
	rearmor_lines(&line, &crlf, c->window.data + c->window.start,
	    have < BEGINNING ? (size_t)have : BEGINNING);
	a->encoding = true;
	return base64_encoder_open(sink, &a->base64, &a->out, line, crlf ? "\r\n" : "\n") == 0
		   ? 0
		   : error_nomem(err);
}

static int open_entity(hsmime_sink *sink, struct rearmor *a, struct cms_input *c,
    const char *smime_type, struct error *err)
{
	int status = transfer_choose(&c->transfer);

	if (status != 0)
		return error_keep(err, status, "reading the input failed");
	if (c->transfer.read_as == CTE_QUOTED_PRINTABLE) {
		error_set(err, HSMIME_EUNSUPPORTED,
		    "the CMS is encoded as quoted-printable, which hsmime does not write");
		return error_hint(err, "decrypt the mail and encrypt it again");
	}
	status = smime_type_write(&c->header, smime_type, &a->out);
	if (status != 0 || c->transfer.read_as == CTE_IDENTITY)
		return status;
	return open_base64(sink, a, c, c->header.crlf, BASE64_LINE, err);
}

static bool ends_with_crlf(const struct buffer *text)
{
	return text->len >= 2 && text->data[text->len - 2] == '\r';
}

int rearmor_open(hsmime_sink *sink, struct rearmor *a, const hsmime_sink *out, struct cms_input *c,
    const char *smime_type, struct error *err)
{
	int status = 0;

	*a = (struct rearmor){ .out = *out };
	*sink = *out;
	if (c->has_entity)
		return open_entity(sink, a, c, smime_type, err);
	if (c->pem) {
		if (c->pem_head->status != 0)
			return error_nomem(err);
		status = sink_write(out, c->pem_head->data, c->pem_head->len);
		return status == 0 ? open_base64(sink, a, c, ends_with_crlf(c->pem_head),
					 BASE64_PEM_LINE, err)
				   : status;
	}
	return c->base64.in != NULL ? open_base64(sink, a, c, false, BASE64_PEM_LINE, err) : 0;
}

static int put_end_line(struct rearmor *a, struct cms_input *c)
{
	ptrdiff_t have = window_need(&c->window, END_LINE_MAX);
	const unsigned char *line = c->window.data + c->window.start;
	const unsigned char *lf = have > 0 ? memchr(line, '\n', (size_t)have) : NULL;

	if (have < 0)
		return (int)have;
	return sink_write(&a->out, line, lf != NULL ? (size_t)(lf - line) + 1 : (size_t)have);
}

int rearmor_finish(struct rearmor *a, struct cms_input *c)
{
	int status = a->encoding ? base64_encoder_finish(&a->base64) : 0;

	return status == 0 && c->pem ? put_end_line(a, c) : status;
}

void rearmor_close(struct rearmor *a)
{
	if (a->encoding)
		base64_encoder_close(&a->base64);
	a->encoding = false;
}
