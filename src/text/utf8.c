#include "text/utf8.h"

#include <stddef.h>

#define REPLACEMENT 0xFFFD

static const struct {
	unsigned char mask, lead;
	uint32_t least; /* below it the form is over-long */
} forms[] = {
	{ 0x80, 0x00, 0 },
	{ 0xE0, 0xC0, 0x80 },
	{ 0xF0, 0xE0, 0x800 },
	{ 0xF8, 0xF0, 0x10000 },
};

static bool is_scalar(uint32_t point)
{
	return point <= 0x10FFFF && (point < 0xD800 || point > 0xDFFF);
}

/* Reads the octets behind the first; the final NUL of a cut text is none of them. */
static uint32_t follow(const unsigned char *p, size_t more, uint32_t point)
{
	for (size_t i = 1; i <= more; i++) {
		if ((p[i] & 0xC0) != 0x80)
			return UINT32_MAX;
		point = point << 6 | (p[i] & 0x3F);
	}
	return point;
}

uint32_t utf8_next(const char **text)
{
	const unsigned char *p = (const unsigned char *)*text;

	for (size_t more = 0; more < sizeof(forms) / sizeof(forms[0]); more++) {
		uint32_t point;

		if ((*p & forms[more].mask) != forms[more].lead)
			continue;
		point = follow(p, more, *p & (unsigned char)~forms[more].mask);
		if (point < forms[more].least || !is_scalar(point))
			break;
		*text += more + 1;
		return point;
	}
	*text += 1;
	return REPLACEMENT;
}

void utf8_put(FILE *out, uint32_t point)
{
	if (point < 0x80) {
		putc_unlocked((int)point, out);
	} else if (point < 0x800) {
		putc_unlocked((int)(0xC0 | point >> 6), out);
		putc_unlocked((int)(0x80 | (point & 0x3F)), out);
	} else if (point < 0x10000) {
		putc_unlocked((int)(0xE0 | point >> 12), out);
		putc_unlocked((int)(0x80 | (point >> 6 & 0x3F)), out);
		putc_unlocked((int)(0x80 | (point & 0x3F)), out);
	} else {
		putc_unlocked((int)(0xF0 | point >> 18), out);
		putc_unlocked((int)(0x80 | (point >> 12 & 0x3F)), out);
		putc_unlocked((int)(0x80 | (point >> 6 & 0x3F)), out);
		putc_unlocked((int)(0x80 | (point & 0x3F)), out);
	}
}

bool utf8_is_control(uint32_t point)
{
	static const struct {
		uint32_t first, last;
	} ranges[] = {
		{ 0x00, 0x1F },       /* C0 */
		{ 0x7F, 0x9F },       /* DEL and C1 */
		{ 0x061C, 0x061C },   /* Arabic mark of direction */
		{ 0x200B, 0x200F },   /* of no width, joiners, marks of direction */
		{ 0x2028, 0x202E },   /* separators, embeddings and overrides of direction */
		{ 0x2060, 0x2069 },   /* joiner, operators that are not seen, isolates */
		{ 0xFEFF, 0xFEFF },   /* byte order mark, of no width elsewhere */
		{ 0xE0000, 0xE007F }, /* tags, which are not seen */
	};

	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		if (point >= ranges[i].first && point <= ranges[i].last)
			return true;
	}
	return false;
}

void utf8_print(FILE *out, const char *text)
{
	while (text != NULL && *text != '\0') {
		uint32_t point = utf8_next(&text);

		utf8_put(out, utf8_is_control(point) ? '?' : point);
	}
}

void utf8_field(FILE *out, int width, const char *name, const char *text)
{
	if (text == NULL || text[0] == '\0')
		return;
	fprintf(out, "  %-*s ", width, name);
	utf8_print(out, text);
	putc_unlocked('\n', out);
}
