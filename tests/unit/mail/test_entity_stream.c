/* The entity writer on sources and sinks that trickle, break or change. */
#include "entity_support.h"

/* Everything that a plan may hold: headers, both encodings, a preamble and an epilogue to drop. */
static const char mail[] =
    "Subject: x\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\npr\xe4\r\n"
    "--b\r\nContent-Type: text/plain\r\n\r\n\xc3\xa4 \r\nsecond\n"
    "--b\r\nContent-Type: image/x\r\n\r\n\xff\0\xff\r\n"
    "--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: y\r\n"
    "Content-Transfer-Encoding: quoted-printable\r\n\r\n=C3=A4\xe4\r\n--b--\r\nepilogue\r\n";

static const struct entity_write how = { .seven_bit = true, .crlf = true };

static int write_from(const hsmime_source *in, const hsmime_sink *sink, struct error *err)
{
	struct structure s;
	int status;

	scan_octets(&s, mail, sizeof(mail) - 1);
	status = entity_write(in, &s, &how, sink, err);
	assert_int_equal(status, err->code);
	structure_free(&s);
	return status;
}

static void open_whole(struct buffer *out)
{
	struct error err;

	assert_int_equal(write_entity(out, mail, sizeof(mail) - 1, &how, &err), 0);
	assert_true(out->len > 300);
}

static void short_reads_and_repetition_change_nothing(void **state)
{
	struct buffer whole;

	(void)state;
	open_whole(&whole);
	for (size_t step = 0; step < 40; step++) {
		struct error err = { 0 };
		struct short_sink s;
		struct octets o;
		hsmime_source in;
		hsmime_sink sink;

		octets_open(&in, &o, mail, sizeof(mail) - 1);
		o.step = step;
		short_sink_open(&sink, &s, SIZE_MAX);
		assert_int_equal(write_from(&in, &sink, &err), 0);
		assert_int_equal(s.got.len, whole.len);
		assert_memory_equal(s.got.data, whole.data, whole.len);
		buffer_free(&s.got);
	}
	buffer_free(&whole);
}

static void a_failing_sink_gives_its_status_at_every_offset(void **state)
{
	struct buffer whole;

	(void)state;
	open_whole(&whole);
	for (size_t room = 0; room < whole.len; room++) {
		struct error err = { 0 };
		struct short_sink s;
		struct octets o;
		hsmime_source in;
		hsmime_sink sink;

		octets_open(&in, &o, mail, sizeof(mail) - 1);
		short_sink_open(&sink, &s, room);
		assert_int_equal(write_from(&in, &sink, &err), HSMIME_EIO);
		assert_true(s.got.len <= room);
		buffer_free(&s.got);
	}
	buffer_free(&whole);
}

/* Up to the epilogue, which is dropped and so never read. */
static void a_failing_source_gives_its_status_at_every_offset(void **state)
{
	const size_t read = sizeof(mail) - sizeof("\r\nepilogue\r\n");

	(void)state;
	for (size_t at = 0; at <= read; at++) {
		struct error err = { 0 };
		struct short_sink s;
		struct octets o;
		hsmime_source in;
		hsmime_sink sink;

		octets_open(&in, &o, mail, sizeof(mail) - 1);
		o.fail_at = at;
		short_sink_open(&sink, &s, SIZE_MAX);
		assert_int_equal(write_from(&in, &sink, &err), at < read ? HSMIME_EIO : 0);
		buffer_free(&s.got);
	}
}

static void a_source_that_can_t_go_back_is_refused(void **state)
{
	struct error err = { 0 };
	struct short_sink s;
	struct octets o;
	hsmime_source in;
	hsmime_sink sink;

	(void)state;
	octets_open(&in, &o, mail, sizeof(mail) - 1);
	in.seek = NULL;
	short_sink_open(&sink, &s, SIZE_MAX);
	assert_int_equal(write_from(&in, &sink, &err), HSMIME_EUSAGE);
	buffer_free(&s.got);
}

static void a_mail_cut_anywhere_becomes_safe_too(void **state)
{
	(void)state;
	for (size_t len = sizeof("Subject: x\r\nContent-Type: multipart/mixed; boundary=b\r\n\r");
	     len < sizeof(mail); len++) {
		struct buffer out;
		struct structure s;
		struct error err;
		int status = write_entity(&out, mail, len, &how, &err);

		if (status == 0) {
			scan_octets(&s, out.data, out.len);
			for (size_t i = 0; i < s.count; i++)
				assert_false(s.parts[i].eight_bit || s.parts[i].nul);
			assert_int_equal(s.lf_lines, 0);
			structure_free(&s);
		} else if (status == HSMIME_EFORMAT) {
			assert_int_equal(mail[len - 1], '\r');
		} else {
			assert_int_equal(status, HSMIME_EPOLICY);
			assert_true(len < sizeof("Subject: x\r\nContent-Type: multipart/mixed; "
						 "boundary=b\r\n\r\npr\xe4\r\n--b\r"));
		}
		buffer_free(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(short_reads_and_repetition_change_nothing),
		cmocka_unit_test(a_failing_sink_gives_its_status_at_every_offset),
		cmocka_unit_test(a_failing_source_gives_its_status_at_every_offset),
		cmocka_unit_test(a_source_that_can_t_go_back_is_refused),
		cmocka_unit_test(a_mail_cut_anywhere_becomes_safe_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
