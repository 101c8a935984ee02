/* The scanner on sources that trickle, end early or fail. */
#include "mail_support.h"

#include "mail/signed_parts.h"

static const char mail[] =
    "From a@x Mon\r\nFrom: a@x\r\nContent-Type: multipart/mixed;\r\n boundary=out\r\n\r\npre\r\n"
    "--out\r\nContent-Type: multipart/signed; protocol=\"application/pkcs7-signature\";\r\n"
    "\tboundary=out2\r\n\r\n--out2\r\n\r\nsigned \xc3\xa4\r\n\r\n--out2\r\n"
    "Content-Type: application/pkcs7-signature\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    "AAAA\r\n--out2--\r\n--out\nContent-Type: message/rfc822\n\nSubject: in\n\nbody\r\n"
    "--out--\r\nepilogue";

static int scan(struct structure *s, size_t len, size_t step, size_t fail_at)
{
	struct octets o;
	hsmime_source in;
	struct error err = { 0 };
	int status;

	octets_open(&in, &o, mail, len);
	o.step = step;
	o.fail_at = fail_at;
	in.seek = NULL;
	status = structure_scan(s, &in, &err);
	assert_int_equal(status, err.code);
	return status;
}

static void assert_same_part(const struct part *a, const struct part *b)
{
	assert_int_equal(a->parent, b->parent);
	assert_int_equal(a->start, b->start);
	assert_int_equal(a->body, b->body);
	assert_int_equal(a->end, b->end);
	assert_int_equal(a->preamble_end, b->preamble_end);
	assert_int_equal(a->epilogue, b->epilogue);
	assert_int_equal(a->kind, b->kind);
	assert_int_equal(a->eight_bit, b->eight_bit);
	assert_int_equal(a->closed, b->closed);
	assert_string_equal(a->type, b->type);
	assert_string_equal(a->subtype, b->subtype);
}

static void short_reads_change_nothing(void **state)
{
	struct structure whole, s;

	(void)state;
	assert_int_equal(scan(&whole, strlen(mail), 0, SIZE_MAX), 0);
	assert_int_equal(whole.count, 6);
	for (size_t step = 1; step < 60; step++) {
		assert_int_equal(scan(&s, strlen(mail), step, SIZE_MAX), 0);
		assert_int_equal(s.count, whole.count);
		assert_int_equal(s.size, strlen(mail));
		assert_int_equal(s.lf_lines, whole.lf_lines);
		assert_int_equal(s.crlf_lines, whole.crlf_lines);
		for (size_t i = 0; i < s.count; i++)
			assert_same_part(&s.parts[i], &whole.parts[i]);
		structure_free(&s);
	}
	structure_free(&whole);
}

static void assert_consistent(const struct structure *s)
{
	for (size_t i = 0; i < s->count; i++) {
		const struct part *p = &s->parts[i], *parent = &s->parts[p->parent];

		assert_true(p->start <= p->body && p->body <= p->end && p->end <= s->size);
		assert_true(parent->start <= p->start && p->end <= parent->end);
		if (p->boundary == NULL)
			continue;
		assert_true(p->body <= p->preamble_end && p->preamble_end <= p->end);
		assert_true(p->preamble_end <= p->epilogue && p->epilogue <= p->end);
	}
}

static void a_mail_cut_anywhere_has_parts_up_to_there(void **state)
{
	struct structure s;

	(void)state;
	for (size_t len = 0; len <= strlen(mail); len++) {
		int status = scan(&s, len, len % 3, SIZE_MAX);

		if (status != 0) {
			assert_int_equal(status, HSMIME_EFORMAT);
			assert_true(len < strlen("From a@x Mon\r\nFrom: a@x\r\nContent-Type: "
						 "multipart/mixed;\r\n boundary=out\r\n\r\n"));
			continue;
		}
		assert_int_equal(s.size, len);
		assert_int_equal(s.parts[0].end, len);
		assert_consistent(&s);
		structure_free(&s);
	}
}

static void a_failing_source_gives_its_status_at_every_offset(void **state)
{
	struct structure s;

	(void)state;
	for (size_t at = 0; at <= strlen(mail); at++) {
		assert_int_equal(scan(&s, strlen(mail), at % 5, at), HSMIME_EIO);
		assert_null(s.parts);
		assert_int_equal(s.count, 0);
	}
}

static void the_signed_octets_are_those_that_came(void **state)
{
	struct structure s;
	struct signed_parts halves;

	(void)state;
	assert_int_equal(scan(&s, strlen(mail), 1, SIZE_MAX), 0);
	assert_int_equal(signed_parts_find(&halves, &s, 1, NULL), 0);
	assert_slice(mail, halves.content_start, halves.content_end, "\r\nsigned \xc3\xa4\r\n");
	assert_slice(mail, halves.signature_start, halves.signature_end, "AAAA");
	structure_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(short_reads_change_nothing),
		cmocka_unit_test(a_mail_cut_anywhere_has_parts_up_to_there),
		cmocka_unit_test(a_failing_source_gives_its_status_at_every_offset),
		cmocka_unit_test(the_signed_octets_are_those_that_came),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
