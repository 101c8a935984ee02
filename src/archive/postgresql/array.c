#include "array.h"

#include <inttypes.h>

void array_init(struct buffer *a)
{
	buffer_init(a, SIZE_MAX / 4);
}

static void separate(struct buffer *a)
{
	buffer_add_string(a, a->len == 0 ? "{" : ",");
}

void array_number(struct buffer *a, int64_t number)
{
	separate(a);
	buffer_printf(a, "%" PRId64, number);
}

void array_text(struct buffer *a, const char *text)
{
	separate(a);
	if (text == NULL) {
		buffer_add_string(a, "NULL");
		return;
	}
	buffer_add_string(a, "\"");
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			buffer_add_string(a, "\\");
		buffer_add(a, text, 1);
	}
	buffer_add_string(a, "\"");
}

void array_octets(struct buffer *a, const void *octets, size_t len)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *p = octets;
	unsigned char *to;

	separate(a);
	if (octets == NULL) {
		buffer_add_string(a, "NULL");
		return;
	}
	buffer_add_string(a, "\"\\\\x");
	to = buffer_extend(a, 2 * len);
	for (size_t i = 0; to != NULL && i < len; i++) {
		*to++ = (unsigned char)digits[p[i] >> 4];
		*to++ = (unsigned char)digits[p[i] & 15];
	}
	buffer_add_string(a, "\"");
}

const char *array_end(struct buffer *a)
{
	if (a->len == 0)
		buffer_add_string(a, "{");
	buffer_add_string(a, "}");
	return buffer_string(a);
}
