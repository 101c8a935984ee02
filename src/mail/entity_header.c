#include "mail/entity_header.h"

#include "util/sink.h"

static const char cte[] = "Content-Transfer-Encoding";

static bool is_wanted(const struct header_field *field, const struct entity_header *how)
{
	return !how->content_only || header_is_of(field, HEADER_CONTENT);
}

static int put_field(
    const char *name, const char *body, const struct entity_header *how, const hsmime_sink *sink)
{
	int status = sink_string(sink, name);

	if (status == 0)
		status = sink_string(sink, ": ");
	if (status == 0)
		status = sink_string(sink, body);
	return status != 0 ? status : sink_string(sink, how->newline);
}

bool entity_header_has_content(const struct header *h)
{
	for (size_t i = 0; i < h->count; i++) {
		if (header_is_of(&h->fields[i], HEADER_CONTENT))
			return true;
	}
	return false;
}

int entity_header_write(
    const struct header *h, const struct entity_header *how, const hsmime_sink *sink)
{
	const char *encoding = how->encoding;
	int status = 0;

	if (how->content_type != NULL)
		status = put_field("Content-Type", how->content_type, how, sink);
	for (size_t i = 0; i < h->count && status == 0; i++) {
		const struct header_field *field = &h->fields[i];

		if (!is_wanted(field, how))
			continue;
		if (how->encoding == NULL || !header_name_is(field, cte)) {
			status = header_write_field(field, how->newline, sink);
		} else if (encoding != NULL) {
			status = put_field(cte, encoding, how, sink);
			encoding = NULL;
		}
	}
	if (status == 0 && encoding != NULL)
		status = put_field(cte, encoding, how, sink);
	if (status == 0 && (how->empty_line || h->has_empty_line))
		status = sink_string(sink, how->newline);
	return status;
}
