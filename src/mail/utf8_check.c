#include "mail/utf8_check.h"

#include "util/source.h"

/* What the rest of a character has to be: how many octets, and the bounds of the next one. */
struct state {
	unsigned more;
	unsigned char low, high;
};

/* RFC 3629 section 4: the ranges of a first octet, and of the second one behind it. */
static const struct {
	unsigned char first, last;
	struct state then;
} leads[] = {
	{ 0x00, 0x7f, { 0, 0, 0 } },
	{ 0xc2, 0xdf, { 1, 0x80, 0xbf } },
	{ 0xe0, 0xe0, { 2, 0xa0, 0xbf } },
	{ 0xe1, 0xec, { 2, 0x80, 0xbf } },
	{ 0xed, 0xed, { 2, 0x80, 0x9f } },
	{ 0xee, 0xef, { 2, 0x80, 0xbf } },
	{ 0xf0, 0xf0, { 3, 0x90, 0xbf } },
	{ 0xf1, 0xf3, { 3, 0x80, 0xbf } },
	{ 0xf4, 0xf4, { 3, 0x80, 0x8f } },
};

static bool lead(struct state *s, unsigned char c)
{
	for (size_t i = 0; i < sizeof(leads) / sizeof(leads[0]); i++) {
		if (c >= leads[i].first && c <= leads[i].last) {
			*s = leads[i].then;
			return true;
		}
	}
	return false;
}

static bool step(struct state *s, unsigned char c)
{
	if (s->more == 0)
		return c < 0x80 || lead(s, c);
	if (c < s->low || c > s->high)
		return false;
	*s = (struct state){ .more = s->more - 1, .low = 0x80, .high = 0xbf };
	return true;
}

int utf8_check(bool *valid, const hsmime_source *source)
{
	struct window w = { 0 };
	struct state state = { 0 };
	ptrdiff_t have;

	*valid = true;
	if (window_open(&w, source, WINDOW_ROOM) != 0)
		return HSMIME_ENOMEM;
	while ((have = window_need(&w, 1)) > 0 && *valid) {
		for (ptrdiff_t i = 0; i < have && *valid; i++)
			*valid = step(&state, w.data[w.start + (size_t)i]);
		window_take(&w, (size_t)have);
	}
	*valid = *valid && state.more == 0;
	window_close(&w);
	return have < 0 ? (int)have : 0;
}
