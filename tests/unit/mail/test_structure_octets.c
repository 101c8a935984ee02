/* What the scanner notes of a part's octets, and its bounds. */
#include "mail_support.h"

#include "mail/line.h"

/* Whether each of the marks is set on the only part of a mail with that body. */
static void assert_marks(const void *body, size_t len, const char *marks, size_t step)
{
	static const char header[] = "A: 1\n\n";
	struct buffer text;
	struct octets o;
	hsmime_source in;
	struct structure s;
	struct error err = { 0 };
	const struct part *p;

	buffer_init(&text, MEMORY_MAX);
	buffer_add_string(&text, header);
	buffer_add(&text, body, len);
	octets_open(&in, &o, text.data, text.len);
	o.step = step;
	assert_int_equal(structure_scan(&s, &in, &err), 0);
	p = &s.parts[0];
	assert_int_equal(p->eight_bit, strchr(marks, '8') != NULL);
	assert_int_equal(p->nul, strchr(marks, '0') != NULL);
	assert_int_equal(p->bare_cr, strchr(marks, 'r') != NULL);
	assert_int_equal(p->long_line, strchr(marks, 'l') != NULL);
	assert_int_equal(p->from_line, strchr(marks, 'F') != NULL);
	structure_free(&s);
	buffer_free(&text);
}

#define MARKS(body, marks)                                                                         \
	do {                                                                                       \
		assert_marks(body, sizeof(body) - 1, marks, 0);                                    \
		assert_marks(body, sizeof(body) - 1, marks, 1);                                    \
	} while (0)

static void ordinary_text_has_no_marks(void **state)
{
	(void)state;
	MARKS("", "");
	MARKS("one\r\ntwo \t\n\n.\n--\n\x7f\x01", "");
}

static void each_kind_of_octet_leaves_its_mark(void **state)
{
	(void)state;
	MARKS("a\x80\n", "8");
	MARKS("a\0b\n", "0");
	MARKS("a\rb\n", "r");
	MARKS("a\r\r\n", "r");
	MARKS("a\n\r", "r");
	MARKS("\xff\0\r.", "80r");
}

static void a_from_line_starts_with_from_and_a_space(void **state)
{
	(void)state;
	MARKS("From here\n", "F");
	MARKS("x\r\nFrom \r\n", "F");
	MARKS("From\n", "");
	MARKS("from here\n", "");
	MARKS(">From here\n From here\n", "");
	MARKS("x From here\n", "");
}

static void assert_line_of(size_t len, const char *ending, const char *marks)
{
	char *body = malloc(len + 3);

	assert_non_null(body);
	memset(body, 'x', len);
	memcpy(body + len, ending, strlen(ending));
	assert_marks(body, len + strlen(ending), marks, 0);
	assert_marks(body, len + strlen(ending), marks, 7);
	free(body);
}

static void a_line_over_998_octets_is_long(void **state)
{
	(void)state;
	assert_line_of(998, "\n", "");
	assert_line_of(998, "\r\n", "");
	assert_line_of(998, "", "");
	assert_line_of(999, "\n", "l");
	assert_line_of(999, "\r\n", "l");
	assert_line_of(999, "", "l");
}

/* Around the size of the window, where a CR may stand at the seam. */
static void a_line_longer_than_the_window_is_read_in_pieces(void **state)
{
	(void)state;
	for (size_t len = WINDOW_ROOM - 10; len <= WINDOW_ROOM + 2; len++) {
		assert_line_of(len, "\r\n", "l");
		assert_line_of(len, "\n", "l");
	}
	assert_line_of((size_t)WINDOW_ROOM * 3, "\r\n", "l");
	assert_line_of(WINDOW_ROOM, "", "l");
	assert_line_of(WINDOW_ROOM - strlen("A: 1\n\n"), "", "l");
}

static void from_behind_the_seam_of_a_long_line_starts_no_line(void **state)
{
	char *body = malloc(WINDOW_ROOM * 2);

	(void)state;
	assert_non_null(body);
	memset(body, 'x', WINDOW_ROOM * 2);
	for (size_t i = WINDOW_ROOM - 20; i < WINDOW_ROOM + 20; i += 5)
		memcpy(body + i, "From ", 5);
	assert_marks(body, WINDOW_ROOM * 2, "l", 0);
	free(body);
}

static void marks_belong_to_the_part_they_are_in(void **state)
{
	static const char text[] = "Content-Type: multipart/mixed; boundary=b\n\npre\x80\n"
				   "--b\n\none\n--b\nA: \x80\n\nFrom \n--b--\nepi\rlogue\n";
	struct structure s;

	(void)state;
	scan_string(&s, text);
	assert_true(s.parts[0].eight_bit && s.parts[0].bare_cr && !s.parts[0].from_line);
	assert_false(s.parts[1].eight_bit || s.parts[1].bare_cr || s.parts[1].from_line);
	assert_true(s.parts[2].from_line && !s.parts[2].eight_bit);
	structure_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ordinary_text_has_no_marks),
		cmocka_unit_test(each_kind_of_octet_leaves_its_mark),
		cmocka_unit_test(a_from_line_starts_with_from_and_a_space),
		cmocka_unit_test(a_line_over_998_octets_is_long),
		cmocka_unit_test(a_line_longer_than_the_window_is_read_in_pieces),
		cmocka_unit_test(from_behind_the_seam_of_a_long_line_starts_no_line),
		cmocka_unit_test(marks_belong_to_the_part_they_are_in),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
