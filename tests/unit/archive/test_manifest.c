/* Lines of a manifest: what a job writes is read as it was, and anything else is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "archive/manifest.h"
#include "archive/record.h"

static struct ledger *ledger;
static struct error err;

static int open_ledger(void **state)
{
	(void)state;
	return ledger_open(&ledger, &err);
}

static int close_ledger(void **state)
{
	(void)state;
	ledger_close(ledger);
	return 0;
}

static int read_line(struct manifest_line *line, const char *text)
{
	memset(&err, 0, sizeof(err));
	return manifest_line_read(line, ledger, text, strlen(text), &err);
}

static void facts_come_back(void **state)
{
	const struct manifest_facts facts = { .job = "01234567",
		.task = "decrypt",
		.done_word = "decrypted",
		.in = "maildir:a \"b\"\n",
		.out = "eml:c",
		.list_folder = "/a b",
		.done = 4,
		.copied = 3,
		.skipped = 2,
		.failed = 1,
		.octets = UINT64_MAX,
		.started = 0,
		.finished = INT64_MIN };
	struct manifest_line line;
	char *text = NULL;

	(void)state;
	assert_int_equal(manifest_facts_line(&text, &facts), 0);
	assert_int_equal(strcspn(text, "\n"), strlen(text) - 1);
	assert_int_equal(read_line(&line, text), 0);
	assert_true(line.is_facts);
	assert_int_equal(line.version, MANIFEST_VERSION);
	assert_int_equal(line.messages, 10);
	assert_true(line.copied == 3 && line.skipped == 2 && line.failed == 1);
	assert_string_equal(line.task, "decrypt");
	assert_string_equal(line.in, facts.in);
	assert_string_equal(line.out, facts.out);
	assert_string_equal(line.list_folder, facts.list_folder);
	assert_string_equal(line.started, "1970-01-01T00:00:00Z");
	assert_null(line.finished);
	manifest_line_free(&line);
	free(text);
}

static char names[][32] = { "a.eml", "", "a\"\\/\x01\n\x7f", "\xff\xfe", "a\xef\xbf\xbd",
	"\xc3\xa9\xf0\x9f\x92\xa9\xe2\x80\xae", "\xed\xa0\x80", "\\u0000" };
#define NAMES (sizeof(names) / sizeof(names[0]))

static void a_record_comes_back_whatever_its_names_are(void **state)
{
	const struct record_facts facts = {
		.mailbox = "eml:x", .done = "decrypted", .hashed = true
	};

	(void)state;
	for (size_t i = 0; i < NAMES; i++) {
		struct journal_entry e = { .number = i + 1,
			.item = { .name = names[i] },
			.state = JOURNAL_DONE,
			.has_sha = true,
			.input_sha = { 1, 2, 0xff },
			.output_sha = { 3, [31] = 4 },
			.output = names[i] };
		struct manifest_line line;

		assert_int_equal(record_make(&e, &facts), 0);
		assert_int_equal(record_output(&e), 0);
		assert_int_equal(read_line(&line, e.record), 0);
		assert_false(line.is_facts);
		assert_int_equal(line.number, i + 1);
		assert_string_equal(line.outcome, "decrypted");
		assert_string_equal(line.name, names[i]);
		assert_string_equal(line.output, names[i]);
		assert_true(line.has_input && line.has_output_sha);
		assert_memory_equal(line.input_sha, e.input_sha, MANIFEST_SHA);
		assert_memory_equal(line.output_sha, e.output_sha, MANIFEST_SHA);
		manifest_line_free(&line);
		free(e.record);
	}
}

/* Cut anywhere, and with any octet of it another one. */
static void what_is_left_of_a_line_is_none(void **state)
{
	static const char whole[] = "{\"number\":7,\"outcome\":\"copied\",\"output\":\"a\\u00e9\","
				    "\"layers\":[{\"a\":[1,2]}]}";
	struct manifest_line line;
	char text[sizeof(whole)];

	(void)state;
	for (size_t len = 0; len < sizeof(whole) - 1; len++) {
		assert_int_equal(
		    manifest_line_read(&line, ledger, whole, len, &err), HSMIME_EFORMAT);
		manifest_line_free(&line);
	}
	for (size_t i = 0; i < sizeof(whole) - 1; i++) {
		memcpy(text, whole, sizeof(whole));
		text[i] ^= (char)0x80;
		(void)manifest_line_read(&line, ledger, text, sizeof(text) - 1, &err);
		manifest_line_free(&line);
		text[i] = '\0';
		assert_int_equal(manifest_line_read(&line, ledger, text, sizeof(text) - 1, &err),
		    HSMIME_EFORMAT);
		manifest_line_free(&line);
	}
	assert_int_equal(read_line(&line, whole), 0);
	manifest_line_free(&line);
}

static void members_that_count_are_there_once_and_of_their_kind(void **state)
{
	static const char *const bad[] = { "{}", "[]", "null", "7", "\"number\"", "{\"number\":1}",
		"{\"outcome\":\"copied\"}", "{\"number\":1,\"outcome\":\"copied\",\"number\":1}",
		"{\"number\":1,\"outcome\":\"copied\",\"n\\u0075mber\":2}",
		"{\"number\":0,\"outcome\":\"copied\"}", "{\"number\":-1,\"outcome\":\"copied\"}",
		"{\"number\":1e3,\"outcome\":\"copied\"}",
		"{\"number\":1.5,\"outcome\":\"copied\"}",
		"{\"number\":9223372036854775808,\"outcome\":\"copied\"}",
		"{\"number\":1,\"outcome\":null}", "{\"number\":1,\"outcome\":[\"copied\"]}",
		"{\"number\":1,\"outcome\":\"copied\\u0000\"}",
		"{\"number\":1,\"outcome\":\"copied\",\"input_sha256\":\"00\"}",
		"{\"number\":1,\"outcome\":\"copied\",\"output_hex\":\"0\"}",
		"{\"number\":1,\"outcome\":\"copied\",\"output_hex\":\"00\"}",
		"{\"number\":1,\"outcome\":\"copied\",\"output_hex\":\"AA\"}",
		"{\"number\":1,\"outcome\":\"copied\",}", "{number:1,outcome:'copied'}",
		"{\"manifest\":1,\"number\":1,\"outcome\":\"copied\"}",
		"{\"manifest\":1,\"messages\":1,\"copied\":1,\"skipped\":0,\"failed\":0}" };
	struct manifest_line line;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		int status = read_line(&line, bad[i]);

		if (status != HSMIME_EFORMAT)
			fail_msg("%s: %d", bad[i], status);
		assert_true(err.message[0] != '\0');
		manifest_line_free(&line);
	}
	assert_int_equal(
	    read_line(&line, " {\"number\": 1, \"outcome\": \"copied\", \"x\": {}} "), 0);
	manifest_line_free(&line);
}

static char told[400];

static int note(void *arg, enum ledger_place place, const char *key, uint64_t lines, uint64_t there)
{
	size_t len = strlen(told);

	(void)arg;
	snprintf(told + len, sizeof(told) - len, "%d %s %d %d;", (int)place, key, (int)lines,
	    (int)there);
	return strcmp(key, "stop") == 0 ? 5 : 0;
}

static void add(enum ledger_place place, const char *key, int lines, int there)
{
	for (int i = 0; i < lines + there; i++)
		assert_int_equal(ledger->kind->add(ledger, place,
				     i < lines ? LEDGER_LINE : LEDGER_THERE, key, NULL, &err),
		    0);
}

static void what_is_not_there_once_and_named_once_is_told(void **state)
{
	(void)state;
	told[0] = '\0';
	add(LEDGER_OUT, "right", 1, 1);
	add(LEDGER_FAILED, "right", 1, 1);
	add(LEDGER_OUT, "\xff", 0, 1);
	add(LEDGER_OUT, "", 1, 0);
	add(LEDGER_OUT, "twice", 2, 1);
	add(LEDGER_FAILED, "a", 0, 2);
	add(LEDGER_OUT, "A", 1, 1);
	add(LEDGER_OUT, "a", 1, 1);
	assert_int_equal(ledger->kind->differences(ledger, note, NULL, &err), 0);
	assert_string_equal(told, "0  1 0;0 twice 2 1;0 \xff 0 1;1 a 0 2;");
	add(LEDGER_OUT, "stop", 0, 1);
	assert_int_equal(ledger->kind->differences(ledger, note, NULL, &err), 5);
}

static int note_late(void *arg, enum ledger_place place, const char *that, const char *path)
{
	size_t len = strlen(told);

	(void)arg;
	snprintf(told + len, sizeof(told) - len, "%d %s %s;", (int)place, that,
	    path != NULL ? path : "-");
	return strcmp(that, "stop") == 0 ? 5 : 0;
}

static void late(enum ledger_place place, const char *key, const char *that)
{
	assert_int_equal(ledger->kind->add(ledger, place, LEDGER_PUT_OFF, key, that, &err), 0);
}

static void there(enum ledger_place place, const char *key, const char *path)
{
	assert_int_equal(ledger->kind->add(ledger, place, LEDGER_THERE, key, path, &err), 0);
}

static void what_was_put_off_is_found_by_its_key(void **state)
{
	(void)state;
	told[0] = '\0';
	late(LEDGER_OUT, "a", "1");
	late(LEDGER_IN, "a", "2");
	late(LEDGER_OUT, "gone", "3");
	late(LEDGER_OUT, "\xff", "4");
	there(LEDGER_OUT, "a", "cur/a:2,Z");
	there(LEDGER_OUT, "\xff", "new/\xff");
	there(LEDGER_OUT, "other", "new/other");
	there(LEDGER_IN, "b", "cur/b");
	assert_int_equal(ledger->kind->put_off(ledger, note_late, NULL, &err), 0);
	assert_string_equal(told, "0 1 cur/a:2,Z;2 2 -;0 3 -;0 4 new/\xff;");
	told[0] = '\0';
	assert_int_equal(ledger->kind->differences(ledger, note, NULL, &err), 0);
	assert_string_equal(told, "0 other 0 1;");
	told[0] = '\0';
	late(LEDGER_FAILED, "x", "stop");
	assert_int_equal(ledger->kind->put_off(ledger, note_late, NULL, &err), 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(facts_come_back, open_ledger, close_ledger),
		cmocka_unit_test_setup_teardown(
		    a_record_comes_back_whatever_its_names_are, open_ledger, close_ledger),
		cmocka_unit_test_setup_teardown(
		    what_is_left_of_a_line_is_none, open_ledger, close_ledger),
		cmocka_unit_test_setup_teardown(
		    members_that_count_are_there_once_and_of_their_kind, open_ledger, close_ledger),
		cmocka_unit_test_setup_teardown(
		    what_is_not_there_once_and_named_once_is_told, open_ledger, close_ledger),
		cmocka_unit_test_setup_teardown(
		    what_was_put_off_is_found_by_its_key, open_ledger, close_ledger),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
