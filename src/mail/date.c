#include "mail/date.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "util/buffer.h"

struct moment {
	int64_t year;
	int month; /* from 1 */
	int day;
	int hour;
	int minute;
	int second;
	int zone; /* minutes east */
};

/* White space and comments, which may be nested and hold quoted characters. */
static const char *skip(const char *p)
{
	int depth = 0;

	for (; *p != '\0'; p++) {
		if (*p == '(')
			depth++;
		else if (*p == ')' && depth > 0)
			depth--;
		else if (depth > 0 && *p == '\\' && p[1] != '\0')
			p++;
		else if (depth == 0 && *p != ' ' && *p != '\t' && *p != '\r' && *p != '\n')
			break;
	}
	return p;
}

/* One to max digits, and what may stand behind them. */
static bool number(const char **at, int64_t *out, int max, int *digits)
{
	const char *p = *at;
	int n = 0;

	for (*out = 0; n < max && p[n] >= '0' && p[n] <= '9'; n++)
		*out = *out * 10 + (p[n] - '0');
	if (digits != NULL)
		*digits = n;
	if (n == 0 || (p[n] >= '0' && p[n] <= '9'))
		return false;
	*at = skip(p + n);
	return true;
}

static bool small(const char **at, int *out, int max, int min, int limit)
{
	int64_t value = 0;
	bool found = number(at, &value, max, NULL);

	*out = (int)value;
	return found && value >= min && value <= limit;
}

static bool take(const char **at, char c)
{
	if (**at != c)
		return false;
	*at = skip(*at + 1);
	return true;
}

static size_t letters(const char *p)
{
	size_t n = 0;

	while ((p[n] >= 'A' && p[n] <= 'Z') || (p[n] >= 'a' && p[n] <= 'z'))
		n++;
	return n;
}

/* The name of a day says nothing more than the date does. */
static const char *skip_day_name(const char *p)
{
	size_t n = letters(p);

	if (n == 0)
		return p;
	p = skip(p + n);
	return *p == ',' ? skip(p + 1) : p;
}

static bool month(const char **at, int *out)
{
	static const char names[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug",
		"Sep", "Oct", "Nov", "Dec" };
	size_t n = letters(*at);

	for (int i = 0; n >= 3 && i < 12; i++)
		if (strncasecmp(*at, names[i], 3) == 0) {
			*out = i + 1;
			*at = skip(*at + n);
			return true;
		}
	return false;
}

/* RFC 5322 section 4.3. */
static bool year(const char **at, int64_t *out)
{
	int digits = 0;

	if (!number(at, out, 4, &digits) || digits < 2)
		return false;
	if (digits == 2)
		*out += *out < 50 ? 2000 : 1900;
	else if (digits == 3)
		*out += 1900;
	return true;
}

static bool clock(const char **at, struct moment *m)
{
	m->second = 0;
	if (!small(at, &m->hour, 2, 0, 23) || !take(at, ':') || !small(at, &m->minute, 2, 0, 59))
		return false;
	return !take(at, ':') || small(at, &m->second, 2, 0, 60);
}

static int zone_by_name(const char *p, size_t len)
{
	static const struct {
		char name[4];
		int hours;
	} names[] = { { "EDT", -4 }, { "EST", -5 }, { "CDT", -5 }, { "CST", -6 }, { "MDT", -6 },
		{ "MST", -7 }, { "PDT", -7 }, { "PST", -8 } };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (len == 3 && strncasecmp(p, names[i].name, 3) == 0)
			return names[i].hours * 60;
	return 0;
}

static int zone(const char *p)
{
	int sign = *p == '-' ? -1 : 1;
	int64_t value = 0;
	const char *at = p + 1;

	if (*p != '+' && *p != '-')
		return zone_by_name(p, letters(p));
	if (!number(&at, &value, 4, NULL) || value % 100 > 59)
		return 0;
	return sign * (int)(value / 100 * 60 + value % 100);
}

static int days_in(int64_t y, int m)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;

	return days[m - 1] + (m == 2 && leap ? 1 : 0);
}

/* Since 1970, in the Gregorian calendar. The year begins in March, so that the leap day ends it. */
static int64_t days(const struct moment *m)
{
	int64_t y = m->year - (m->month <= 2 ? 1 : 0);
	int64_t of_year = (153 * ((m->month + 9) % 12) + 2) / 5 + m->day - 1;

	return 365 * y + y / 4 - y / 100 + y / 400 + of_year - 719468;
}

bool date_parse(int64_t *out, const char *body)
{
	struct moment m;
	const char *at = skip_day_name(skip(body));

	if (!small(&at, &m.day, 2, 1, 31) || !month(&at, &m.month) || !year(&at, &m.year) ||
	    !clock(&at, &m) || m.day > days_in(m.year, m.month))
		return false;
	m.zone = zone(at);
	*out = ((days(&m) * 24 + m.hour) * 60 + m.minute - m.zone) * 60 + m.second;
	return true;
}

int date_of(bool *has, int64_t *out, const struct header *h)
{
	const struct header_field *field = header_find(h, "Date", 0);
	struct buffer body;
	int status;

	*has = false;
	if (field == NULL)
		return 0;
	buffer_init(&body, HEADER_MAX + 1);
	status = header_body(&body, field);
	if (status == 0)
		status = buffer_add(&body, "", 1);
	if (status == 0)
		*has = date_parse(out, (const char *)body.data);
	buffer_free(&body);
	return status;
}
