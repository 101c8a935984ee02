#include "mail/smime_type.h"

#include <string.h>

#include "mail/text.h"
#include "util/sink.h"

#define OLD_VALUE "enveloped-data"

static const char name[] = "smime-type";

/* Behind the quoted string at p, which may have no end. */
static const char *skip_quoted(const char *p)
{
	for (p++; *p != '\0' && *p != '"'; p++)
		if (*p == '\\' && p[1] != '\0')
			p++;
	return *p == '"' ? p + 1 : p;
}

/* The next semicolon that separates parameters, or the end. */
static const char *skip_to_next(const char *p)
{
	while (*p != '\0' && *p != ';') {
		if (*p == '"')
			p = skip_quoted(p);
		else if (*p == '(')
			p = text_skip_comment(p);
		else
			p++;
	}
	return p;
}

/* At the value of a parameter at p that is smime-type; NULL: it is another. */
static const char *value_of(const char *p)
{
	size_t len = sizeof(name) - 1;

	p = text_skip_space(p);
	if (strlen(p) <= len || !text_equal_len(p, name, len))
		return NULL;
	p = text_skip_space(p + len);
	return *p == '=' ? text_skip_space(p + 1) : NULL;
}

static bool is_old(const char *value, bool quoted)
{
	size_t len = strlen(OLD_VALUE);
	char next;

	if (strlen(value) < len || !text_equal_len(value, OLD_VALUE, len))
		return false;
	next = value[len];
	if (quoted)
		return next == '"';
	return next == '\0' || next == ';' || next == '(' || text_is_space(next);
}

/* Where in the field's text, NUL-terminated, the old value stands; NULL: it has another, or none. */
static const char *find(const char *text)
{
	const char *p = strchr(text, ':');
	const char *value = NULL;

	for (p = p != NULL ? skip_to_next(p) : ""; *p == ';' && value == NULL; p = skip_to_next(p))
		value = value_of(++p);
	if (value == NULL)
		return NULL;
	if (*value == '"')
		return is_old(value + 1, true) ? value + 1 : NULL;
	return is_old(value, false) ? value : NULL;
}

/* The header block is no string, and has no NUL in it. */
static int locate(size_t *at, const struct header *h, const struct header_field *field)
{
	struct buffer text;
	const char *found = NULL;
	int status;

	*at = 0;
	buffer_init(&text, HEADER_MAX + 1);
	status = buffer_add(&text, field->raw, field->raw_len);
	if (status == 0 && buffer_string(&text) == NULL)
		status = HSMIME_ENOMEM;
	if (status == 0)
		found = find((const char *)text.data);
	if (found != NULL)
		*at = (size_t)(field->raw - h->octets.data) +
		      (size_t)(found - (const char *)text.data);
	buffer_free(&text);
	return status;
}

int smime_type_write(const struct header *h, const char *value, const hsmime_sink *sink)
{
	const struct header_field *field = value != NULL ? header_find(h, "Content-Type", 0) : NULL;
	const unsigned char *octets = h->octets.data;
	size_t at = 0, behind;
	int status = field != NULL ? locate(&at, h, field) : 0;

	if (status != 0 || at == 0)
		return status != 0 ? status : sink_write(sink, octets, h->octets.len);
	behind = at + strlen(OLD_VALUE);
	status = sink_write(sink, octets, at);
	if (status == 0)
		status = sink_string(sink, value);
	return status == 0 ? sink_write(sink, octets + behind, h->octets.len - behind) : status;
}
