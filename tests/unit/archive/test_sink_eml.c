/* archive/mail_sink.h: trees of files */
#include "sink_support.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/output.h"

static struct error err;

/* The relative name that a message of that name gets. */
static const char *named(struct mail_sink *s, const char *name, const char *extension)
{
	static char got[8192];
	struct mail_form form = { .extension = extension };
	struct mail_item item = item_of(name, NULL, WHEN);
	struct mail_draft d = { 0 };
	uint64_t committed = 0;

	if (draft_data(&d, s, &item, &form, name, strlen(name), &err) != 0 ||
	    mail_sink_settle(s, &d, 1, &committed, &err) != 0)
		fail_msg("%s", err.message);
	snprintf(got, sizeof(got), "out/%s", d.name);
	assert_file_is(got, name);
	snprintf(got, sizeof(got), "%s", d.name);
	mail_sink_drop(&d);
	return got;
}

static void a_tree_keeps_its_names_and_times(void **state)
{
	struct mail_sink *s = sink_of("eml:deep/out", 0);
	struct stat st;

	(void)state;
	assert_string_equal(draft_keep(s, "a/b/1.eml", "x"), "deep/out/a/b/1.eml");
	assert_file_is("deep/out/a/b/1.eml", "x");
	assert_int_equal(stat("deep/out/a/b/1.eml", &st), 0);
	assert_int_equal(st.st_mtim.tv_sec, 1500000000);
	assert_int_equal(st.st_mtim.tv_nsec, 123456789);
	assert_string_equal(draft_keep(s, "\xc3\xa4 b.EML", "x"), "deep/out/\xc3\xa4 b.EML");
	assert_string_equal(draft_keep(s, "latin\xe4.p7m", "x"), "deep/out/latin\xe4.p7m");
	assert_int_equal(mail_sink_finish(s, &err), 0);
	mail_sink_close(s);
}

static void what_became_a_mail_is_called_so_and_replaces_no_other(void **state)
{
	struct mail_sink *s = sink_of("eml:out", 0);

	(void)state;
	assert_string_equal(named(s, "a.p7m", ".eml"), "a.p7m.eml");
	assert_string_equal(named(s, "a.P7M", ".eml"), "a.P7M.eml");
	assert_string_equal(named(s, "a.eml", ".eml"), "a.eml");
	assert_string_equal(named(s, "b.p7m", ".p7m"), "b.p7m");
	assert_string_equal(named(s, "b.p7m", NULL), "b.p7m");
	assert_string_not_equal(named(s, "a.p7m.eml", ".eml"), "a.p7m.eml");
	assert_non_null(strstr(named(s, "a.eml", ".p7m"), ".p7m"));
	assert_int_equal(
	    files_in("out"), 6); /* a.eml was written twice, by one job, under two names */
	mail_sink_close(s);
}

static void a_message_of_another_kind_has_a_name_of_its_own(void **state)
{
	struct mail_sink *s = sink_of("eml:out", 0);
	char first[512];

	(void)state;
	snprintf(first, sizeof(first), "%s", named(s, "12345", NULL));
	assert_memory_equal(first, "12345-", 6);
	assert_string_equal(first + 6 + 16, ".eml");
	assert_string_not_equal(named(s, "cur/12345", NULL), first);
	assert_string_equal(named(s, "12345", NULL), first);
	assert_int_equal(files_in("out"), 2);
	mail_sink_close(s);
}

static void hostile_names_stay_in_the_tree_and_apart(void **state)
{
	static const char *const names[] = { "../../x.eml", "/etc/x.eml", "etc/x.eml", "x.eml",
		"/x.eml", "a\nb.eml", "a_b.eml",
		"a\x7f"
		"b.eml",
		"a/../x.eml", "a//x.eml", "a/./x.eml", "a/x.eml", "", "..", "/", "x/", ".eml",
		"\xff\xfe.eml", ".hsmime-" JOB "/draft-x.eml", "cur/..",
		"./.hsmime-" JOB "/draft-x.eml", "../.HSMIME-" JOB "/draft-x.eml", "\x1b[31m.eml" };
	size_t count = sizeof(names) / sizeof(names[0]);
	struct mail_sink *s = sink_of("eml:out", 0);

	(void)state;
	for (size_t i = 0; i < count; i++)
		named(s, names[i], NULL);
	assert_int_equal(files_in("."), count);
	assert_int_equal(files_in("out"), count);
	assert_int_equal(files_with("out", "\n"), 0);
	assert_int_equal(files_with("out", "\x1b"), 0);
	assert_int_equal(files_in("out/.hsmime-" JOB), 0);
	mail_sink_close(s);
}

/* Of a tree that has a folder of the name that one of its files gets. */
static void a_folder_that_is_called_as_a_file_hinders_none(void **state)
{
	static const char *const names[] = { "a.p7m.eml/1.eml", "a.p7m", "b\n.eml/1.eml", "b_.eml",
		"a.p7m.eml_/1.eml", "c.eml/1.eml" };
	struct mail_sink *s = sink_of("eml:out", 0);

	(void)state;
	for (size_t turn = 0; turn < 2; turn++) {
		for (size_t i = 0; i < 6; i++)
			named(s, names[i], ".eml");
		assert_int_equal(files_in("out"), 6);
	}
	assert_file_is("out/a.p7m.eml", "a.p7m");
	assert_file_is("out/c.eml/1.eml", "c.eml/1.eml");
	mail_sink_close(s);
}

static void long_names_are_cut_and_stay_apart(void **state)
{
	struct mail_sink *s = sink_of("eml:out", 0);
	char name[5000];

	(void)state;
	memset(name, 'n', sizeof(name));
	snprintf(name + 300, 10, "1.eml");
	assert_true(strlen(named(s, name, NULL)) <= 255);
	snprintf(name + 300, 10, "2.eml");
	assert_true(strlen(named(s, name, NULL)) <= 255);
	for (size_t i = 0; i + 1 < 300; i += 2)
		memcpy(name + i, "\xc3\xa4", 2);
	for (size_t i = 0; i < 2; i++) { /* not within a character, wherever the cut is */
		const char *got = named(s, name + 2 * i + i, NULL);
		size_t end = strcspn(got, "-");

		assert_false((unsigned char)got[end - 1] == 0xc3);
	}
	for (size_t i = 0; i < 4900; i++)
		name[i] = i % 2 == 0 ? 'd' : '/';
	snprintf(name + 4900, 10, "x.eml");
	assert_null(strchr(named(s, name, NULL), '/'));
	assert_int_equal(files_in("out"), 5);
	mail_sink_close(s);
}

static void a_tree_with_other_files_is_refused_and_the_jobs_own_is_not(void **state)
{
	struct mail_sink *s = NULL;

	(void)state;
	assert_int_equal(mkdir("out", 0700), 0);
	file_make("out/x.eml", "source");
	assert_int_equal(mail_sink_open(&s, "eml:out", JOB, 0, &err), HSMIME_EUSAGE);
	assert_null(s);
	assert_int_equal(access("out/.hsmime-" JOB, F_OK), -1);
	assert_int_equal(unlink("out/x.eml"), 0);
	s = sink_of("eml:out", 0);
	draft_keep(s, "x.eml", "1");
	assert_int_equal(mail_sink_finish(s, &err), 0);
	mail_sink_close(s);
	s = sink_of("eml:out", 0);
	draft_keep(s, "x.eml", "2");
	assert_file_is("out/x.eml", "2");
	mail_sink_close(s);
	assert_int_equal(mail_sink_open(&s, "eml:out", "ffffffff", 0, &err), HSMIME_EUSAGE);
	file_make("file", "x");
	assert_int_equal(mail_sink_open(&s, "eml:file", JOB, 0, &err), HSMIME_EIO);
	assert_file_is("file", "x");
}

static unsigned entries;
static bool reading_fails;
static const char *made_meanwhile; /* a folder, before the first entry is read */

/* The archive's calls come here, as this program has the name first. */
struct dirent *readdir(DIR *dir) __attribute__((visibility("default")));

struct dirent *readdir(DIR *dir)
{
	static struct dirent *(*real)(DIR *);

	if (real == NULL)
		*(void **)&real = dlsym(RTLD_NEXT, "readdir64");
	entries++;
	if (made_meanwhile != NULL)
		assert_int_equal(mkdir(made_meanwhile, 0700), 0);
	made_meanwhile = NULL;
	if (!reading_fails)
		return real(dir);
	errno = EIO;
	return NULL;
}

/* Between two looks of this one. */
static void a_tree_that_another_host_begins_meanwhile_is_the_jobs_own(void **state)
{
	struct mail_sink *s = NULL;

	(void)state;
	assert_int_equal(mkdir("out", 0700), 0);
	made_meanwhile = "out/.hsmime-" JOB;
	assert_int_equal(mail_sink_open_shared(&s, "eml:out", JOB, "1", &err), 0);
	mail_sink_close(s);
	assert_int_equal(mkdir("other", 0700), 0);
	made_meanwhile = "other/.hsmime-another";
	assert_int_equal(mail_sink_open_shared(&s, "eml:other", JOB, "1", &err), HSMIME_EUSAGE);
	assert_non_null(strstr(err.message, "other has other files"));
}

static void a_tree_of_this_jobs_own_is_opened_without_a_look_at_each_file(void **state)
{
	struct mail_sink *s = sink_of("eml:out", 0);
	char path[32];

	(void)state;
	mail_sink_close(s);
	for (int i = 0; i < 500; i++) {
		snprintf(path, sizeof(path), "out/%d.eml", i);
		file_make(path, "x");
	}
	entries = 0;
	mail_sink_close(sink_of("eml:out", 0));
	assert_in_range(entries, 1, 50);
}

static void a_tree_that_cant_be_read_is_not_taken_for_empty(void **state)
{
	struct mail_sink *s = NULL;

	(void)state;
	assert_int_equal(mkdir("out", 0700), 0);
	file_make("out/x.eml", "source");
	reading_fails = true;
	assert_int_equal(mail_sink_open(&s, "eml:out", JOB, 0, &err), HSMIME_EIO);
	reading_fails = false;
	assert_null(s);
	assert_int_equal(access("out/.hsmime-" JOB, F_OK), -1);
}

static void a_symbolic_link_is_replaced_and_not_followed(void **state)
{
	struct mail_sink *s = sink_of("eml:out", 0);

	(void)state;
	file_make("source.eml", "source");
	assert_int_equal(symlink("../source.eml", "out/x.eml"), 0);
	draft_keep(s, "x.eml", "copy");
	assert_file_is("source.eml", "source");
	assert_file_is("out/x.eml", "copy");
	mail_sink_close(s);
}

static void a_crash_at_any_step_leaves_each_message_once_or_not(void **state)
{
	(void)state;
	assert_crashes_cost_nothing("eml", "f/%d.eml", ".eml");
}

static void an_operation_that_is_done_again_starts_afresh(void **state)
{
	struct mail_sink *s = sink_of("eml:out", 0);
	struct mail_item item = item_of("x.eml", NULL, 0);
	struct mail_draft d = { 0 };
	uint64_t committed = 0;

	(void)state;
	assert_int_equal(draft_data(&d, s, &item, NULL, "first", 5, &err), 0);
	assert_int_equal(draft_write(&d, "2", 1, &err), 0);
	assert_int_equal(
	    files_in("out"), 0); /* neither the first nor, in memory as yet, the second */
	assert_int_equal(mail_sink_end(&d, s, &err), HSMIME_EUSAGE);
	assert_int_equal(output_commit(d.output, &err), 0);
	assert_int_equal(files_in("out"), 1);
	assert_int_equal(mail_sink_end(&d, s, &err), 0);
	assert_int_equal(mail_sink_settle(s, &d, 1, &committed, &err), 0);
	mail_sink_drop(&d);
	assert_file_is("out/x.eml", "2");
	mail_sink_close(s);
}

static void a_time_before_1970_is_kept(void **state)
{
	struct mail_sink *s = sink_of("eml:out", 0);
	struct mail_item item = item_of("x.eml", NULL, -1);
	struct mail_draft d = { 0 };
	uint64_t committed = 0;
	struct stat st;

	(void)state;
	assert_int_equal(draft_data(&d, s, &item, NULL, "", 0, &err), 0);
	assert_int_equal(mail_sink_settle(s, &d, 1, &committed, &err), 0);
	assert_int_equal(stat("out/x.eml", &st), 0);
	assert_int_equal(st.st_size, 0);
	assert_int_equal(st.st_mtim.tv_sec, -1);
	assert_int_equal(st.st_mtim.tv_nsec, 999999999);
	mail_sink_drop(&d);
	mail_sink_close(s);
}

static void a_message_of_100_mb_takes_no_memory(void **state)
{
	struct mail_sink *s = sink_of("eml:out", 0);
	uint64_t committed = 0;
	struct mail_draft d = settle_100_mb(s, 'x', &committed);
	struct stat st;

	(void)state;
	assert_int_equal(stat("out/x.eml", &st), 0);
	assert_int_equal(st.st_size, HUNDRED_MB);
	mail_sink_drop(&d);
	mail_sink_close(s);
}

static void a_full_disk_is_an_error_and_leaves_nothing(void **state)
{
	(void)state;
	assert_full_disk_costs_one("eml:out", "out", "f/x.eml");
}

#define test(name) cmocka_unit_test_setup_teardown(name, scratch_enter, scratch_leave)

/* Its own, under either name, and no other's. */
static void what_is_forgotten_is_gone_and_nothing_else(void **state)
{
	const struct mail_form form = { .extension = ".eml" };
	struct mail_sink *s = sink_of("eml:out", 0);
	struct mail_item item = item_of("a/x.p7m", NULL, WHEN);
	struct mail_draft d = { 0 };
	uint64_t committed = 0;

	(void)state;
	draft_keep(s, "a/x.p7m", "as it was");
	draft_keep(s, "a/y.p7m", "another");
	assert_int_equal(draft_data(&d, s, &item, &form, "clear", 5, &err), 0);
	assert_int_equal(mail_sink_settle(s, &d, 1, &committed, &err), 0);
	mail_sink_drop(&d);
	assert_file_is("out/a/x.p7m.eml", "clear");
	assert_int_equal(mail_sink_forget(s, &item, NULL, &err), 0);
	assert_int_equal(files_with("out", "x.p7m"), 1);
	assert_int_equal(mail_sink_forget(s, &item, ".eml", &err), 0);
	assert_int_equal(files_with("out", "x.p7m"), 0);
	assert_int_equal(mail_sink_forget(s, &item, ".eml", &err), 0);
	assert_file_is("out/a/y.p7m", "another");
	assert_int_equal(mail_sink_forgotten(s, &err), 0);
	mail_sink_close(s);
}

static unsigned syncs;

int fsync(int fd) __attribute__((visibility("default")));

int fsync(int fd)
{
	syncs++;
	return fdatasync(fd);
}

/* A folder is synced once for all that was removed of it in one go. */
static void what_is_forgotten_costs_one_sync_for_each_folder(void **state)
{
	static const char *const names[] = { "a/1.eml", "a/2.eml", "a/3.eml", "b/1.eml", "b/2.eml",
		"b/3.eml" };
	struct mail_sink *s = sink_of("eml:out", 0);

	(void)state;
	for (size_t i = 0; i < 6; i++)
		draft_keep(s, names[i], "text");
	syncs = 0;
	for (size_t i = 0; i < 6; i++) {
		struct mail_item item = item_of(names[i], NULL, WHEN);

		assert_int_equal(mail_sink_forget(s, &item, NULL, &err), 0);
		assert_int_equal(syncs, i / 3); /* one folder before another takes its place */
	}
	assert_int_equal(mail_sink_forgotten(s, &err), 0);
	assert_int_equal(syncs, 2);
	assert_int_equal(mail_sink_forgotten(s, &err), 0);
	assert_int_equal(syncs, 2);
	assert_int_equal(files_with("out", "/a/") + files_with("out", "/b/"), 0);
	mail_sink_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(a_tree_keeps_its_names_and_times),
		test(what_became_a_mail_is_called_so_and_replaces_no_other),
		test(a_message_of_another_kind_has_a_name_of_its_own),
		test(hostile_names_stay_in_the_tree_and_apart),
		test(a_folder_that_is_called_as_a_file_hinders_none),
		test(long_names_are_cut_and_stay_apart),
		test(a_tree_with_other_files_is_refused_and_the_jobs_own_is_not),
		test(a_tree_that_another_host_begins_meanwhile_is_the_jobs_own),
		test(a_tree_of_this_jobs_own_is_opened_without_a_look_at_each_file),
		test(a_tree_that_cant_be_read_is_not_taken_for_empty),
		test(a_symbolic_link_is_replaced_and_not_followed),
		test(a_crash_at_any_step_leaves_each_message_once_or_not),
		test(an_operation_that_is_done_again_starts_afresh),
		test(a_time_before_1970_is_kept),
		test(a_message_of_100_mb_takes_no_memory),
		test(a_full_disk_is_an_error_and_leaves_nothing),
		test(what_is_forgotten_is_gone_and_nothing_else),
		test(what_is_forgotten_costs_one_sync_for_each_folder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
