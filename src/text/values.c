#include "text/values.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <hsmime/result.h>

/* width digits at *text, which is moved behind them; -1 where there are other characters. */
static int digits(const char **text, int width)
{
	int value = 0;

	for (; width > 0; width--, (*text)++) {
		if (!isdigit((unsigned char)**text))
			return -1;
		value = value * 10 + (**text - '0');
	}
	return value;
}

static bool skip(const char **text, const char *one_of)
{
	if (**text == '\0' || strchr(one_of, **text) == NULL)
		return false;
	*text += 1;
	return true;
}

/* timegm moves a date that is none, such as 30 February, to another day. */
static bool is_date(struct tm tm)
{
	int month = tm.tm_mon;
	int day = tm.tm_mday;

	timegm(&tm);
	return tm.tm_mon == month && tm.tm_mday == day;
}

static bool date_parse(struct tm *tm, const char **text)
{
	int year = digits(text, 4);
	int month = skip(text, "-") ? digits(text, 2) : -1;
	int day = skip(text, "-") ? digits(text, 2) : -1;

	tm->tm_year = year - 1900;
	tm->tm_mon = month - 1;
	tm->tm_mday = day;
	return year >= 0 && month >= 1 && day >= 1 && is_date(*tm);
}

static bool clock_parse(struct tm *tm, const char **text)
{
	tm->tm_hour = digits(text, 2);
	tm->tm_min = skip(text, ":") ? digits(text, 2) : -1;
	tm->tm_sec = skip(text, ":") ? digits(text, 2) : -1;
	if (skip(text, ".")) {
		if (digits(text, 1) < 0)
			return false;
		*text += strspn(*text, "0123456789");
	}
	return tm->tm_hour >= 0 && tm->tm_hour < 24 && tm->tm_min >= 0 && tm->tm_min < 60 &&
	       tm->tm_sec >= 0 && tm->tm_sec <= 60;
}

/* Seconds east of UTC. */
static bool offset_parse(int *offset, const char **text)
{
	int sign = **text == '-' ? -1 : 1;
	int hours, minutes;

	*offset = 0;
	if (skip(text, "Zz"))
		return true;
	if (!skip(text, "+-"))
		return false;
	hours = digits(text, 2);
	minutes = skip(text, ":") ? digits(text, 2) : -1;
	*offset = sign * (hours * 60 + minutes) * 60;
	return hours >= 0 && hours < 24 && minutes >= 0 && minutes < 60;
}

static bool number_parse(int64_t *value, const char *text)
{
	char *end;

	errno = 0;
	*value = strtoll(text, &end, 10);
	return errno == 0 && *end == '\0' && isdigit((unsigned char)end[-1]) &&
	       *value != HSMIME_NO_TIME;
}

bool time_parse(int64_t *value, const char *text)
{
	struct tm tm = { 0 };
	int offset = 0;

	if (text[0] == '@')
		return number_parse(value, text + 1);
	if (!date_parse(&tm, &text))
		return false;
	if (*text != '\0' &&
	    (!skip(&text, "Tt ") || !clock_parse(&tm, &text) || !offset_parse(&offset, &text)))
		return false;
	*value = (int64_t)timegm(&tm) - offset;
	return *text == '\0';
}

bool time_text(char text[TIME_TEXT_SIZE], int64_t value)
{
	time_t t = (time_t)value;
	struct tm tm;

	text[0] = '\0';
	/* RFC 3339 has years of four digits, and strftime fills none up. */
	if (value == HSMIME_NO_TIME || gmtime_r(&t, &tm) == NULL || tm.tm_year < -1900 ||
	    tm.tm_year > 9999 - 1900)
		return false;
	snprintf(text, TIME_TEXT_SIZE, "%04u", (unsigned)(tm.tm_year + 1900) % 10000);
	return strftime(text + 4, TIME_TEXT_SIZE - 4, "-%m-%dT%H:%M:%SZ", &tm) > 0;
}

bool size_parse(uint64_t *value, const char *text)
{
	static const char units[] = "KMGT";
	unsigned long long number;
	unsigned shift = 0;
	const char *unit;
	char *end;

	if (!isdigit((unsigned char)text[0]))
		return false;
	errno = 0;
	number = strtoull(text, &end, 10);
	if (errno != 0 || number == 0)
		return false;
	if (*end != '\0') {
		unit = strchr(units, toupper((unsigned char)*end));
		if (unit == NULL || end[1] != '\0')
			return false;
		shift = 10 * (unsigned)(unit - units + 1);
	}
	*value = (uint64_t)number << shift;
	return *value >> shift == number;
}

bool count_parse(uint64_t *value, const char *text)
{
	char *end;

	if (!isdigit((unsigned char)text[0]))
		return false;
	errno = 0;
	*value = strtoull(text, &end, 10);
	return errno == 0 && *end == '\0' && *value != 0;
}

bool seconds_parse(unsigned *value, const char *text)
{
	const unsigned long year = 366UL * 24 * 60 * 60;
	unsigned long number;
	char *end;

	if (!isdigit((unsigned char)text[0]))
		return false;
	errno = 0;
	number = strtoul(text, &end, 10);
	*value = (unsigned)number;
	return errno == 0 && *end == '\0' && number <= year;
}
