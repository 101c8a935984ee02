/* mail/looks_like.h: content is known by its beginning, and random octets are not taken for it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "mail/looks_like.h"

static bool looks(const char *text)
{
	return looks_like_content((const unsigned char *)text, strlen(text));
}

static void entities_begin_so(void **state)
{
	static const char *const table[] = {
		"Content-Type: text/plain\r\n\r\nHello",
		"Content-Type: text/plain\n\nHello",
		"MIME-Version: 1.0\r\nContent-Type: multipart/mixed;\r\n boundary=x\r\n\r\n--x",
		"Content-Type : text/plain\r\n\r\n\x01\x02\xff", /* what is behind may be anything */
		"Subject: gr\xc3\xbc\xc3\x9f\x65\r\nContent-Type: text/plain\r\n\r\n",
		"Content-Type: text/plain", /* and nothing else */
		"Content-Type: text/plain\r",
		"X-A:\r\n\r\n",
		"\r\nan entity without a header",
		"\nthe same\n\tof a sloppy\r\nsender\f",
		"\r\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (!looks(table[i]))
			fail_msg("%s", table[i]);
}

static void other_text_does_not(void **state)
{
	static const char *const table[] = {
		"",
		"Hello",
		"Hello, this is a text: without a header",
		": no name\r\n\r\n",
		"a: too short a name\r\n\r\n",
		"-x: not a letter\r\n\r\n",
		" Content-Type: goes on with nothing\r\n\r\n",
		"Content-Type: text/plain\r\nneither field nor continuation\r\n\r\n",
		"Content-Type: text/plain\x01\r\n\r\n",
		"Content-Type: text/plain\rX: y\r\n\r\n",
		"Content-Type: text/plain\x7f\r\n\r\n",
		"\r\nnot ASCII: \xfc",
		"\r\n\x01",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (looks(table[i]))
			fail_msg("%s", table[i]);
}

static void a_beginning_may_end_anywhere(void **state)
{
	static const char text[] = "Content-Type: multipart/mixed;\r\n boundary=x\r\nX-Long: y\r\n"
				   "\r\n\x01";

	(void)state;
	for (size_t len = strlen("Content-Type:"); len < sizeof(text); len++)
		assert_true(looks_like_content((const unsigned char *)text, len));
	assert_false(looks_like_content((const unsigned char *)text, strlen("Content-Type")));
}

static void a_nul_is_in_no_header(void **state)
{
	static const char text[] = "Content-Type: a\0b\r\n\r\n";

	(void)state;
	assert_false(looks_like_content((const unsigned char *)text, sizeof(text) - 1));
}

#define TYPE(n) "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07" n "\xa0\x80"

static void cms_begins_so(void **state)
{
	static const struct {
		const char *text;
		size_t len;
	} table[] = {
#define ROW(s) { s, sizeof(s) - 1 }
		ROW("\x30\x80" TYPE("\x02")), ROW("\x30\x50" TYPE("\x03")),
		ROW("\x30\x82\x10\x00" TYPE("\x02")),
		ROW("\x30\x88\x00\x00\x00\x01\x00\x00\x00\x00" TYPE("\x02")),
		ROW("\x30\x80\x06\x0b\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01\x17\xa0\x80"),
		ROW("\x30\x82\x10\x00\x02\x01\x01\x31\x0d"), /* SignedData alone */
		ROW("\x30\x80\x02\x01\x00\x30\x0d"),         /* CompressedData */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		unsigned char data[64];

		memcpy(data, table[i].text, table[i].len);
		assert_true(looks_like_content(data, table[i].len));
		/* Cut short, or of another kind, it is none. */
		assert_false(looks_like_content(data, 4));
		data[0] = 0x31;
		assert_false(looks_like_content(data, table[i].len));
		data[0] = 0x30;
		data[1] = 0x89;
		assert_false(looks_like_content(data, table[i].len));
	}
}

static void a_content_info_is_a_sequence_with_a_type(void **state)
{
	static const struct {
		const char *text;
		size_t len;
		bool is;
	} table[] = {
		{ "\x30\x80" TYPE("\x02"), 15, true },
		{ "\x30\x82\x10\x00" TYPE("\x03"), 17, true },
		{ "\x30\x88\x00\x00\x00\x01\x00\x00\x00\x00" TYPE("\x02"), 23, true },
		{ "\x30\x80\x06\x0b\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01\x17\xa0", 16, true },
		{ "\x30\x82\x10\x00\x02\x01\x01\x31\x0d", 9, false }, /* SignedData alone */
		{ "\x30\x82\x03\x00\x30\x82\x02\x00", 8, false },     /* a certificate */
		{ "\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00", 15, false },
		{ "0123456789 numbers", 18, false },
		{ "0", 1, false },
		{ "", 0, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		const unsigned char *data = (const unsigned char *)table[i].text;
		size_t needed = table[i].len;

		if (looks_like_content_info(data, table[i].len) != table[i].is)
			fail_msg("%zu", i);
		while (needed > 0 && looks_like_content_info(data, needed))
			needed--;
		/* Not before the whole beginning of the type is there. */
		assert_true(!table[i].is || (needed >= 11 && needed < LOOKS_LIKE_TYPE));
	}
}

static uint32_t noise(void)
{
	static uint32_t x = 1;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	return x;
}

static unsigned taken_of(unsigned tries, size_t len)
{
	unsigned char data[LOOKS_LIKE_BEGINNING];
	unsigned taken = 0;

	for (unsigned i = 0; i < tries; i++) {
		for (size_t k = 0; k < len; k++)
			data[k] = (unsigned char)(noise() >> 11);
		taken += looks_like_content(data, len);
	}
	return taken;
}

static void random_octets_hardly_ever_begin_so(void **state)
{
	(void)state;
	assert_in_range(taken_of(3000000, 15), 0, 1000);
	assert_int_equal(taken_of(300000, 100), 0);
	assert_int_equal(taken_of(20000, LOOKS_LIKE_BEGINNING), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entities_begin_so),
		cmocka_unit_test(other_text_does_not),
		cmocka_unit_test(a_beginning_may_end_anywhere),
		cmocka_unit_test(a_nul_is_in_no_header),
		cmocka_unit_test(cms_begins_so),
		cmocka_unit_test(a_content_info_is_a_sequence_with_a_type),
		cmocka_unit_test(random_octets_hardly_ever_begin_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
