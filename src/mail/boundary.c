#include "mail/boundary.h"

#include <string.h>

#include "mail/line.h"
#include "mail/text.h"

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
