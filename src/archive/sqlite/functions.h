/*
 * functions: the kind's functions, by what they are about; journal_sqlite.c puts them together. The
 * contract is archive/journal.h.
 */
#ifndef ARCHIVE_SQLITE_FUNCTIONS_H
#define ARCHIVE_SQLITE_FUNCTIONS_H

#include "archive/journal.h"
#include "database.h"

static inline struct database *database_of(struct journal *j)
{
	return j->own;
}

/* job.c: the job as a whole. */
int job_open(struct journal *j, const char *place, const char *settings, struct error *err);
int job_settings(char **out, struct journal *j, struct error *err);
int job_setting(char **out, struct journal *j, const char *name, struct error *err);
int job_totals(struct journal_totals *out, struct journal *j, struct error *err);
int job_listed(struct journal *j, struct error *err);
void job_close(struct journal *j);
/* job_count(d, state, count, octets, err): so many more of that state; within a transaction. */
int job_count(
    struct database *d, enum journal_state state, int64_t count, int64_t octets, struct error *err);

/* host.c: the one that works on it. */
int host_join(char tag[JOURNAL_TAG], struct journal *j, unsigned lease, struct error *err);
int host_hold(struct journal *j, struct error *err); /* nothing has to be said, nor done */
int host_claim(bool *mine, struct journal *j, enum journal_duty duty, struct error *err);
int host_reap(char tag[JOURNAL_TAG], struct journal *j, struct error *err);
int host_release(struct journal *j, const char *tag, struct error *err);
int host_list(struct journal_host **hosts, size_t *count, struct journal *j, struct error *err);

/* message.c: what is to be done. */
int message_add(struct journal *j, const struct mail_item *items, size_t count, struct error *err);
int message_take(
    struct journal_entry *entries, size_t *count, size_t max, struct journal *j, struct error *err);
/* message_read(e, statement, err): the message of a row, whose first columns are a message's. */
int message_read(struct journal_entry *e, sqlite3_stmt *statement, struct error *err);

/* outcome.c: what became of it. */
int outcome_commit(struct journal *j, const struct journal_entry *entries, size_t count,
    uint64_t committed, struct error *err);
int outcome_retry(uint64_t *count, struct journal *j, const char *cause, struct error *err);

/* report.c: what a reader asks. */
int report_causes(
    struct journal_cause **causes, size_t *count, struct journal *j, struct error *err);
int report_tally(struct journal_tally **rows, size_t *count, struct journal *j, const char *member,
    size_t octets, struct error *err);
int report_each(struct journal *j, bool failed_only,
    int (*visit)(void *arg, const struct journal_entry *e), void *arg, struct error *err);

#endif
