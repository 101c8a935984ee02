/* A line of the manifest is one line of JSON, whatever anybody wrote into what it tells. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "archive/record.h"

/* Not UTF-8 in several ways, unseen, quotes, ends of lines, over 16 bits, and what JSON itself would read. */
static char hostile[][32] = { "", "\"", "\\", "\\\"}", "a\nb\r\tc", "\x01\x1b[31m\x7f", "\xff\xfe",
	"\xc0\x80", "\xed\xa0\x80", "\xe2\x82", "\xf4\x90\x80\x80", "\xf0\x9f\x92\xa9",
	"\xe2\x80\xae\xe2\x80\xa8\xef\xbb\xbf", "\",\"outcome\":\"valid", "</script>", "\\u0000",
	"\xf3\xa0\x81\x81" };
#define HOSTILE (sizeof(hostile) / sizeof(hostile[0]))

/* Each on a line of its own: an object, strictly, and with that outcome. */
static void expect_json(const char *lines, size_t count, const char *outcome)
{
	char command[400];
	FILE *python;

	snprintf(command, sizeof(command),
	    "/usr/bin/python3 -c 'import json, sys\n"
	    "rows = [json.loads(l, parse_constant=None) for l in "
	    "sys.stdin.buffer.read().decode(\"utf-8\").split(\"\\n\")[:-1]]\n"
	    "assert len(rows) == %zu and all(r[\"outcome\"] == \"%s\" for r in rows)'",
	    count, outcome);
	python = popen(command, "w");
	assert_non_null(python);
	assert_true(fputs(lines, python) >= 0);
	assert_int_equal(pclose(python), 0);
}

static hsmime_result result_of(char *text, hsmime_layer *layers)
{
	static hsmime_recipient recipient;
	static hsmime_signer signer;

	recipient = (hsmime_recipient){ text, text, text, text, 1 };
	signer = (hsmime_signer){ .problem = text,
		.subject = text,
		.issuer = text,
		.serial_number = text,
		.digest = text,
		.signature_algorithm = text,
		.signing_time = INT64_MAX };
	layers[0] = (hsmime_layer){ .kind = HSMIME_LAYER_ENCRYPTED,
		.problem = text,
		.cipher = text,
		.key_uri = text,
		.recipients = &recipient,
		.recipient_count = 1,
		.new_recipients = &recipient,
		.new_recipient_count = 1 };
	layers[1] = (hsmime_layer){ .kind = HSMIME_LAYER_SIGNED_OPAQUE,
		.problem = text,
		.signers = &signer,
		.signer_count = 1 };
	return (hsmime_result){ .layers = layers, .layer_count = 2 };
}

static void make(struct journal_entry *e, char *text, const hsmime_result *result)
{
	const struct record_facts facts = {
		.mailbox = text, .done = "valid", .result = result, .why = text, .hashed = true
	};

	*e = (struct journal_entry){ .number = UINT64_MAX,
		.item = { .name = text, .size = UINT64_MAX, .modified = INT64_MIN },
		.state = JOURNAL_FAILED,
		.has_sha = true,
		.cause = text,
		.output = text };
	assert_int_equal(record_make(e, &facts), 0);
	assert_int_equal(record_output(e), 0);
}

static void every_text_is_one_text_of_one_line(void **state)
{
	char *lines = NULL;
	size_t len = 0;
	FILE *all = open_memstream(&lines, &len);

	(void)state;
	for (size_t i = 0; i < HOSTILE; i++) {
		hsmime_layer layers[2];
		hsmime_result result = result_of(hostile[i], layers);
		struct journal_entry e;

		make(&e, hostile[i], &result);
		assert_null(strpbrk(e.record, "\n\r\t"));
		fprintf(all, "%s\n", e.record);
		free(e.record);
	}
	fclose(all);
	expect_json(lines, HOSTILE, "failed");
	free(lines);
}

static void what_is_not_known_is_null_or_left_out(void **state)
{
	const struct record_facts nothing = { .mailbox = "eml:x", .done = "valid" };
	struct journal_entry e = { .state = JOURNAL_DONE };
	char *line = NULL;

	(void)state;
	assert_int_equal(record_make(&e, &nothing), 0);
	assert_null(strstr(e.record, "sha256"));
	assert_null(strstr(e.record, "layers"));
	assert_non_null(strstr(e.record, "\"date\":null"));
	assert_true(asprintf(&line, "%s\n", e.record) > 0);
	expect_json(line, 1, "valid");
	free(line);
	free(e.record);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_text_is_one_text_of_one_line),
		cmocka_unit_test(what_is_not_known_is_null_or_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
