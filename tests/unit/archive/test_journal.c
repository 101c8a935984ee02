/* What holds for every kind of journal. */
#include "jobs.h"

#include <time.h>

static struct error err;

#define DO(call) assert_int_equal(job_try((call), &err), 0)

static void a_new_job_is_empty(void **state)
{
	struct journal *j = job_open(SETTINGS);
	struct journal_totals t;
	char *settings = NULL;

	(void)state;
	DO(j->kind->settings(&settings, j, &err));
	assert_string_equal(settings, SETTINGS);
	free(settings);
	DO(j->kind->totals(&t, j, &err));
	assert_true(t.started >= time(NULL) - 60 && t.started <= time(NULL));
	assert_int_equal(t.changed, 0);
	assert_int_equal(t.committed, 0);
	assert_false(t.listed);
	for (int i = 0; i <= JOURNAL_FAILED; i++)
		assert_true(t.counts[i] == 0 && t.octets[i] == 0);
	assert_int_equal(job_commit(j, 10, JOURNAL_DONE), 0);
	journal_close(j);
}

static void messages_come_back_as_they_were_added(void **state)
{
	struct journal *j = job_open(SETTINGS);
	struct journal_entry e[8];

	(void)state;
	job_add(j, 1, 7);
	assert_int_equal(job_take(e, j, 3), 3);
	assert_int_equal(job_take(e + 3, j, 8 - 3), 4);
	for (uint64_t i = 1; i <= 7; i++) {
		const struct journal_entry *at = &e[i - 1];
		char key[32], name[64];

		snprintf(key, sizeof(key), "m%09d", (int)i);
		snprintf(name, sizeof(name), "cur/%s:2,S", key);
		assert_int_equal(at->number, i);
		assert_string_equal(at->item.key, key);
		assert_string_equal(at->item.name, name);
		assert_int_equal(at->item.size, 100 + i);
		assert_true(at->item.modified == -(int64_t)i);
		assert_int_equal(at->item.offset, 3 * i);
		assert_int_equal(at->item.quoted, i % 5);
		assert_int_equal(at->state, JOURNAL_WAITING);
		assert_true(at->cause == NULL && at->output == NULL && at->record == NULL);
	}
	assert_int_equal(job_take(e + 7, j, 1), 0);
	job_free(e, 7);
	journal_close(j);
}

static void what_is_there_by_key_stays_as_it_is(void **state)
{
	struct journal *j = job_open(SETTINGS);
	char a[] = "a", b[] = "b";
	struct mail_item twice[] = { { .name = a, .size = 1 }, { .name = b, .size = 2 },
		{ .name = a, .size = 9 } };

	(void)state;
	DO(j->kind->add(j, twice, 3, &err));
	assert_int_equal(job_count(j, JOURNAL_WAITING), 2);
	assert_int_equal(job_commit(j, 1, JOURNAL_DONE), 1);
	DO(j->kind->add(j, twice, 3, &err));
	DO(j->kind->listed(j, &err));
	DO(j->kind->add(j, twice, 3, &err));
	journal_close(j);
	j = job_open(SETTINGS);
	DO(j->kind->add(j, twice, 3, &err));
	job_add(j, 1, 1);
	DO(j->kind->add(j, twice, 3, &err));
	assert_int_equal(job_count(j, JOURNAL_WAITING), 2);
	assert_int_equal(job_count(j, JOURNAL_DONE), 1);
	journal_close(j);
}

static int sees_first(void *arg, const struct journal_entry *e)
{
	++*(unsigned *)arg;
	assert_string_equal(e->item.key, "1.host");
	assert_string_equal(e->item.name, "cur/1.host:2,S");
	assert_int_equal(e->item.quoted, 7);
	return 0;
}

static void a_message_of_other_flags_is_the_same_one(void **state)
{
	struct journal *j = job_open(SETTINGS);
	char key[] = "1.host", was[] = "cur/1.host:2,S", is[] = "cur/1.host:2,RS";
	struct mail_item first = { .name = was, .key = key, .size = 1, .quoted = 7 };
	struct mail_item again = { .name = is, .key = key, .size = 1, .quoted = 7 };
	unsigned count = 0;

	(void)state;
	DO(j->kind->add(j, &first, 1, &err));
	DO(j->kind->add(j, &again, 1, &err));
	journal_close(j);
	j = job_open(SETTINGS);
	DO(j->kind->add(j, &again, 1, &err));
	assert_int_equal(job_count(j, JOURNAL_WAITING), 1);
	DO(j->kind->each(j, false, sees_first, &count, &err));
	assert_int_equal(count, 1);
	journal_close(j);
}

/* As a Maildir has them where programs that number their messages alike delivered into it. */
static void two_messages_of_one_key_are_two(void **state)
{
	struct journal *j = job_open(SETTINGS);
	char key[] = "1.host", cur[] = "cur/1.host:2,S", new[] = "new/1.host",
	     again[] = "cur/1.host:2,";
	struct mail_item items[] = { { .name = cur, .key = key, .size = 1, .modified = 5 },
		{ .name = new, .key = key, .size = 2, .modified = 5 },
		{ .name = again, .key = key, .size = 2, .modified = 5 } };
	struct journal_entry e[3];

	(void)state;
	DO(j->kind->add(j, items, 3, &err));
	DO(j->kind->add(j, items, 3, &err));
	journal_close(j);
	j = job_open(SETTINGS);
	DO(j->kind->add(j, items, 3, &err));
	/* Under its old name it is what it was, whatever has become of it. */
	items[0].size = 9;
	DO(j->kind->add(j, items, 1, &err));
	assert_int_equal(job_take(e, j, 3), 2);
	assert_string_equal(e[0].item.key, key);
	assert_string_equal(e[1].item.name, new);
	assert_string_not_equal(e[1].item.key, key);
	job_free(e, 2);
	journal_close(j);
}

/* Enough that the journal sorts the names away more than once. */
static void many_names_are_each_there_once(void **state)
{
	struct journal *j = job_open(SETTINGS);

	(void)state;
	job_add(j, 1, 310000);
	job_add(j, 250000, 100000);
	journal_close(j);
	j = job_open(SETTINGS);
	job_add(j, 1, 1000);
	job_add(j, 305000, 60000);
	assert_int_equal(job_count(j, JOURNAL_WAITING), 364999);
	journal_close(j);
}

/* All octets but NUL, in each place, newlines and what is no UTF-8 too. */
static void names_and_outputs_are_octets(void **state)
{
	struct journal *j = job_open(SETTINGS);
	struct journal_entry e[100];
	char name[32];
	size_t n, seen = 0;

	(void)state;
	for (int i = 0; i < 5000; i++) {
		struct mail_item item = { .name = name };

		for (int k = 0; k < 20; k++)
			name[k] = (char)(1 + (i * 7 + k * 31 + i / 255 * k) % 255);
		snprintf(name + 20, sizeof(name) - 20, "%d", i);
		DO(j->kind->add(j, &item, 1, &err));
	}
	while ((n = job_take(e, j, 100)) > 0) {
		for (size_t i = 0; i < n; i++, seen++) {
			const char *got = e[i].item.name;

			for (size_t k = 0; k < 20; k++)
				assert_int_equal((unsigned char)got[k],
				    1 + (seen * 7 + k * 31 + seen / 255 * k) % 255);
			assert_int_equal(strtoul(got + 20, NULL, 10), seen);
			e[i].state = JOURNAL_DONE;
			e[i].output = strdup(got);
		}
		DO(j->kind->commit(j, e, n, 0, &err));
		job_free(e, n);
	}
	assert_int_equal(seen, 5000);
	journal_close(j);
}

static int same_output(void *arg, const struct journal_entry *e)
{
	++*(unsigned *)arg;
	assert_string_equal(e->item.name, e->output);
	return 0;
}

static void outputs_are_octets(void **state)
{
	struct journal *j;
	unsigned count = 0;

	names_and_outputs_are_octets(state);
	j = job_open(NULL);
	DO(j->kind->each(j, false, same_output, &count, &err));
	assert_int_equal(count, 5000);
	journal_close(j);
}

static void an_empty_name_and_a_long_one(void **state)
{
	struct journal *j = job_open(SETTINGS);
	char *name = calloc(1, 70001);
	struct mail_item items[] = { { .name = (char[]){ "" } }, { .name = name },
		{ .name = (char[]){ "" } } };
	struct journal_entry e[3];

	(void)state;
	memset(name, '\xff', 70000);
	DO(j->kind->add(j, items, 3, &err));
	assert_int_equal(job_take(e, j, 3), 2);
	assert_string_equal(e[0].item.name, "");
	assert_string_equal(e[1].item.name, name);
	job_free(e, 2);
	free(name);
	journal_close(j);
}

static void what_has_no_outcome_is_given_out_again_after_a_new_start(void **state)
{
	struct journal *j = job_open(SETTINGS);
	struct journal_entry e[10];

	(void)state;
	job_add(j, 1, 10);
	assert_int_equal(job_take(e, j, 6), 6);
	job_free(e, 6);
	for (size_t i = 0; i < 3; i++)
		e[i] = job_outcome(2 * i + 1, JOURNAL_DONE);
	DO(j->kind->commit(j, e, 3, 0, &err));
	journal_close(j);
	j = job_open(SETTINGS);
	assert_int_equal(job_take(e, j, 10), 7);
	assert_int_equal(e[0].number, 2);
	assert_int_equal(e[1].number, 4);
	assert_int_equal(e[2].number, 6);
	assert_int_equal(e[3].number, 7);
	job_free(e, 7);
	journal_close(j);
}

static void other_settings_are_named(void **state)
{
	static const struct {
		const char *settings;
		const char *name;
	} rows[] = {
		{ "{\"in\":\"maildir:x\",\"out\":\"maildir:b\",\"keys\":[\"k1\",\"k2\"]}", "in" },
		{ "{\"in\":\"maildir:a\",\"out\":7,\"keys\":[\"k1\",\"k2\"]}", "out" },
		{ "{\"in\":\"maildir:a\",\"out\":\"maildir:b\",\"keys\":[\"k1\",\"k3\"]}",
		    "keys[1]" },
		{ "{\"in\":\"maildir:a\",\"out\":\"maildir:b\",\"keys\":[\"k1\"]}", "keys[1]" },
		{ "{\"in\":\"maildir:a\",\"keys\":[\"k1\",\"k2\"]}", "out" },
		{ "{\"in\":\"maildir:a\",\"out\":\"maildir:b\",\"keys\":[\"k1\",\"k2\"],\"deep\":"
		  "true}",
		    "deep" },
	};
	char words[64];

	(void)state;
	journal_close(job_open(SETTINGS));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(job_refused(rows[i].settings, &err), HSMIME_EUSAGE);
		snprintf(words, sizeof(words), "another setting: %s", rows[i].name);
		assert_string_equal(strstr(err.message, "another"), words);
		assert_null(strstr(err.message, "maildir:"));
	}
	journal_close(job_open(
	    "{ \"keys\": [\"k1\", \"k2\"], \"out\": \"maildir:b\", \"in\": \"maildir:a\" }"));
}

static void settings_have_to_be_an_object(void **state)
{
	(void)state;
	assert_int_equal(job_refused("[1]", &err), HSMIME_EINTERNAL);
	assert_int_equal(job_refused("{\"a\":", &err), HSMIME_EINTERNAL);
	journal_close(job_open(SETTINGS));
	assert_int_equal(job_refused("{\"a\":", &err), HSMIME_EINTERNAL);
}

static void without_settings_there_has_to_be_a_job(void **state)
{
	(void)state;
	assert_int_equal(job_refused(NULL, &err), HSMIME_EIO);
	journal_close(job_open(SETTINGS));
	journal_close(job_open(NULL));
}

static int count_one(void *arg, const struct journal_entry *e)
{
	assert_int_equal(e->state, JOURNAL_FAILED);
	++*(unsigned *)arg;
	return 0;
}

static void one_process_writes_and_others_read(void **state)
{
	struct journal *j = job_open(SETTINGS), *reader;
	unsigned all = 0;
	uint64_t count;
	struct journal_entry e;
	size_t n;

	(void)state;
	job_add(j, 1, 300);
	assert_int_equal(job_refused(SETTINGS, &err), HSMIME_EIO);
	assert_non_null(strstr(err.message, "in use"));
	reader = job_open(NULL);
	assert_int_equal(job_count(reader, JOURNAL_WAITING), 300);
	assert_int_equal(job_commit(j, 100, JOURNAL_FAILED), 100);
	assert_int_equal(job_count(reader, JOURNAL_FAILED), 100);
	assert_int_equal(reader->kind->each(reader, true, count_one, &all, &err), 0);
	assert_int_equal(all, 100);
	assert_int_equal(reader->kind->retry(&count, reader, NULL, &err), HSMIME_EIO);
	assert_int_equal(reader->kind->take(&e, &n, 1, reader, &err), HSMIME_EIO);
	assert_int_equal(n, 0);
	assert_int_equal(job_count(reader, JOURNAL_FAILED), 100);
	journal_close(j);
	assert_int_equal(job_count(reader, JOURNAL_FAILED), 100);
	DO(reader->kind->retry(&count, reader, NULL, &err));
	assert_int_equal(count, 100);
	assert_int_equal(job_refused(SETTINGS, &err), HSMIME_EIO);
	journal_close(reader);
	journal_close(job_open(SETTINGS));
}

#ifndef POSTGRESQL_RIG
static void a_kind_without_its_module_says_so(void **state)
{
	struct journal *j = NULL;

	(void)state;
	assert_int_equal(
	    journal_open(&j, "postgresql://localhost/none", SETTINGS, &err), HSMIME_EUNSUPPORTED);
	assert_null(j);
	assert_non_null(strstr(err.hint, "hsmime-journal-postgresql.so"));
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		JOB_TEST(a_new_job_is_empty),
		JOB_TEST(messages_come_back_as_they_were_added),
		JOB_TEST(what_is_there_by_key_stays_as_it_is),
		JOB_TEST(a_message_of_other_flags_is_the_same_one),
		JOB_TEST(two_messages_of_one_key_are_two),
		JOB_TEST(many_names_are_each_there_once),
		JOB_TEST(outputs_are_octets),
		JOB_TEST(an_empty_name_and_a_long_one),
		JOB_TEST(what_has_no_outcome_is_given_out_again_after_a_new_start),
		JOB_TEST(other_settings_are_named),
		JOB_TEST(settings_have_to_be_an_object),
		JOB_TEST(without_settings_there_has_to_be_a_job),
	};
	const struct CMUnitTest alone[] = {
		JOB_TEST(one_process_writes_and_others_read),
#ifndef POSTGRESQL_RIG
		JOB_TEST(a_kind_without_its_module_says_so),
#endif
	};

	return cmocka_run_group_tests(alone, NULL, NULL) +
	       job_test("test_journal", tests, sizeof(tests) / sizeof(tests[0]));
}
