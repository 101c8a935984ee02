#include "apdu.h"

static size_t number(const uint8_t *p, size_t width, size_t zero)
{
	size_t n = width == 2 ? (size_t)p[0] << 8 | p[1] : p[0];

	return n == 0 ? zero : n;
}

/* What follows the four octets: nothing, Le, Lc and data, or Lc, data and Le. */
static bool read_body(struct apdu *a, const uint8_t *body, size_t len, size_t width)
{
	size_t zero = width == 2 ? 65536 : 256;

	if (len == width) {
		a->expected = number(body, width, zero);
		return true;
	}
	if (len < width)
		return false;
	a->len = number(body, width, 0);
	a->data = body + width;
	len -= width;
	if (len < a->len)
		return false;
	if (len == a->len)
		return true;
	if (len != a->len + width)
		return false;
	a->expected = number(a->data + a->len, width, zero);
	return true;
}

bool apdu_read(struct apdu *a, const uint8_t *command, size_t len)
{
	if (len < 4)
		return false;
	*a = (struct apdu){ command[0], command[1], command[2], command[3], NULL, 0, 256 };
	if (len == 4)
		return true;
	/* A zero where the length is, with more behind it: the extended form. */
	if (len >= 7 && command[4] == 0)
		return read_body(a, command + 5, len - 5, 2);
	return read_body(a, command + 4, len - 4, 1);
}
