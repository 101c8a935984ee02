/* What a journal gives back of a message is enough to read it and to write it, with no new listing. */
#include "jobs.h"
#include "mailbox.h"

#include <stdio.h>

#include "archive/journal.h"
#include "archive/mail_sink.h"

static struct error err;

#define DO(call) assert_int_equal((call), 0)

static struct journal *journal(void)
{
	struct journal *j = NULL;

	DO(journal_open(&j, job_place(), "{}", &err));
	return j;
}

/* A run that lists the mailbox, and no more. */
static void list_into_journal(const char *mailbox)
{
	struct mail_source *s = opened(mailbox);
	struct journal *j = journal();
	struct listing l = list_all(s);

	assert_int_equal(l.failures, 0);
	DO(j->kind->add(j, l.items, l.count, &err));
	listing_free(&l);
	journal_close(j);
	mail_source_close(s);
}

/* What a later run reads of the one message that waits. */
static void assert_reads(const char *mailbox, const char *text)
{
	struct mail_source *s = opened(mailbox);
	struct journal *j = journal();
	struct journal_entry e[2];
	size_t count;

	DO(j->kind->take(e, &count, 2, j, &err));
	assert_int_equal(count, 1);
	assert_content(s, &e[0].item, text, strlen(text));
	journal_entry_free(&e[0]);
	assert_null(e[0].item.key);
	journal_close(j);
	mail_source_close(s);
}

static void a_message_of_an_mbox_is_read_with_its_quotes_taken_off(void **state)
{
	(void)state;
	put_text("mbox", "From a Fri Jul  1 09:13:09 1994\nA: b\n\n>From x\n>>From y\n>From z\n");
	list_into_journal("mbox:mbox");
	assert_reads("mbox:mbox", "A: b\n\nFrom x\n>From y\nFrom z\n");
}

static void a_message_of_a_maildir_is_read_under_other_flags(void **state)
{
	(void)state;
	put_maildir("m");
	put_text("m/cur/1.host:2,S", "A: b\n\nc\n");
	list_into_journal("maildir:m");
	DO(rename("m/cur/1.host:2,S", "m/cur/1.host:2,RS"));
	list_into_journal("maildir:m");
	assert_reads("maildir:m", "A: b\n\nc\n");
}

/* The name that the one message that waits gets. */
static void name_of_draft(char *out, size_t room, const char *sink)
{
	struct mail_sink *s = NULL;
	struct mail_draft d;
	struct journal *j = journal();
	struct journal_entry e;
	size_t count;

	DO(mail_sink_open(&s, sink, "0123abcd", 0, &err));
	DO(j->kind->take(&e, &count, 1, j, &err));
	assert_int_equal(count, 1);
	DO(mail_sink_begin(&d, s, &e.item, NULL, &err));
	snprintf(out, room, "%s", d.name);
	mail_sink_drop(&d);
	journal_entry_free(&e);
	journal_close(j);
	mail_sink_close(s);
}

static void one_name(const char *sink)
{
	char first[300], again[300];

	put_maildir("m");
	put_text("m/cur/1.host:2,S", "A: b\n\nc\n");
	list_into_journal("maildir:m");
	name_of_draft(first, sizeof(first), sink);
	DO(rename("m/cur/1.host:2,S", "m/cur/1.host:2,RS"));
	list_into_journal("maildir:m");
	name_of_draft(again, sizeof(again), sink);
	assert_string_equal(again, first);
}

static void a_message_whose_flags_change_is_written_under_one_name_into_a_maildir(void **state)
{
	(void)state;
	one_name("maildir:out");
}

static void a_message_whose_flags_change_is_written_under_one_name_into_a_tree(void **state)
{
	(void)state;
	one_name("eml:tree");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		JOB_TEST(a_message_of_an_mbox_is_read_with_its_quotes_taken_off),
		JOB_TEST(a_message_of_a_maildir_is_read_under_other_flags),
		JOB_TEST(a_message_whose_flags_change_is_written_under_one_name_into_a_maildir),
		JOB_TEST(a_message_whose_flags_change_is_written_under_one_name_into_a_tree),
	};

	return job_test("test_journal_items", tests, sizeof(tests) / sizeof(tests[0]));
}
