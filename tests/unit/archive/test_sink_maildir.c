/* archive/mail_sink.h: Maildirs */
#include "sink_support.h"

#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/output.h"

static struct error err;

static void a_message_keeps_its_place_flags_and_time(void **state)
{
	struct mail_sink *s = sink_of("maildir:out", 0);
	struct stat st;
	char path[4096];

	(void)state;
	snprintf(path, sizeof(path), "%s", draft_keep(s, "cur/123.host:2,RS", "Subject: a\n\nb\n"));
	assert_ptr_equal(strstr(path, "out/cur/1500000000."), path);
	assert_string_equal(strrchr(path, '.'), ".hsmime:2,RS");
	assert_file_is(path, "Subject: a\n\nb\n");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mtim.tv_sec, 1500000000);
	assert_int_equal(st.st_mtim.tv_nsec, 123456789);
	assert_int_equal(st.st_mode & 07777, 0600);
	snprintf(path, sizeof(path), "%s", draft_keep(s, "new/124.host", "x"));
	assert_ptr_equal(strstr(path, "out/new/"), path);
	assert_null(strchr(path, ':'));
	snprintf(path, sizeof(path), "%s", draft_keep(s, "cur/125.host", "x"));
	assert_string_equal(strrchr(path, '.'), ".hsmime:2,");
	assert_int_equal(files_in("out"), 3);
	assert_int_equal(mail_sink_finish(s, &err), 0);
	mail_sink_close(s);
	mail_sink_close(NULL);
}

static void sub_folders_are_made_as_the_source_has_them(void **state)
{
	struct mail_sink *s = sink_of("maildir:a/b/out", 0);

	(void)state;
	assert_ptr_equal(strstr(draft_keep(s, ".Sent.2019/new/1", "x"), "a/b/out/.Sent.2019/new/"),
	    draft_keep(s, ".Sent.2019/new/1", "x"));
	draft_keep(s, "deep/er/cur/1:2,S", "x");
	assert_int_equal(access("a/b/out/.Sent.2019/cur", F_OK), 0);
	assert_int_equal(access("a/b/out/.Sent.2019/tmp", F_OK), 0);
	assert_int_equal(access("a/b/out/.Sent.2019/maildirfolder", F_OK), 0);
	assert_int_equal(access("a/b/out/deep/er/new", F_OK), 0);
	assert_int_equal(access("a/b/out/deep/er/maildirfolder", F_OK), -1);
	assert_int_equal(access("a/b/out/deep/cur", F_OK), -1);
	mail_sink_close(s);
}

static void messages_of_other_kinds_come_into_the_mailbox_itself(void **state)
{
	struct mail_sink *s = sink_of("maildir:out", 0);

	(void)state;
	assert_non_null(strstr(draft_keep(s, "12345", "x"), "out/cur/"));
	assert_non_null(strstr(draft_keep(s, "tree/a.eml", "x"), "out/cur/"));
	assert_non_null(strstr(draft_keep(s, "tmp/1:2,S", "x"), "out/cur/"));
	assert_int_equal(files_in("out"), 3);
	mail_sink_close(s);
}

static void a_message_that_is_written_again_replaces_itself_and_no_other(void **state)
{
	struct mail_sink *s = sink_of("maildir:out", 0), *other = NULL;

	(void)state;
	draft_keep(s, "cur/1:2,S", "first");
	draft_keep(s, "cur/2:2,S", "other");
	assert_file_is(draft_keep(s, "cur/1:2,S", "second"), "second");
	assert_int_equal(files_in("out"), 2);
	assert_int_equal(mail_sink_open(&other, "maildir:out", "ffffffff", 0, &err), 0);
	draft_keep(other, "cur/1:2,S", "of another job");
	assert_int_equal(files_in("out"), 3);
	mail_sink_close(other);
	mail_sink_close(s);
}

/* The key is the same, and so is the message; what differs is the letters behind its name. */
static void names_that_differ_only_in_flags_share_the_unique_part(void **state)
{
	struct mail_sink *s = sink_of("maildir:out", 0);
	struct mail_item item = item_of("cur/1:2,S", "1", WHEN);
	struct mail_draft a = { 0 }, b = { 0 };

	(void)state;
	assert_int_equal(draft_data(&a, s, &item, NULL, "x", 1, &err), 0);
	item.name = (char *)"cur/1:2,RS";
	assert_int_equal(draft_data(&b, s, &item, NULL, "x", 1, &err), 0);
	assert_int_equal(strcspn(a.name, ":"), strcspn(b.name, ":"));
	assert_memory_equal(a.name, b.name, strcspn(a.name, ":"));
	assert_string_not_equal(a.name, b.name);
	mail_sink_drop(&a);
	mail_sink_drop(&b);
	mail_sink_close(s);
}

static void hostile_names_stay_in_the_mailbox(void **state)
{
	static const char *const names[] = { "../../x", "/etc/x", "a\nb", "cur/..", "../cur/x:2,S",
		"/cur/x", "a\nb/cur/1:2,S", "\xff\xfe/cur/\xff", "cur/cur/x", "x/tmp/cur/1",
		"cur/1:2,S/../\n:2,$R;", "..", "/", "", "cur/", "./../cur/1" };
	char longest[1000];
	struct mail_sink *s = NULL;
	size_t count = sizeof(names) / sizeof(names[0]);

	(void)state;
	assert_int_equal(mkdir("in", 0700), 0);
	s = sink_of("maildir:in/out", 0);
	for (size_t i = 0; i < count; i++)
		assert_file_is(draft_keep(s, names[i], names[i]), names[i]);
	memset(longest, 'n', sizeof(longest));
	memcpy(longest + 300, "/cur/", 5);
	longest[605] = '\0';
	draft_keep(s, longest, "long");
	assert_int_equal(files_with(".", ".hsmime"), count + 1);
	assert_int_equal(files_with("in/out", ".hsmime"), count + 1);
	assert_int_equal(files_with(".", "\n"), 0);
	mail_sink_close(s);
}

static void flags_are_letters_only(void **state)
{
	struct mail_sink *s = sink_of("maildir:out", 0);

	(void)state;
	assert_string_equal(strchr(draft_keep(s, "cur/1:2,a/S", "x"), ':'), ":2,");
	assert_string_equal(strchr(draft_keep(s, "cur/1:2,a\n.\xc3\xa4S", "x"), ':'), ":2,aS");
	mail_sink_close(s);
}

static void a_draft_that_is_dropped_leaves_nothing(void **state)
{
	struct mail_sink *s = sink_of("maildir:out", 0);
	struct mail_item item = item_of("cur/1", NULL, WHEN);
	struct mail_draft d = { 0 };

	(void)state;
	mail_sink_drop(&d);
	assert_int_equal(draft_data(&d, s, &item, NULL, "x", 1, &err), 0);
	assert_int_equal(files_in("out"), 1);
	assert_int_equal(files_with("out", "/tmp/"), 1);
	mail_sink_drop(&d);
	assert_int_equal(files_in("out"), 0);
	mail_sink_close(s);
}

static void what_was_not_committed_is_not_kept(void **state)
{
	struct mail_sink *s = sink_of("maildir:out", 0);
	struct mail_item item = item_of("cur/1", NULL, WHEN);
	struct mail_draft d = { 0 };
	uint64_t committed = 0;

	(void)state;
	assert_int_equal(mail_sink_begin(&d, s, &item, NULL, &err), 0);
	assert_int_equal(draft_write(&d, "half", 4, &err), 0);
	assert_int_equal(mail_sink_end(&d, s, &err), HSMIME_EUSAGE);
	assert_int_equal(mail_sink_settle(s, &d, 1, &committed, &err), HSMIME_EUSAGE);
	assert_int_equal(d.status, HSMIME_EUSAGE);
	mail_sink_drop(&d);
	assert_int_equal(files_in("out"), 0);
	mail_sink_close(s);
}

static void a_crash_at_any_step_leaves_each_message_once_or_not(void **state)
{
	(void)state;
	assert_crashes_cost_nothing("maildir", "cur/%d:2,S", "/cur/");
}

static void opening_removes_this_jobs_temporary_files_alone(void **state)
{
	struct mail_sink *s = sink_of("maildir:out", 0);

	(void)state;
	mail_sink_close(s);
	file_make("out/tmp/hsmime." JOB "-abcdef", "ours");
	file_make("out/tmp/hsmime.ffffffff-abcdef", "another job's");
	file_make("out/tmp/1.host", "another program's");
	file_make("out/cur/hsmime." JOB, "mail");
	mail_sink_close(sink_of("maildir:out", 0));
	assert_int_equal(files_in("out"), 3);
	assert_int_equal(access("out/tmp/hsmime." JOB "-abcdef", F_OK), -1);
}

static void a_full_disk_is_an_error_and_leaves_nothing(void **state)
{
	(void)state;
	assert_full_disk_costs_one("maildir:out", "out", "cur/1");
}

static void a_mailbox_that_vanished_is_an_error_and_is_not_made_again(void **state)
{
	struct mail_sink *s = sink_of("maildir:out", 0);
	char name[20] = "";
	struct mail_item item = item_of(name, NULL, WHEN), deep = item_of(".S/cur/1", NULL, WHEN);
	struct mail_draft d[5] = { 0 };
	uint64_t committed = 0;

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		snprintf(name, sizeof(name), "cur/%zu", i);
		assert_int_equal(draft_data(&d[i], s, &item, NULL, "x", 1, &err), 0);
	}
	assert_int_equal(rename("out", "elsewhere"), 0);
	assert_int_equal(mail_sink_settle(s, d, 5, &committed, &err), HSMIME_EIO);
	assert_non_null(strstr(err.message, "No such file"));
	for (size_t i = 0; i < 5; i++) {
		assert_int_equal(d[i].status, HSMIME_EIO);
		mail_sink_drop(&d[i]);
	}
	assert_int_equal(draft_data(&d[0], s, &item, NULL, "x", 1, &err), HSMIME_EIO);
	mail_sink_drop(&d[0]);
	assert_int_equal(draft_data(&d[0], s, &deep, NULL, "x", 1, &err), HSMIME_EIO);
	mail_sink_drop(&d[0]);
	assert_int_equal(access("out", F_OK), -1);
	mail_sink_close(s);
}

static void one_message_that_fails_costs_only_itself(void **state)
{
	struct mail_sink *s = sink_of("maildir:out", 0);
	struct mail_draft d[5] = { 0 };
	uint64_t committed = 0;
	char name[20], path[4096];

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		struct mail_item item = item_of(name, NULL, WHEN);

		snprintf(name, sizeof(name), "cur/%zu", i);
		assert_int_equal(draft_data(&d[i], s, &item, NULL, "x", 1, &err), 0);
	}
	snprintf(path, sizeof(path), "out/%s", d[2].name);
	assert_int_equal(mkdir(path, 0700), 0); /* in the way */
	assert_int_equal(mail_sink_settle(s, d, 5, &committed, &err), HSMIME_EIO);
	assert_non_null(strstr(err.message, d[2].name));
	for (size_t i = 0; i < 5; i++) {
		assert_int_equal(d[i].status, i == 2 ? HSMIME_EIO : 0);
		mail_sink_drop(&d[i]);
	}
	assert_int_equal(files_in("out"), 4);
	mail_sink_close(s);
}

static void what_is_no_maildir_is_refused(void **state)
{
	struct mail_sink *s = NULL;

	(void)state;
	assert_int_equal(mkdir("full", 0700), 0);
	file_make("full/file", "x");
	file_make("file", "x");
	assert_int_equal(mail_sink_open(&s, "maildir:full", JOB, 0, &err), HSMIME_EUSAGE);
	assert_null(s);
	assert_int_equal(mail_sink_open(&s, "maildir:file", JOB, 0, &err), HSMIME_EIO);
	assert_int_equal(mail_sink_open(&s, "maildir:file/in", JOB, 0, &err), HSMIME_EIO);
	assert_int_equal(files_in("."), 2);
}

static void *many(void *arg)
{
	struct mail_sink *s = arg;

	for (int i = 0; i < 100; i++) {
		char name[64];
		struct mail_item item = item_of(name, NULL, WHEN);
		struct mail_draft *d = calloc(1, sizeof(*d));
		struct error own = { 0 };
		uint64_t committed = 0;

		snprintf(name, sizeof(name), ".F%d/cur/%p.%d:2,S", i % 10, (void *)&item, i);
		if (d == NULL || draft_data(d, s, &item, NULL, name, strlen(name), &own) != 0)
			return arg;
		if (i % 2 == 0) {
			static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;
			int status;

			pthread_mutex_lock(&turn);
			status = mail_sink_settle(s, d, 1, &committed, &own);
			pthread_mutex_unlock(&turn);
			if (status != 0)
				return arg;
		}
		mail_sink_drop(d);
		free(d);
	}
	return NULL;
}

static void threads_write_side_by_side(void **state)
{
	struct mail_sink *s = sink_of("maildir:out", 0);
	pthread_t threads[4];

	(void)state;
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, many, s), 0);
	for (size_t i = 0; i < 4; i++) {
		void *failed = NULL;

		assert_int_equal(pthread_join(threads[i], &failed), 0);
		assert_null(failed);
	}
	assert_int_equal(files_with("out", "/cur/"), 200);
	assert_int_equal(files_with("out", "/tmp/"), 0);
	mail_sink_close(s);
}

#define test(name) cmocka_unit_test_setup_teardown(name, scratch_enter, scratch_leave)

static void what_is_forgotten_is_gone_and_nothing_else(void **state)
{
	struct mail_sink *s = sink_of("maildir:box", 0);
	struct mail_item item = item_of(".Sent/cur/1.a:2,S", ".Sent/1.a", WHEN);

	(void)state;
	assert_int_equal(mail_sink_forget(s, &item, NULL, &err), 0); /* nothing is there */
	draft_keep(s, ".Sent/cur/1.a:2,S", "one");
	draft_keep(s, ".Sent/cur/2.a:2,S", "two");
	item = item_of(".Sent/cur/1.a:2,S", NULL, WHEN);
	assert_int_equal(files_with("box", ".hsmime"), 2);
	assert_int_equal(mail_sink_forget(s, &item, NULL, &err), 0);
	assert_int_equal(files_with("box", ".hsmime"), 1);
	assert_int_equal(mail_sink_forget(s, &item, NULL, &err), 0);
	assert_int_equal(files_with("box", ".hsmime"), 1);
	assert_int_equal(mail_sink_forgotten(s, &err), 0);
	mail_sink_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(a_message_keeps_its_place_flags_and_time),
		test(sub_folders_are_made_as_the_source_has_them),
		test(messages_of_other_kinds_come_into_the_mailbox_itself),
		test(a_message_that_is_written_again_replaces_itself_and_no_other),
		test(names_that_differ_only_in_flags_share_the_unique_part),
		test(hostile_names_stay_in_the_mailbox),
		test(flags_are_letters_only),
		test(a_draft_that_is_dropped_leaves_nothing),
		test(what_was_not_committed_is_not_kept),
		test(a_crash_at_any_step_leaves_each_message_once_or_not),
		test(opening_removes_this_jobs_temporary_files_alone),
		test(a_full_disk_is_an_error_and_leaves_nothing),
		test(a_mailbox_that_vanished_is_an_error_and_is_not_made_again),
		test(one_message_that_fails_costs_only_itself),
		test(what_is_no_maildir_is_refused),
		test(threads_write_side_by_side),
		test(what_is_forgotten_is_gone_and_nothing_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
