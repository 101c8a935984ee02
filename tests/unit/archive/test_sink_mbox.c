/* archive/mail_sink.h: mboxes */
#include "sink_support.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static struct error err;

#define PART "x." JOB ".part"
#define FROM "From MAILER-DAEMON Fri Jul 14 02:40:00 2017\n"

/* Settle messages of these texts, a NULL at the end, in one batch. */
static int settle_all(struct mail_sink *s, const char *const *texts, uint64_t *committed)
{
	struct mail_draft d[8] = { 0 };
	size_t count = 0;
	int status;

	for (; texts[count] != NULL; count++) {
		struct mail_item item = item_of("1", NULL, WHEN);

		assert_int_equal(
		    draft_data(&d[count], s, &item, NULL, texts[count], strlen(texts[count]), &err),
		    0);
	}
	status = mail_sink_settle(s, d, count, committed, &err);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(d[i].status, status);
		mail_sink_drop(&d[i]);
	}
	return status;
}

static void messages_are_appended_in_order_and_the_mbox_gets_its_name_at_the_end(void **state)
{
	static const char *const first[] = { "a\n", "b\n", NULL };
	static const char *const second[] = { "c\n", NULL };
	struct mail_sink *s = sink_of("mbox:x", 0);
	uint64_t committed = 0;

	(void)state;
	assert_int_equal(settle_all(s, first, &committed), 0);
	assert_int_equal(committed, 2 * (strlen(FROM) + 3));
	assert_file_is(PART, FROM "a\n\n" FROM "b\n\n");
	assert_int_equal(settle_all(s, second, &committed), 0);
	assert_int_equal(committed, 3 * (strlen(FROM) + 3));
	assert_int_equal(access("x", F_OK), -1);
	assert_int_equal(mail_sink_finish(s, &err), 0);
	assert_int_equal(mail_sink_finish(s, &err), 0);
	assert_file_is("x", FROM "a\n\n" FROM "b\n\n" FROM "c\n\n");
	assert_int_equal(files_in("."), 1);
	assert_int_equal(access("x." JOB ".drafts", F_OK), -1);
	mail_sink_close(s);
}

static void mails_get_a_final_newline_of_their_own_kind(void **state)
{
	static const char *const texts[] = { "a", "b\r\nc", "", "\r\n", "\n", NULL };
	struct mail_sink *s = sink_of("mbox:x", 0);
	uint64_t committed = 0;

	(void)state;
	assert_int_equal(settle_all(s, texts, &committed), 0);
	assert_file_is(PART, FROM "a\n\n" FROM "b\r\nc\r\n\n" FROM "\n" FROM "\r\n\n" FROM "\n\n");
	mail_sink_close(s);
}

static void the_line_of_the_source_is_kept_unless_it_is_none(void **state)
{
	static const char *const lines[] = { "From a@example.org Sat Jan  3 01:05:34 1998", "From ",
		"From a\nb", "from a", "" };
	struct mail_sink *s = sink_of("mbox:x", 0);
	uint64_t committed = 0;

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		struct mail_form form = { .from_line = lines[i] };
		struct mail_item item = item_of("1", NULL, i == 3 ? 0 : WHEN);
		struct mail_draft d = { 0 };

		assert_int_equal(draft_data(&d, s, &item, &form, "", 0, &err), 0);
		assert_int_equal(mail_sink_settle(s, &d, 1, &committed, &err), 0);
		mail_sink_drop(&d);
	}
	assert_file_is(PART, "From a@example.org Sat Jan  3 01:05:34 1998\n\nFrom \n\n" FROM
			     "\nFrom MAILER-DAEMON Thu Jan  1 00:00:00 1970\n\n" FROM "\n");
	mail_sink_close(s);
}

static void what_lies_at_the_edges_of_its_buffers_is_quoted(void **state)
{
	struct mail_sink *s = sink_of("mbox:x", 0);
	static char text[300000];
	char *p = NULL;
	struct mail_item item = item_of("1", NULL, WHEN);
	uint64_t committed = 0, before;
	struct buffer all;

	(void)state;
	for (size_t shift = 0; shift < 8; shift++) {
		struct mail_draft d = { 0 };
		size_t from = 131072 - 8 + shift;

		memset(text, 'x', sizeof(text));
		text[from - 1] = '\n';
		memcpy(text + from, "From ", 5);
		text[sizeof(text) - 1] = '\n';
		assert_int_equal(draft_data(&d, s, &item, NULL, text, sizeof(text), &err), 0);
		before = committed;
		assert_int_equal(mail_sink_settle(s, &d, 1, &committed, &err), 0);
		assert_int_equal(committed - before, strlen(FROM) + sizeof(text) + 2);
		mail_sink_drop(&d);
		file_read(&all, PART);
		p = (char *)all.data + before + strlen(FROM);
		assert_memory_equal(p, text, from);
		assert_memory_equal(p + from, ">From ", 6);
		assert_memory_equal(p + from + 1, text + from, sizeof(text) - from);
		buffer_free(&all);
	}
	mail_sink_close(s);
}

static void a_crash_at_any_step_leaves_what_the_journal_knows(void **state)
{
	char mailbox[32], folder[32], path[64];
	struct buffer whole;

	(void)state;
	for (enum step step = OPENED; step < STEPS; step++) {
		uint64_t committed;
		struct mail_sink *s = NULL;
		struct stat st;

		snprintf(folder, sizeof(folder), "%d", (int)step);
		snprintf(mailbox, sizeof(mailbox), "mbox:%d/x", (int)step);
		snprintf(path, sizeof(path), "%d/" PART, (int)step);
		committed = crash(step, mailbox, 10, "%d");
		assert_int_equal(committed > 0, step == SETTLED);
		/* The journal did not hear of it. */
		s = sink_of(mailbox, 0);
		assert_int_equal(files_in(folder), 1);
		assert_file_is(path, "");
		draft_keep(s, "0", "again\n");
		mail_sink_close(s);
		assert_file_is(path, FROM "again\n\n");
		/* It did. */
		s = sink_of(mailbox, strlen(FROM) + 7);
		assert_file_is(path, FROM "again\n\n");
		assert_int_equal(mail_sink_finish(s, &err), 0);
		mail_sink_close(s);
		snprintf(path, sizeof(path), "%d/x", (int)step);
		file_read(&whole, path);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_size, strlen(FROM) + 7);
		buffer_free(&whole);
	}
}

static void what_is_behind_the_committed_length_is_cut(void **state)
{
	static const char *const texts[] = { "a\n", NULL };
	struct mail_sink *s = sink_of("mbox:x", 0);
	uint64_t committed = 0;
	FILE *f = NULL;

	(void)state;
	assert_int_equal(settle_all(s, texts, &committed), 0);
	mail_sink_close(s);
	f = fopen(PART, "ab");
	assert_non_null(f);
	assert_true(fputs("From half", f) >= 0);
	assert_int_equal(fclose(f), 0);
	mail_sink_close(sink_of("mbox:x", committed));
	assert_file_is(PART, FROM "a\n\n");
	assert_int_equal(mail_sink_open(&s, "mbox:x", JOB, committed + 1, &err), HSMIME_EIO);
	assert_null(s);
	assert_file_is(PART, FROM "a\n\n");
}

static void an_mbox_that_is_there_is_refused_unless_it_is_this_jobs(void **state)
{
	static const char *const texts[] = { "a\n", NULL };
	struct mail_sink *s = NULL;
	uint64_t committed = 0;

	(void)state;
	file_make("x", FROM "foreign\n\n");
	assert_int_equal(mail_sink_open(&s, "mbox:x", JOB, 0, &err), HSMIME_EUSAGE);
	assert_int_equal(mail_sink_open(&s, "mbox:x", JOB, 5, &err), HSMIME_EUSAGE);
	assert_int_equal(files_in("."), 1);
	assert_file_is("x", FROM "foreign\n\n");
	assert_int_equal(unlink("x"), 0);
	s = sink_of("mbox:x", 0);
	assert_int_equal(settle_all(s, texts, &committed), 0);
	assert_int_equal(mail_sink_finish(s, &err), 0);
	mail_sink_close(s);
	s = sink_of("mbox:x", committed);
	assert_int_equal(settle_all(s, texts, &committed), 0);
	file_make("x", "came meanwhile");
	assert_int_equal(mail_sink_finish(s, &err), HSMIME_EIO);
	assert_file_is("x", "came meanwhile");
	assert_int_equal(unlink("x"), 0);
	assert_int_equal(mail_sink_finish(s, &err), 0);
	assert_file_is("x", FROM "a\n\n" FROM "a\n\n");
	mail_sink_close(s);
}

/* Who puts a file there before can't read what is written then. */
static void what_is_there_before_anything_is_committed_is_made_anew(void **state)
{
	static const char *const texts[] = { "a\n", NULL };
	static const char *const names[] = { PART, "x" };
	struct mail_sink *s = NULL;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		uint64_t committed = 0;
		struct stat st;
		FILE *early;

		file_make(names[i], "");
		assert_int_equal(chmod(names[i], 0666), 0);
		early = fopen(names[i], "rb");
		assert_non_null(early);
		s = sink_of("mbox:x", 0);
		assert_int_equal(settle_all(s, texts, &committed), 0);
		assert_int_equal(fgetc(early), EOF);
		assert_int_equal(fclose(early), 0);
		assert_int_equal(stat(PART, &st), 0);
		assert_int_equal(st.st_mode & 07777, 0600);
		mail_sink_close(s);
		assert_int_equal(unlink(PART), 0);
	}
}

static void a_folder_of_drafts_that_is_a_link_is_refused(void **state)
{
	struct mail_sink *s = NULL;

	(void)state;
	assert_int_equal(mkdir("theirs", 0700), 0);
	file_make("theirs/draft-of-a-letter", "x");
	assert_int_equal(symlink("theirs", "x." JOB ".drafts"), 0);
	assert_int_equal(mail_sink_open(&s, "mbox:x", JOB, 0, &err), HSMIME_EIO);
	assert_null(s);
	assert_file_is("theirs/draft-of-a-letter", "x");
}

static bool sync_fails;

/* The archive's calls come here, as this program has the name first. */
int fsync(int fd) __attribute__((visibility("default")));

int fsync(int fd)
{
	if (sync_fails) {
		errno = EIO;
		return -1;
	}
	return fdatasync(fd);
}

static void a_name_that_is_not_safe_on_the_disk_is_not_finished(void **state)
{
	struct mail_sink *s = sink_of("mbox:x", 0);

	(void)state;
	sync_fails = true;
	assert_int_equal(mail_sink_finish(s, &err), HSMIME_EIO);
	assert_int_equal(mail_sink_finish(s, &err), HSMIME_EIO);
	sync_fails = false;
	assert_int_equal(mail_sink_finish(s, &err), 0);
	assert_file_is("x", "");
	mail_sink_close(s);
}

static void two_writers_of_one_job_are_not_let_in(void **state)
{
	struct mail_sink *s = sink_of("mbox:x", 0), *second = NULL;

	(void)state;
	assert_int_equal(mail_sink_open(&second, "mbox:x", JOB, 0, &err), HSMIME_EIO);
	assert_int_equal(mail_sink_open(&second, "mbox:x", "ffffffff", 0, &err), 0);
	mail_sink_close(second);
	mail_sink_close(s);
}

static void a_full_disk_leaves_what_was_committed(void **state)
{
	static const char *const small[] = { "a\n", NULL };
	static char large[60001];
	const char *const texts[] = { large, large, NULL };
	struct mail_sink *s = sink_of("mbox:x", 0);
	uint64_t committed = 0;
	int status;

	(void)state;
	memset(large, 'x', sizeof(large) - 1);
	assert_int_equal(settle_all(s, small, &committed), 0);
	limit_files(100000);
	status = settle_all(s, texts, &committed);
	limit_files(0);
	assert_int_equal(status, HSMIME_EIO);
	assert_non_null(strstr(err.message, "File too large"));
	assert_int_equal(committed, strlen(FROM) + 3);
	assert_file_is(PART, FROM "a\n\n");
	assert_int_equal(files_in("."), 1);
	assert_int_equal(settle_all(s, texts, &committed), 0);
	assert_int_equal(committed, strlen(FROM) * 3 + 3 + 2 * 60002);
	mail_sink_close(s);
}

static void a_message_of_100_mb_takes_no_memory(void **state)
{
	struct mail_sink *s = sink_of("mbox:x", 0);
	uint64_t committed = 0;
	struct mail_draft d = settle_100_mb(s, '\n', &committed);

	(void)state;
	assert_int_equal(committed, strlen(FROM) + HUNDRED_MB + 1);
	mail_sink_drop(&d);
	mail_sink_close(s);
}

#define test(name) cmocka_unit_test_setup_teardown(name, scratch_enter, scratch_leave)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(messages_are_appended_in_order_and_the_mbox_gets_its_name_at_the_end),
		test(mails_get_a_final_newline_of_their_own_kind),
		test(the_line_of_the_source_is_kept_unless_it_is_none),
		test(what_lies_at_the_edges_of_its_buffers_is_quoted),
		test(a_crash_at_any_step_leaves_what_the_journal_knows),
		test(what_is_behind_the_committed_length_is_cut),
		test(an_mbox_that_is_there_is_refused_unless_it_is_this_jobs),
		test(what_is_there_before_anything_is_committed_is_made_anew),
		test(a_folder_of_drafts_that_is_a_link_is_refused),
		test(a_name_that_is_not_safe_on_the_disk_is_not_finished),
		test(two_writers_of_one_job_are_not_let_in),
		test(a_full_disk_leaves_what_was_committed),
		test(a_message_of_100_mb_takes_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
