/* What a mail may hold, so that none takes more memory than the rest. */
#include "mail_support.h"

/* Scanning text, which is freed, gives status and words. */
static void assert_scan(struct buffer *text, int status, const char *words)
{
	struct octets o;
	hsmime_source in;
	struct structure s;
	struct error err = { 0 };

	assert_int_equal(text->status, 0);
	octets_open(&in, &o, text->data, text->len);
	assert_int_equal(structure_scan(&s, &in, &err), status);
	assert_int_equal(err.code, status);
	assert_non_null(strstr(err.message, words));
	if (status != 0)
		assert_null(s.parts);
	structure_free(&s);
	buffer_free(text);
}

#define MIXED "Content-Type: multipart/mixed; boundary=b\n\n"

static void start(struct buffer *text, const char *words)
{
	buffer_init(text, MEMORY_MAX);
	buffer_add_string(text, words);
}

static void add_octets(struct buffer *text, size_t len)
{
	unsigned char *at = buffer_extend(text, len);

	assert_non_null(at);
	memset(at, 'x', len);
}

static void add_times(struct buffer *text, int count, const char *words)
{
	for (int i = 0; i < count; i++)
		buffer_add_string(text, words);
}

static void parts_are_bounded(void **state)
{
	struct buffer text;

	(void)state;
	start(&text, MIXED);
	add_times(&text, STRUCTURE_MAX_PARTS - 1, "--b\n\nx\n");
	assert_scan(&text, 0, "");
	start(&text, MIXED);
	add_times(&text, STRUCTURE_MAX_PARTS, "--b\n\nx\n");
	assert_scan(&text, HSMIME_EFORMAT, "more than 10000 parts");
}

static void scan_nested(bool message, int levels, int status, const char *words)
{
	struct buffer text;

	start(&text, "");
	for (int i = 0; i < levels; i++) {
		if (message)
			buffer_add_string(&text, "Content-Type: message/rfc822\n\n");
		else
			buffer_printf(&text,
			    "Content-Type: multipart/mixed; boundary=\"b%d\"\n\n--b%d\n", i, i);
	}
	assert_scan(&text, status, words);
}

static void levels_are_bounded(void **state)
{
	(void)state;
	for (int message = 0; message < 2; message++) {
		scan_nested(message, STRUCTURE_MAX_DEPTH, 0, "");
		scan_nested(message, STRUCTURE_MAX_DEPTH + 1, HSMIME_EFORMAT, "more than 32 deep");
	}
}

static void add_multiparts(struct buffer *text, int count, size_t boundary_len)
{
	start(text, MIXED);
	for (int i = 0; i < count; i++) {
		buffer_add_string(text, "--b\nContent-Type: multipart/mixed; boundary=");
		add_octets(text, boundary_len);
		buffer_add_string(text, "\n\n");
	}
}

static void types_and_boundaries_are_bounded(void **state)
{
	struct buffer text;

	(void)state;
	add_multiparts(&text, 1000, 990);
	assert_scan(&text, 0, "");
	add_multiparts(&text, 1100, 990);
	assert_scan(&text, HSMIME_EFORMAT,
	    "the types and boundaries of the mail's parts are larger than 1048576 octets");
	add_multiparts(&text, STRUCTURE_MAX_PARTS - 1, 60);
	assert_scan(&text, 0, "");
}

static void a_part_is_small_so_that_many_fit_in_memory(void **state)
{
	(void)state;
	assert_true(sizeof(struct part) <= 128);
}

/* Such a part is a fault of the part: the mail is one all the same. */
static void a_part_s_header_is_bounded(void **state)
{
	struct buffer text;

	(void)state;
	start(&text, MIXED "--b\nA: ");
	add_octets(&text, HEADER_MAX);
	buffer_add_string(&text, "\n\nbody\n--b--\n");
	assert_scan(&text, HSMIME_EFORMAT, "part 1: its header is larger than 1048576 octets");
	start(&text, MIXED "--b\n\nx\n--b\n");
	add_times(&text, HEADER_MAX / 11 + 1, "key: value\n");
	assert_scan(&text, HSMIME_EFORMAT, "part 2: its header is larger than 1048576 octets");
}

static void fields_of_a_mail_inside_are_bounded(void **state)
{
	struct buffer text;

	(void)state;
	start(&text, MIXED "--b\nContent-Type: message/rfc822\n\n");
	add_times(&text, HEADER_MAX_FIELDS + 1, "A: b\n");
	assert_scan(&text, HSMIME_EFORMAT, "part 1.1: its header has more than 5000 fields");
}

static void a_nul_deep_in_a_line_is_told_with_its_part(void **state)
{
	struct buffer text;

	(void)state;
	start(&text, MIXED "--b\nA: ");
	add_octets(&text, WINDOW_ROOM);
	buffer_add(&text, "\0\n", 2);
	assert_scan(&text, HSMIME_EFORMAT, "part 1: its header has a NUL");
}

/* Nor does a long header make a mail something else. */
static void the_mail_s_own_header_is_bounded(void **state)
{
	struct buffer text;

	(void)state;
	start(&text, "A: ");
	add_octets(&text, HEADER_MAX);
	assert_scan(&text, HSMIME_EFORMAT, "the mail: its header is larger than 1048576 octets");
	start(&text, "");
	add_times(&text, HEADER_MAX_FIELDS + 1, "A: b\n");
	assert_scan(&text, HSMIME_EFORMAT, "the mail: its header has more than 5000 fields");
}

static void what_is_no_header_makes_it_no_mail(void **state)
{
	struct buffer text;

	(void)state;
	start(&text, "A: b\nno field\n");
	assert_scan(&text, HSMIME_EFORMAT, "not a mail: line 2 of its header is neither a field");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parts_are_bounded),
		cmocka_unit_test(levels_are_bounded),
		cmocka_unit_test(types_and_boundaries_are_bounded),
		cmocka_unit_test(a_part_is_small_so_that_many_fit_in_memory),
		cmocka_unit_test(a_part_s_header_is_bounded),
		cmocka_unit_test(fields_of_a_mail_inside_are_bounded),
		cmocka_unit_test(a_nul_deep_in_a_line_is_told_with_its_part),
		cmocka_unit_test(the_mail_s_own_header_is_bounded),
		cmocka_unit_test(what_is_no_header_makes_it_no_mail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
