#include "mail/header.h"

#include <stdlib.h>
#include <string.h>

#include "mail/line.h"
#include "mail/text.h"
#include "util/sink.h"

void header_free(struct header *h)
{
	if (h == NULL)
		return;
	buffer_free(&h->octets);
	free(h->fields);
	memset(h, 0, sizeof(*h));
}

bool header_name_is(const struct header_field *field, const char *name)
{
	return strlen(name) == field->name_len &&
	       text_equal_len((const char *)field->raw, name, field->name_len);
}

const struct header_field *header_find(const struct header *h, const char *name, size_t nth)
{
	for (size_t i = 0; i < h->count; i++) {
		if (header_name_is(&h->fields[i], name) && nth-- == 0)
			return &h->fields[i];
	}
	return NULL;
}

size_t header_count(const struct header *h, const char *name)
{
	size_t count = 0;

	for (size_t i = 0; i < h->count; i++)
		count += header_name_is(&h->fields[i], name);
	return count;
}

/* RFC 5322 section 2.2.3: unfolding takes the line ending away and leaves the white space. */
int header_body(struct buffer *out, const struct header_field *field)
{
	const unsigned char *p = field->raw + field->name_len, *end = field->raw + field->raw_len;

	buffer_reset(out);
	while (p < end && *p != ':')
		p++;
	p += p < end;
	while (p < end && text_is_space((char)*p))
		p++;
	while (end > p && text_is_space((char)end[-1]))
		end--;
	while (p < end) {
		const unsigned char *lf = memchr(p, '\n', (size_t)(end - p));
		const unsigned char *stop = lf == NULL ? end : lf;

		if (lf != NULL && stop > p && stop[-1] == '\r')
			stop--;
		if (buffer_add(out, p, (size_t)(stop - p)) != 0)
			return HSMIME_ENOMEM;
		p = lf == NULL ? end : lf + 1;
	}
	return 0;
}

bool header_is_content(const struct header_field *field)
{
	static const char prefix[] = "Content-";

	return header_name_is(field, "MIME-Version") ||
	       (field->name_len >= strlen(prefix) &&
		   text_equal_len((const char *)field->raw, prefix, strlen(prefix)));
}

bool header_is_of(const struct header_field *field, enum header_part part)
{
	if (part == HEADER_OUTER)
		return !header_is_content(field);
	return header_is_content(field) && !header_name_is(field, "MIME-Version");
}

static bool is_bcc(const struct header_field *field)
{
	return header_name_is(field, "Bcc") || header_name_is(field, "Resent-Bcc");
}

int header_write_field(
    const struct header_field *field, const char *newline, const hsmime_sink *sink)
{
	int status = sink_write(sink, field->raw, field->raw_len);

	if (status == 0 && line_ending(field->raw, field->raw_len) == 0)
		status = sink_string(sink, newline);
	return status;
}

int header_write(
    const struct header *h, enum header_part part, bool drop_bcc, const hsmime_sink *sink)
{
	int status = 0;

	for (size_t i = 0; i < h->count && status == 0; i++) {
		const struct header_field *field = &h->fields[i];

		if (!header_is_of(field, part) || (drop_bcc && is_bcc(field)))
			continue;
		status = header_write_field(field, h->crlf ? "\r\n" : "\n", sink);
	}
	return status;
}
