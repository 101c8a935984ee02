#include "archive/mbox_from.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define TOKENS 12 /* behind the weekday are at most six that matter */

struct token {
	const unsigned char *text;
	size_t len;
};

static int index_of(const char *names, const struct token *t)
{
	for (int i = 0; t->len == 3 && names[3 * i] != '\0'; i++) {
		if (strncasecmp(names + 3 * (size_t)i, (const char *)t->text, 3) == 0)
			return i;
	}
	return -1;
}

static bool is_weekday(const struct token *t)
{
	return index_of("SunMonTueWedThuFriSat", t) >= 0;
}

static bool month(int *out, const struct token *t)
{
	*out = index_of("JanFebMarAprMayJunJulAugSepOctNovDec", t);
	return *out >= 0;
}

/* A number of min to max digits that is at most limit. */
static bool number(
    int *out, const unsigned char *text, size_t len, size_t min, size_t max, int limit)
{
	*out = 0;
	if (len < min || len > max)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (!isdigit(text[i]))
			return false;
		*out = *out * 10 + text[i] - '0';
	}
	return *out <= limit;
}

static bool day(int *out, const struct token *t)
{
	return number(out, t->text, t->len, 1, 2, 31) && *out > 0;
}

/* No year before 1970, and none that nanoseconds do not reach. */
static bool year(int *out, const struct token *t)
{
	bool is = number(out, t->text, t->len, 4, 4, 2200) && *out >= 1970;

	*out -= 1900;
	return is;
}

static bool hours(struct tm *tm, const struct token *t)
{
	const unsigned char *s = t->text;

	if ((t->len != 5 && t->len != 8) || s[2] != ':' || (t->len == 8 && s[5] != ':'))
		return false;
	tm->tm_sec = 0;
	return number(&tm->tm_hour, s, 2, 2, 2, 23) && number(&tm->tm_min, s + 3, 2, 2, 2, 59) &&
	       (t->len == 5 || number(&tm->tm_sec, s + 6, 2, 2, 2, 60));
}

/* "+0200", "(+0200)": seconds east of Greenwich; 0 of anything else. */
static long zone(const struct token *t)
{
	const unsigned char *s = t->text;
	size_t len = t->len;
	int h, m;

	if (len == 7 && s[0] == '(' && s[6] == ')') {
		s++;
		len = 5;
	}
	if (len != 5 || (s[0] != '+' && s[0] != '-') || !number(&h, s + 1, 2, 2, 2, 23) ||
	    !number(&m, s + 3, 2, 2, 2, 59))
		return 0;
	return (s[0] == '-' ? -60L : 60L) * (60 * h + m);
}

/* t: behind the weekday, n tokens: "Jul 1 09:13:09 [zone] 1994 [zone]" or "1 Jul 1994 09:13:09 [zone]". */
static bool date(struct tm *tm, long *east, const struct token *t, size_t n)
{
	bool is = false;

	*east = 0;
	if (n < 4)
		return false;
	if (month(&tm->tm_mon, &t[0]) && day(&tm->tm_mday, &t[1]) && hours(tm, &t[2])) {
		for (size_t i = 3; i < n && i < 6 && !is; i++)
			is = year(&tm->tm_year, &t[i]);
	} else {
		is = day(&tm->tm_mday, &t[0]) && month(&tm->tm_mon, &t[1]) &&
		     year(&tm->tm_year, &t[2]) && hours(tm, &t[3]);
	}
	for (size_t i = 3; i < n && *east == 0; i++)
		*east = zone(&t[i]);
	return is;
}

static bool separates(unsigned char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == ',';
}

static size_t split(struct token *tokens, const unsigned char *data, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len;) {
		size_t from = i;

		while (i < len && !separates(data[i]))
			i++;
		if (i > from) {
			/* The last ones: a sender may have blanks. */
			if (n == TOKENS)
				memmove(tokens, tokens + 1, --n * sizeof(*tokens));
			tokens[n++] = (struct token){ data + from, i - from };
		}
		i += i < len;
	}
	return n;
}

/* Whether the line says a time. */
static bool says_time(int64_t *modified, const unsigned char *data, size_t len)
{
	struct token tokens[TOKENS];
	size_t n = split(tokens, data + 5, len - 5);
	struct tm tm = { 0 };
	long east;

	for (size_t i = 0; i < n; i++) {
		if (!is_weekday(&tokens[i]) || !date(&tm, &east, tokens + i + 1, n - i - 1))
			continue;
		*modified = ((int64_t)timegm(&tm) - east) * 1000000000;
		return true;
	}
	return false;
}

/* "Name:", but no "https://". */
static bool is_field(const unsigned char *data, size_t len)
{
	size_t i = 0;

	while (i < len && data[i] > 0x20 && data[i] < 0x7f && data[i] != ':')
		i++;
	return i > 0 && i < len && data[i] == ':' &&
	       (len - i < 3 || memcmp(data + i, "://", 3) != 0);
}

bool mbox_from_read(struct mbox_from *out, const unsigned char *data, size_t ahead, bool first)
{
	size_t most = ahead < MBOX_FROM_MAX ? ahead : MBOX_FROM_MAX;
	const unsigned char *end = memchr(data, '\n', most);

	*out = (struct mbox_from){ 0 };
	if (most < 5 || memcmp(data, "From ", 5) != 0 || (end == NULL && most < ahead))
		return false;
	out->len = end == NULL ? most : (size_t)(end - data) + 1;
	return says_time(&out->modified, data, out->len) || first ||
	       is_field(data + out->len, ahead - out->len);
}
