/* Dates of mail headers against the Unix time that they mean. */
#include "mail_support.h"

#include "mail/date.h"

static void is(const char *body, int64_t expected)
{
	int64_t got = -1;

	if (!date_parse(&got, body) || got != expected)
		fail_msg(
		    "\"%s\" gives %lld instead of %lld", body, (long long)got, (long long)expected);
}

static void is_none(const char *body)
{
	int64_t got = -1;

	if (date_parse(&got, body))
		fail_msg("\"%s\" gives %lld", body, (long long)got);
}

/* Expected values by date(1). */
static void what_rfc_5322_has_is_understood(void **state)
{
	(void)state;
	is("Fri, 21 Nov 1997 09:55:06 -0600", 880127706);
	is("Tue, 1 Jul 2003 10:52:37 +0200", 1057049557);
	is("Thu, 13 Feb 1969 23:32 -0330", -27723480);
	is("Thu,\r\n      13\r\n        Feb\r\n          1969\r\n      23:32\r\n -0330 "
	   "(Newfoundland Time)",
	    -27723480);
	is("1 Jan 1970 00:00:00 +0000", 0);
	is("Thu, 29 Feb 2024 23:59:60 +0000", 1709251200);
	is("Wed, 1 Mar 2000 00:00:00 -0000", 951868800);
	is("31 Dec 9999 23:59:59 +0000", 253402300799);
}

static void obsolete_forms_are_understood(void **state)
{
	(void)state;
	is("21 Nov 97 09:55:06 GMT", 880106106);
	is("21 Nov 49 00:00 UT", 2521065600);
	is("21 Nov 103 00:00 UT", 1069372800);
	is("Fri, 21 Nov 1997 09(comment):   55  :  06 -0600", 880127706);
	is("(a (nested \\) comment)) Fri , 21 (x) Nov 1997 09:55:06 -0600", 880127706);
	is("21 Nov 1997 09:55:06 PST", 880134906);
	is("21 Nov 1997 09:55:06 edt", 880120506);
	is("21 Nov 1997 09:55:06 Z", 880106106);
	is("21 Nov 1997 09:55:06 NOWHERE", 880106106);
	is("21 Nov 1997 09:55:06", 880106106);
	is("friday, 21 november 1997 09:55:06 -0600", 880127706);
}

static void what_is_no_date_is_none(void **state)
{
	static const char *const bodies[] = { "", " ", "yesterday", "Fri, Nov 21 1997", "21 Nov",
		"31 Feb 2020 00:00 +0000", "29 Feb 2023 00:00 +0000", "29 Feb 1900 00:00 +0000",
		"0 Nov 1997 00:00 +0000", "32 Nov 1997 00:00 +0000", "21 Nox 1997 00:00 +0000",
		"21 Nov 1 00:00", "21 Nov 10000 00:00 +0000", "21 Nov 1997 24:00 +0000",
		"21 Nov 1997 23:60 +0000", "21 Nov 1997 23:59:61 +0000", "21 Nov 1997 23",
		"999999999999 Nov 1997 00:00", "(Fri, 21 Nov 1997 09:55:06 -0600" };

	(void)state;
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
		is_none(bodies[i]);
}

/* Each day of five centuries follows the one before. */
static void every_day_is_one_day_later(void **state)
{
	static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	int64_t before = INT64_MIN;
	char body[64];

	(void)state;
	for (int y = 1900; y < 2400; y++)
		for (int m = 0; m < 12; m++)
			for (int d = 1; d <= 31; d++) {
				int64_t now;

				snprintf(body, sizeof(body), "%d %.3s %d 00:00 +0000", d,
				    names + 3 * (ptrdiff_t)m, y);
				if (!date_parse(&now, body))
					continue;
				if (before != INT64_MIN)
					assert_int_equal(now - before, 86400);
				before = now;
			}
	assert_int_equal(before, 13569379200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_rfc_5322_has_is_understood),
		cmocka_unit_test(obsolete_forms_are_understood),
		cmocka_unit_test(what_is_no_date_is_none),
		cmocka_unit_test(every_day_is_one_day_later),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
