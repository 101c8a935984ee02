/* archive/source_mbox.c: lines at the edges of buffers, and any mbox beside a plain reading of it. */
#include "mbox_support.h"

#include <stdio.h>

/* The octets of a mailbox whose first message is filled up so that rest begins at that place. */
static size_t filled(char *text, size_t place, const char *rest)
{
	memcpy(text, FROM, FROM_LEN);
	memset(text + FROM_LEN, 'x', place - FROM_LEN);
	memcpy(text + place, rest, strlen(rest));
	return place + strlen(rest);
}

static void from_lines_may_lie_at_the_buffer_s_edge(void **state)
{
	static const char *const ends[] = { "\n\n", "\r\n\r\n" };
	char *text = malloc(ROOM_LIST + 10000);

	(void)state;
	for (size_t at = ROOM_LIST - 60; at < ROOM_LIST + 8; at++) {
		for (size_t e = 0; e < 2; e++) {
			char rest[200];
			struct listing l;
			struct mail_source *s;
			size_t len;

			snprintf(rest, sizeof(rest), "%s" FROM "A: b\n\nFrom \nC: d", ends[e]);
			len = filled(text, at, rest);
			s = mbox_listed(&l, text, len);
			assert_int_equal(l.count, 3);
			assert_int_equal(l.items[0].size, at - FROM_LEN + strlen(ends[e]) / 2);
			assert_int_equal(l.items[1].size, 5);
			assert_int_equal(l.items[2].size, 4);
			listing_free(&l);
			mail_source_close(s);
		}
	}
	/* And where what decides about the line is not in sight with it. */
	for (size_t at = ROOM_LIST - 4700; at < ROOM_LIST; at += 41) {
		struct listing l;
		struct mail_source *s;
		size_t len = filled(text, at, "\n\nFrom time to time\n\nFrom ");

		memset(text + len, 'y', 4000);
		memcpy(text + len + 4000, "\nA: b\n", 6);
		s = mbox_listed(&l, text, len + 4006);
		assert_int_equal(l.count, 2);
		assert_int_equal(l.items[1].size, 5);
		listing_free(&l);
		mail_source_close(s);
	}
	free(text);
}

static void quoted_lines_may_lie_at_the_buffer_s_edge(void **state)
{
	static const char *const quoted[] = { "\n>From b\n", "\n>>>>>>>>From ", "\n>>>Frox" };
	static const char *const plain[] = { "\nFrom b\n", "\n>>>>>>>From ", "\n>>>Frox" };
	char *text = malloc(ROOM_READ + 1000), *want = malloc(ROOM_READ + 1000);

	(void)state;
	for (size_t at = FROM_LEN + ROOM_READ - 20; at < FROM_LEN + ROOM_READ + 8; at++) {
		for (size_t q = 0; q < 3; q++) {
			struct listing l;
			struct mail_source *s;
			struct buffer b;
			size_t len = filled(text, at, quoted[q]);

			/* One that is quoted in any case. */
			memcpy(text + len, "\n>From z", 8);
			s = mbox_listed(&l, text, len + 8);
			filled(want, at, plain[q]);
			len = at + strlen(plain[q]);
			memcpy(want + len, "\nFrom z", 7);
			len += 7 - FROM_LEN;
			assert_int_equal(l.count, 1);
			for (size_t step = 1; step < 5000; step = step * 9 + 1) {
				assert_int_equal(
				    content(&b, s, l.items, step > 4096 ? 4096 : step), 0);
				assert_int_equal(b.len, len);
				assert_memory_equal(b.data, want + FROM_LEN, len);
				buffer_free(&b);
			}
			listing_free(&l);
			mail_source_close(s);
		}
	}
	free(want);
	free(text);
}

static void assert_long_line(const char *begin, bool quoted)
{
	size_t arrows = 3 * ROOM_LIST + 5;
	char *text = malloc(2 * arrows + 100);
	struct listing l;
	struct mail_source *s;
	struct buffer b;
	size_t len = FROM_LEN + strlen(begin), cut = quoted ? 1 : 0, last;

	memcpy(text, FROM, FROM_LEN);
	memcpy(text + FROM_LEN, begin, strlen(begin));
	memset(text + len, '>', arrows);
	len += arrows;
	memcpy(text + len, "From b\n", 7);
	len += 7;
	memset(text + len, 'F', arrows);
	len += arrows;
	/* One that is quoted in any case. */
	last = len + 8;
	memcpy(text + len, ">From b\n>From c\n", 16);
	len += 16;
	s = mbox_listed(&l, text, len);
	assert_int_equal(l.count, 1);
	assert_int_equal(l.items[0].quoted, 1 + cut);
	assert_int_equal(content(&b, s, l.items, 4096), 0);
	memmove(text + last, text + last + 1, len - last - 1);
	assert_int_equal(b.len, len - FROM_LEN - 1 - cut);
	assert_memory_equal(b.data, text + FROM_LEN + cut, b.len);
	buffer_free(&b);
	listing_free(&l);
	mail_source_close(s);
	free(text);
}

static void lines_may_be_longer_than_any_buffer(void **state)
{
	(void)state;
	assert_long_line("", true);
	assert_long_line("x", false);
	assert_long_line("x\r", false);
}

/* The plain reference: line by line. */
struct reference {
	char content[4096];
	size_t len;
	size_t count;
};

static bool line_is_empty(const char *line, size_t len)
{
	return (len == 1 && line[0] == '\n') || (len == 2 && memcmp(line, "\r\n", 2) == 0);
}

static size_t line_len(const char *text, size_t len)
{
	const char *end = memchr(text, '\n', len);

	return end == NULL ? len : (size_t)(end - text) + 1;
}

/* Of the lines in the test's vocabulary. */
static bool line_begins(const char *line, size_t left)
{
	size_t len = line_len(line, left), name = len;

	if (len < 5 || memcmp(line, "From ", 5) != 0)
		return false;
	while (name < left && line[name] > ' ' && line[name] != ':')
		name++;
	return memmem(line, len, "1994", 4) != NULL ||
	       (name > len && name < left && line[name] == ':');
}

static void reference_read(struct reference *out, const char *text, size_t len)
{
	size_t empty = 0; /* octets of the line before, where that is empty */

	memset(out, 0, sizeof(*out));
	for (size_t at = 0, n; at < len; at += n) {
		const char *line = text + at;
		size_t arrows = 0;

		n = line_len(line, len - at);
		while (arrows < n && line[arrows] == '>')
			arrows++;
		if (at == 0 || (empty > 0 && line_begins(line, len - at))) {
			/* What lies between is told apart by an octet that no text here has. */
			out->len -= empty;
			out->content[out->len++] = '\x01';
			out->count++;
			empty = 0;
			continue;
		}
		if (arrows > 0 && n - arrows >= 5 && memcmp(line + arrows, "From ", 5) == 0)
			memcpy(out->content + out->len, line + 1, n - 1), out->len += n - 1;
		else
			memcpy(out->content + out->len, line, n), out->len += n;
		empty = line_is_empty(line, n) ? n : 0;
	}
	out->len -= empty;
}

static uint32_t random_next(uint32_t *seed)
{
	*seed = *seed * 1664525U + 1013904223U;
	return *seed >> 16;
}

static void mailboxes_read_as_the_plain_reference_does(void **state)
{
	static const char *const words[] = { "\n", "\n", "\r\n", "\r", FROM, CRLF, "From ",
		"From x\n", ">", ">From ", "\n>>From a\n", "A: b\n", "F", "x", "From", " ",
		"\n\nFrom x\nA: b\n", ("\n\n" FROM) };
	struct reference *want = malloc(sizeof(*want));
	uint32_t seed = 1;

	(void)state;
	for (int turn = 0; turn < 3000; turn++) {
		char text[2000] = FROM;
		size_t len = FROM_LEN;
		size_t count = random_next(&seed) % 25;
		struct buffer all, b;
		struct listing l;
		struct mail_source *s;

		for (size_t i = 0; i < count; i++) {
			const char *word =
			    words[random_next(&seed) % (sizeof(words) / sizeof(words[0]))];

			memcpy(text + len, word, strlen(word));
			len += strlen(word);
		}
		reference_read(want, text, len);
		s = mbox_listed(&l, text, len);
		buffer_init(&all, sizeof(want->content));
		for (size_t i = 0; i < l.count; i++) {
			assert_int_equal(content(&b, s, &l.items[i], 1 + (size_t)turn % 50), 0);
			assert_content(s, &l.items[i], b.data, b.len);
			buffer_add(&all, "\x01", 1);
			buffer_add(&all, b.data, b.len);
			buffer_free(&b);
		}
		if (l.count != want->count || all.len != want->len ||
		    memcmp(all.data, want->content, all.len) != 0)
			fail_msg("turn %d: %.*s", turn, (int)len, text);
		buffer_free(&all);
		listing_free(&l);
		mail_source_close(s);
	}
	free(want);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    from_lines_may_lie_at_the_buffer_s_edge, scratch_enter, scratch_leave),
		cmocka_unit_test_setup_teardown(
		    quoted_lines_may_lie_at_the_buffer_s_edge, scratch_enter, scratch_leave),
		cmocka_unit_test_setup_teardown(
		    lines_may_be_longer_than_any_buffer, scratch_enter, scratch_leave),
		cmocka_unit_test_setup_teardown(
		    mailboxes_read_as_the_plain_reference_does, scratch_enter, scratch_leave),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
