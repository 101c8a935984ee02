#include "util/hex.h"

static void put(char *out, const unsigned char *data, size_t len, const char *digits)
{
	for (size_t i = 0; i < len; i++) {
		*out++ = digits[data[i] >> 4];
		*out++ = digits[data[i] & 15];
	}
	*out = '\0';
}

void hex_lower(char *out, const void *data, size_t len)
{
	put(out, data, len, "0123456789abcdef");
}

void hex_upper(char *out, const void *data, size_t len)
{
	put(out, data, len, "0123456789ABCDEF");
}
