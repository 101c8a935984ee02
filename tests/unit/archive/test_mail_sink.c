/* archive/mail_sink.h: what holds for every kind */
#include "sink_support.h"

#include <sys/stat.h>
#include <unistd.h>

static struct error err;

static void a_name_that_is_no_mailbox_and_a_job_that_is_none_are_refused(void **state)
{
	static const char *const names[] = { "maildir:", "pst:x", "x", "", ":x", "Maildir:x" };
	static const char *const jobs[] = { "../../x1", "0123abc", "0123abcde", "0123ABCD", "" };
	struct mail_sink *s = (struct mail_sink *)&err;

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		assert_int_equal(mail_sink_open(&s, names[i], JOB, 0, &err), HSMIME_EUSAGE);
		assert_null(s);
	}
	for (size_t i = 0; i < sizeof(jobs) / sizeof(jobs[0]); i++)
		assert_int_equal(mail_sink_open(&s, "maildir:x", jobs[i], 0, &err), HSMIME_EUSAGE);
	assert_int_equal(files_in("."), 0);
	assert_int_equal(access("x", F_OK), -1);
}

static int apart(const char *sink, const char *scheme, const char *place)
{
	struct mail_source_kind kind = { .scheme = scheme,
		.scattered = strcmp(scheme, "list") == 0 };
	struct mail_source source = { .kind = &kind, .place = (char *)place };

	return mail_sink_apart(sink, &source, &err);
}

static void a_sink_is_apart_from_its_source(void **state)
{
	(void)state;
	assert_int_equal(mkdir("in", 0700), 0);
	assert_int_equal(symlink("in", "link"), 0);
	assert_int_equal(apart("maildir:out", "maildir", "in"), 0);
	assert_int_equal(apart("maildir:in2", "maildir", "in"), 0);
	assert_int_equal(apart("maildir:in", "maildir", "in"), HSMIME_EUSAGE);
	assert_int_equal(apart("maildir:in/", "maildir", "./in"), HSMIME_EUSAGE);
	assert_int_equal(apart("eml:link", "eml", "in"), HSMIME_EUSAGE);
	assert_int_equal(apart("eml:link/not/yet", "eml", "in"), HSMIME_EUSAGE);
	assert_int_equal(apart("mbox:in/x.mbox", "maildir", "in"), HSMIME_EUSAGE);
	assert_int_equal(apart("eml:.", "maildir", "in"), HSMIME_EUSAGE);
	assert_int_equal(apart("eml:in", "list", "in"), 0);
	assert_int_equal(apart("nothing:in", "eml", "in"), HSMIME_EUSAGE);
}

static void an_empty_batch_and_a_zeroed_draft_are_nothing(void **state)
{
	static const char *const names[] = { "maildir:a", "eml:b", "mbox:c" };
	struct mail_draft none = { 0 };
	uint64_t committed = 0;

	(void)state;
	mail_sink_drop(&none);
	for (size_t i = 0; i < 3; i++) {
		struct mail_sink *s = sink_of(names[i], 0);

		assert_int_equal(mail_sink_settle(s, NULL, 0, &committed, &err), 0);
		assert_int_equal(mail_sink_settle(s, &none, 1, &committed, &err), HSMIME_EUSAGE);
		assert_int_equal(none.status, HSMIME_EUSAGE);
		assert_int_equal(committed, 0);
		mail_sink_close(s);
	}
	assert_int_equal(files_with(".", ".part"), 1);
	assert_int_equal(files_in("."), 1);
}

#define test(name) cmocka_unit_test_setup_teardown(name, scratch_enter, scratch_leave)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(a_name_that_is_no_mailbox_and_a_job_that_is_none_are_refused),
		test(a_sink_is_apart_from_its_source),
		test(an_empty_batch_and_a_zeroed_draft_are_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
