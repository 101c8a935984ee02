#include "mail/boundary.h"

#include <string.h>

#include "mail/line.h"
#include "mail/text.h"
#include "util/source.h"

enum boundary_line boundary_match(
    const char *boundary, size_t boundary_len, const unsigned char *line, size_t len)
{
	bool closes;

	if (len < boundary_len + 2 || line[0] != '-' || line[1] != '-' ||
	    memcmp(line + 2, boundary, boundary_len) != 0)
		return BOUNDARY_NONE;
	len -= line_ending(line, len) + boundary_len + 2;
	line += boundary_len + 2;
	closes = len >= 2 && line[0] == '-' && line[1] == '-';
	for (size_t i = closes ? 2 : 0; i < len; i++) {
		if (!text_is_blank((char)line[i]))
			return BOUNDARY_NONE;
	}
	return closes ? BOUNDARY_CLOSE : BOUNDARY_NEXT;
}

size_t boundary_usable(const char *value)
{
	size_t len = value == NULL ? 0 : strlen(value);

	while (len > 0 && text_is_blank(value[len - 1]))
		len--;
	return len <= BOUNDARY_MAX ? len : 0;
}

static bool is_any(const char *boundaries, const unsigned char *line, size_t len)
{
	for (const char *b = boundaries; b[0] != '\0'; b += strlen(b) + 1) {
		size_t n = strlen(b);

		if (n <= len && memcmp(line, b, n) == 0)
			return true;
	}
	return false;
}

/* In data[0..len), at dashes before data[limit]; before is the octet before data. */
static bool occurs_in(const unsigned char *data, size_t limit, size_t len, unsigned char before,
    const char *boundaries)
{
	size_t at = 0;

	while (at < limit) {
		const unsigned char *dashes = memmem(data + at, len - at, "--", 2);

		if (dashes == NULL || dashes >= data + limit)
			return false;
		at = (size_t)(dashes - data);
		if (at > 0)
			before = data[at - 1];
		if ((before == '\n' || before == '\r') &&
		    is_any(boundaries, dashes + 2, len - at - 2))
			return true;
		at++;
		before = '-';
	}
	return false;
}

int boundary_occurs(bool *occurs, const hsmime_source *in, const char *boundaries)
{
	const size_t line = BOUNDARY_MAX + 2;
	struct window w = { 0 };
	unsigned char before = '\n';
	ptrdiff_t have;
	int status;

	*occurs = false;
	if (boundaries[0] == '\0')
		return 0;
	if (window_open(&w, in, WINDOW_ROOM) != 0)
		return HSMIME_ENOMEM;
	while (!*occurs && (have = window_need(&w, line)) > 0) {
		const unsigned char *data = w.data + w.start;
		size_t len = (size_t)have;
		/* Where less than a whole line may be in sight it is looked at with what comes behind. */
		size_t limit = len < line ? len : len - line + 1;

		*occurs = occurs_in(data, limit, len, before, boundaries);
		before = data[limit - 1];
		window_take(&w, limit);
	}
	status = w.status;
	window_close(&w);
	return status;
}
