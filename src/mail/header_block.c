#include "mail/header_block.h"

#include <stdlib.h>
#include <string.h>

#include "mail/line.h"
#include "mail/text.h"
#include "util/limit.h"

enum verdict {
	LINE_TAKE,
	LINE_LAST, /* the empty line */
	LINE_LEAVE /* not of the header */
};

/* Octets of the field name at line (RFC 5322 section 3.6.8), or 0 where there is none. */
static size_t field_name(const unsigned char *line, size_t len)
{
	size_t name = 0, colon;

	while (name < len && line[name] > 32 && line[name] < 127 && line[name] != ':')
		name++;
	for (colon = name; colon < len && text_is_blank((char)line[colon]); colon++)
		;
	return colon < len && line[colon] == ':' ? name : 0;
}

static bool is_empty_line(const unsigned char *line, size_t len)
{
	return len > 0 && line_ending(line, len) == len;
}

static bool starts_with(const unsigned char *line, size_t len, const char *start)
{
	return len >= strlen(start) && memcmp(line, start, strlen(start)) == 0;
}

/* An mbox separator, or the request line of a stored AS2 message (RFC 4130). */
static bool is_first_line(const unsigned char *line, size_t len)
{
	static const char http[] = " HTTP/";
	size_t ending = line_ending(line, len), version = strlen(http) + strlen("1.1");

	if (ending == 0)
		return false;
	if (starts_with(line, len, "From "))
		return true;
	len -= ending;
	return starts_with(line, len, "POST ") && len > version &&
	       starts_with(line + len - version, version, http);
}

static enum verdict judge(
    struct header *h, const struct header_rules *rules, const unsigned char *line, size_t len)
{
	if (is_empty_line(line, len))
		return LINE_LAST;
	if (rules->stop != NULL && rules->stop(rules->arg, line, len))
		return LINE_LEAVE;
	if (rules->first_line && h->octets.len == 0 && is_first_line(line, len)) {
		h->mbox_len = len;
		return LINE_TAKE;
	}
	if (memchr(line, 0, len) != NULL)
		return LINE_LEAVE;
	if (text_is_blank((char)line[0]))
		return h->octets.len > h->mbox_len ? LINE_TAKE : LINE_LEAVE;
	return field_name(line, len) > 0 ? LINE_TAKE : LINE_LEAVE;
}

static int take_octets(
    struct header *h, struct window *in, const unsigned char *line, size_t len, struct error *err)
{
	int status = buffer_add(&h->octets, line, len);

	if (status == HSMIME_ENOMEM)
		return error_nomem(err);
	if (status != 0) {
		error_set(err, HSMIME_EFORMAT, "its header is larger than %d octets", HEADER_MAX);
		return limit_hint(err);
	}
	window_take(in, len);
	return 0;
}

/* The rest of a line that is longer than the window. */
static int take_rest(struct header *h, struct window *in, struct error *err)
{
	while (h->octets.data[h->octets.len - 1] != '\n') {
		const unsigned char *line;
		ptrdiff_t len = line_next(&line, in);
		int status;

		if (len == 0)
			return 0;
		if (len < 0)
			return error_set(err, (int)len, "reading the header failed");
		if (memchr(line, 0, (size_t)len) != NULL)
			return error_set(err, HSMIME_EFORMAT, "its header has a NUL");
		status = take_octets(h, in, line, (size_t)len, err);
		if (status != 0)
			return status;
	}
	return 0;
}

static int take_lines(
    struct header *h, struct window *in, const struct header_rules *rules, struct error *err)
{
	enum verdict verdict = LINE_TAKE;
	int status = 0;

	for (size_t number = 1; verdict == LINE_TAKE && status == 0; number++) {
		const unsigned char *line;
		ptrdiff_t len = line_next(&line, in);

		if (len < 0)
			return error_set(err, (int)len, "reading the header failed");
		if (len == 0 && rules->strict && number == 1)
			return error_set(err, HSMIME_EFORMAT, "there is nothing");
		if (len == 0)
			return 0;
		verdict = judge(h, rules, line, (size_t)len);
		if (verdict != LINE_LEAVE) {
			status = take_octets(h, in, line, (size_t)len, err);
			if (status == 0)
				status = take_rest(h, in, err);
		} else if (rules->strict) {
			return error_set(err, HSMIME_EFORMAT,
			    "line %zu of its header is neither a field nor goes on "
			    "with one",
			    number);
		}
	}
	return status;
}

static int add_field(struct header *h, size_t *room, const unsigned char *line, size_t len)
{
	if (h->count == *room) {
		size_t more = *room == 0 ? 32 : *room * 2;
		struct header_field *fields = realloc(h->fields, more * sizeof(*fields));

		if (fields == NULL)
			return HSMIME_ENOMEM;
		h->fields = fields;
		*room = more;
	}
	h->fields[h->count++] =
	    (struct header_field){ .raw = line, .raw_len = len, .name_len = field_name(line, len) };
	return 0;
}

/* Split the octets, which hold only lines that judge let through. */
static int index_fields(struct header *h, struct error *err)
{
	const unsigned char *p = h->octets.data, *end = p + h->octets.len;
	size_t room = 0;

	h->crlf = false;
	for (bool first = true; p < end; first = false) {
		const unsigned char *lf = memchr(p, '\n', (size_t)(end - p));
		size_t len = lf == NULL ? (size_t)(end - p) : (size_t)(lf - p) + 1;

		if (first)
			h->crlf = line_ending(p, len) == 2;
		if (is_empty_line(p, len))
			h->has_empty_line = true;
		else if (text_is_blank((char)p[0]))
			h->fields[h->count - 1].raw_len += len;
		else if (p >= h->octets.data + h->mbox_len && add_field(h, &room, p, len) != 0)
			return error_nomem(err);
		p += len;
		if (h->count > HEADER_MAX_FIELDS) {
			error_set(err, HSMIME_EFORMAT, "its header has more than %d fields",
			    HEADER_MAX_FIELDS);
			return limit_hint(err);
		}
	}
	return 0;
}

static bool is_over_limit(const struct header *h)
{
	return h->octets.status == HSMIME_EFORMAT || h->count > HEADER_MAX_FIELDS;
}

int header_take(
    struct header *h, struct window *in, const struct header_rules *rules, struct error *err)
{
	int status;

	memset(h, 0, sizeof(*h));
	buffer_init(&h->octets, HEADER_MAX);
	status = take_lines(h, in, rules, err);
	if (status == 0 && h->octets.len > 0)
		status = index_fields(h, err);
	if (status == HSMIME_EFORMAT && rules->strict)
		error_prefix(err, is_over_limit(h) ? "the mail" : "not a mail");
	return status;
}
