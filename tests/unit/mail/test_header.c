/* Header blocks: RFC 5322 section 2.2. */
#include "mail_support.h"

/* Read octets as a header; what is left in the source comes to rest, which may be NULL. */
static int read_octets(
    struct header *h, const void *data, size_t len, size_t step, struct buffer *rest)
{
	struct octets o;
	hsmime_source in, left;
	hsmime_sink sink;
	struct window w;
	struct error err = { 0 };
	int status;

	octets_open(&in, &o, data, len);
	o.step = step;
	assert_int_equal(window_open(&w, &in, WINDOW_ROOM), 0);
	status = header_read(h, &w, &err);
	assert_int_equal(status, err.code);
	if (status == 0 && rest != NULL) {
		window_source(&left, &w);
		sink_buffer(&sink, rest);
		assert_int_equal(source_copy(&sink, &left), 0);
	}
	window_close(&w);
	return status;
}

static int read_string(struct header *h, const char *text)
{
	return read_octets(h, text, strlen(text), 0, NULL);
}

static void assert_refused(const void *data, size_t len)
{
	struct header h;

	memset(&h, 0xff, sizeof(h));
	assert_int_equal(read_octets(&h, data, len, 0, NULL), HSMIME_EFORMAT);
	assert_null(h.fields);
	assert_null(h.octets.data);
	assert_int_equal(h.count, 0);
}

static void assert_body(const char *text, const char *name, size_t nth, const char *expected)
{
	struct header h;
	struct buffer body;
	const struct header_field *field;

	header_of(&h, text);
	field = header_find(&h, name, nth);
	assert_non_null(field);
	buffer_init(&body, HEADER_MAX);
	assert_int_equal(header_body(&body, field), 0);
	assert_text(&body, expected);
	buffer_free(&body);
	header_free(&h);
}

static void fields_are_kept_as_they_came(void **state)
{
	static const char text[] = "Subject: a\r\n b\r\nX-Y :c\r\n\r\nbody\r\n";
	struct header h;
	struct buffer rest;

	(void)state;
	for (size_t step = 0; step < 4; step++) {
		buffer_init(&rest, MEMORY_MAX);
		assert_int_equal(read_octets(&h, text, strlen(text), step, &rest), 0);
		assert_int_equal(h.count, 2);
		assert_int_equal(h.fields[0].raw_len, strlen("Subject: a\r\n b\r\n"));
		assert_int_equal(h.fields[0].name_len, strlen("Subject"));
		assert_int_equal(h.fields[1].name_len, strlen("X-Y"));
		assert_memory_equal(h.fields[1].raw, "X-Y :c\r\n", 8);
		assert_true(h.crlf && h.has_empty_line);
		assert_text(&rest, "body\r\n");
		header_free(&h);
		buffer_free(&rest);
	}
}

static void line_endings_are_told_by_the_first_line(void **state)
{
	struct header h;

	(void)state;
	header_of(&h, "A: b\nC: d\r\n\n");
	assert_false(h.crlf);
	header_free(&h);
	header_of(&h, "A: b\r\nC: d\n\n");
	assert_true(h.crlf);
	header_free(&h);
}

static void unfolding_leaves_the_white_space(void **state)
{
	(void)state;
	assert_body("A: one\r\n two\n\tthree \r\n\r\n", "A", 0, "one two\tthree");
	assert_body("A:\r\n one\n\n", "A", 0, "one");
	assert_body("A:\n\n", "A", 0, "");
	assert_body("A \t: b\n\n", "A", 0, "b");
	assert_body("A: b: c\n\n", "a", 0, "b: c");
	assert_body("A: b\n \n c\n\n", "A", 0, "b  c");
	assert_body("A: b", "A", 0, "b");
}

static void the_nth_field_is_found_whatever_its_case(void **state)
{
	struct header h;

	(void)state;
	assert_body("A: 1\nB: 2\na: 3\n\n", "A", 1, "3");
	header_of(&h, "A: 1\nAB: 2\n\n");
	assert_null(header_find(&h, "A", 1));
	assert_null(header_find(&h, "B", 0));
	assert_null(header_find(&h, "", 0));
	header_free(&h);
}

static void fields_are_counted_whatever_their_case(void **state)
{
	struct header h;

	(void)state;
	header_of(&h, "From: a\nfrom : b\nFROM:c\nFroms: d\nX-From: e\n\n");
	assert_int_equal(header_count(&h, "From"), 3);
	assert_int_equal(header_count(&h, "To"), 0);
	header_free(&h);
}

static void a_header_may_be_all_there_is(void **state)
{
	struct header h;

	(void)state;
	header_of(&h, "A: b\n");
	assert_false(h.has_empty_line);
	assert_int_equal(h.count, 1);
	header_free(&h);
	header_of(&h, "\nbody");
	assert_true(h.has_empty_line);
	assert_int_equal(h.count, 0);
	header_free(&h);
}

static void a_first_line_of_an_mbox_or_of_http_is_no_field(void **state)
{
	static const char *const lines[] = { "From a@x Mon Jan  1 00:00:00 2024\n",
		"POST /as2 HTTP/1.1\r\n" };

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		char text[200];
		struct header h;

		snprintf(text, sizeof(text), "%sA: b\n\n", lines[i]);
		header_of(&h, text);
		assert_int_equal(h.mbox_len, strlen(lines[i]));
		assert_int_equal(h.count, 1);
		assert_memory_equal(h.fields[0].raw, "A: b\n", 5);
		header_free(&h);
		snprintf(text, sizeof(text), "A: b\n%s\n", lines[i]);
		assert_refused(text, strlen(text));
	}
}

static void what_is_no_mail_is_refused(void **state)
{
	static const char *const texts[] = { "", " A: b\n\n", "\tA: b\n\n", "no field\n\n",
		"A: b\nno field\n\n", ": b\n\n", "A b: c\n\n", "A\xc3\xa4: b\n\n",
		"From a@x\n A\n\n", "POST / HTTP\n\n", "\xef\xbb\xbf\x41: b\n\n" };

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_refused(texts[i], strlen(texts[i]));
}

static void a_nul_is_refused_wherever_it_is(void **state)
{
	static const char text[] = "Subject: a\n b\n\n";

	(void)state;
	for (size_t at = 0; at + 1 < strlen(text); at++) {
		char copy[sizeof(text)];

		memcpy(copy, text, sizeof(copy));
		copy[at] = '\0';
		assert_refused(copy, strlen(text));
	}
}

static void a_nul_far_behind_in_a_long_line_is_refused(void **state)
{
	size_t len = (size_t)WINDOW_ROOM * 2;
	char *text = malloc(len);

	(void)state;
	assert_non_null(text);
	memset(text, 'x', len);
	memcpy(text, "A: ", 3);
	text[WINDOW_ROOM + 10] = '\0';
	assert_refused(text, len);
	free(text);
}

/* Else the body would be taken for header, and leave unencrypted. */
static void lines_that_end_with_cr_alone_are_refused(void **state)
{
	static const char text[] = "Subject: a\rTo: b@x\r\rsecret\r";

	(void)state;
	assert_refused(text, strlen(text));
}

static void read_filled(struct buffer *text, const char *start, size_t size, int expected)
{
	struct header h;

	buffer_init(text, MEMORY_MAX);
	buffer_add_string(text, start);
	memset(buffer_extend(text, size - text->len), 'x', size - text->len);
	text->data[size - 1] = text->data[size - 2] = '\n';
	assert_int_equal(read_octets(&h, text->data, text->len, 0, NULL), expected);
	if (expected == 0) {
		assert_int_equal(h.octets.len, size);
		header_free(&h);
	}
	buffer_free(text);
}

static void a_block_is_bounded(void **state)
{
	struct buffer text;

	(void)state;
	read_filled(&text, "A: ", HEADER_MAX, 0);
	read_filled(&text, "A: ", HEADER_MAX + 1, HSMIME_EFORMAT);
	read_filled(&text, "A: b\nC: ", HEADER_MAX, 0);
}

static void fields_are_bounded(void **state)
{
	struct buffer text;
	struct header h;

	(void)state;
	buffer_init(&text, MEMORY_MAX);
	for (int i = 0; i < HEADER_MAX_FIELDS; i++)
		buffer_add_string(&text, "A: b\n");
	assert_int_equal(read_string(&h, buffer_string(&text)), 0);
	assert_int_equal(h.count, HEADER_MAX_FIELDS);
	header_free(&h);
	buffer_add_string(&text, "A: b\n");
	assert_refused(text.data, text.len);
	buffer_free(&text);
}

static void a_failing_source_gives_its_status_at_every_offset(void **state)
{
	static const char text[] = "Subject: a\r\n b\r\nX: c\r\n\r\n";

	(void)state;
	for (size_t at = 0; at < strlen(text); at++) {
		struct octets o;
		hsmime_source in;
		struct window w;
		struct header h;
		struct error err = { 0 };

		octets_string(&in, &o, text);
		o.fail_at = at;
		assert_int_equal(window_open(&w, &in, WINDOW_ROOM), 0);
		assert_int_equal(header_read(&h, &w, &err), HSMIME_EIO);
		assert_int_equal(err.code, HSMIME_EIO);
		assert_null(h.fields);
		window_close(&w);
	}
}

static void a_truncated_header_is_what_came_or_no_mail(void **state)
{
	static const char text[] = "Subject: a\r\n b\r\nX: c\r\n\r\n";

	(void)state;
	for (size_t len = 0; len < strlen(text); len++) {
		struct header h;
		int status = read_octets(&h, text, len, 1, NULL);

		/* A name without its colon is no field, and a CR ends no line. */
		assert_int_equal(
		    status, len < 8 || len == 17 || text[len - 1] == '\r' ? HSMIME_EFORMAT : 0);
		if (status == 0) {
			assert_int_equal(h.octets.len, len);
			assert_false(h.has_empty_line);
			header_free(&h);
		}
	}
}

static void content_fields_are_told_from_outer_ones(void **state)
{
	struct header h;

	(void)state;
	header_of(&h, "MIME-version: 1.0\ncontent-type: a/b\nContent-X: c\nX-Content-Type: d\n"
		      "Contents: e\nMIME-Versions: 2\n\n");
	for (size_t i = 0; i < h.count; i++)
		assert_int_equal(header_is_content(&h.fields[i]), i < 3);
	header_free(&h);
}

static void assert_written(
    const char *text, enum header_part part, bool drop_bcc, const char *expected)
{
	struct header h;
	struct buffer out;
	hsmime_sink sink;

	header_of(&h, text);
	buffer_init(&out, MEMORY_MAX);
	sink_buffer(&sink, &out);
	assert_int_equal(header_write(&h, part, drop_bcc, &sink), 0);
	assert_text(&out, expected);
	buffer_free(&out);
	header_free(&h);
}

static void outer_fields_are_written_byte_for_byte_and_in_order(void **state)
{
	static const char text[] =
	    "Received: x\r\n\ty\r\nMIME-Version: 1.0\r\nFrom :a@x\r\n"
	    "Content-Type: text/plain;\r\n charset=x\r\nsUBJECT:  \xc3\xa4 \n"
	    "X-Empty:\r\nX-Empty:\r\n\r\n";

	(void)state;
	assert_written(text, HEADER_OUTER, false,
	    "Received: x\r\n\ty\r\nFrom :a@x\r\nsUBJECT:  \xc3\xa4 \nX-Empty:\r\nX-Empty:\r\n");
	assert_written(text, HEADER_CONTENT, false, "Content-Type: text/plain;\r\n charset=x\r\n");
}

static void bcc_is_dropped_where_that_is_asked_for(void **state)
{
	static const char text[] = "To: a@x\nBcc: b@x,\n c@x\nbcc : d@x\nResent-Bcc: e@x\n"
				   "X-Bcc: f@x\n\n";

	(void)state;
	assert_written(text, HEADER_OUTER, true, "To: a@x\nX-Bcc: f@x\n");
	assert_written(text, HEADER_OUTER, false,
	    "To: a@x\nBcc: b@x,\n c@x\nbcc : d@x\nResent-Bcc: e@x\nX-Bcc: f@x\n");
}

static void a_last_field_without_an_ending_gets_one(void **state)
{
	(void)state;
	assert_written("A: b\nC: d", HEADER_OUTER, false, "A: b\nC: d\n");
	assert_written("A: b\r\nC: d", HEADER_OUTER, false, "A: b\r\nC: d\r\n");
}

static void an_mbox_line_is_not_written(void **state)
{
	(void)state;
	assert_written("From a@x Mon\nA: b\n\n", HEADER_OUTER, false, "A: b\n");
}

static void a_failing_sink_gives_its_status_at_every_offset(void **state)
{
	struct header h;

	(void)state;
	header_of(&h, "A: b\nC: d");
	for (size_t room = 0; room <= 10; room++) {
		struct short_sink s;
		hsmime_sink sink;

		short_sink_open(&sink, &s, room);
		assert_int_equal(
		    header_write(&h, HEADER_OUTER, false, &sink), room < 10 ? HSMIME_EIO : 0);
		buffer_free(&s.got);
	}
	header_free(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_are_kept_as_they_came),
		cmocka_unit_test(line_endings_are_told_by_the_first_line),
		cmocka_unit_test(unfolding_leaves_the_white_space),
		cmocka_unit_test(the_nth_field_is_found_whatever_its_case),
		cmocka_unit_test(fields_are_counted_whatever_their_case),
		cmocka_unit_test(a_header_may_be_all_there_is),
		cmocka_unit_test(a_first_line_of_an_mbox_or_of_http_is_no_field),
		cmocka_unit_test(what_is_no_mail_is_refused),
		cmocka_unit_test(a_nul_is_refused_wherever_it_is),
		cmocka_unit_test(a_nul_far_behind_in_a_long_line_is_refused),
		cmocka_unit_test(lines_that_end_with_cr_alone_are_refused),
		cmocka_unit_test(a_block_is_bounded),
		cmocka_unit_test(fields_are_bounded),
		cmocka_unit_test(a_failing_source_gives_its_status_at_every_offset),
		cmocka_unit_test(a_truncated_header_is_what_came_or_no_mail),
		cmocka_unit_test(content_fields_are_told_from_outer_ones),
		cmocka_unit_test(outer_fields_are_written_byte_for_byte_and_in_order),
		cmocka_unit_test(bcc_is_dropped_where_that_is_asked_for),
		cmocka_unit_test(a_last_field_without_an_ending_gets_one),
		cmocka_unit_test(an_mbox_line_is_not_written),
		cmocka_unit_test(a_failing_sink_gives_its_status_at_every_offset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
