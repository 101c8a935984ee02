/*
 * journal: what is to be done in a job, what is done and with what outcome, so that a job that was
 * stopped at any point goes on where it was and no message gets two outputs or none. Kinds of journal
 * differ behind this interface alone: SQLite, an embedded file for one host; PostgreSQL for several. Each is
 * a module of its own that is loaded when it is asked for (no other command pays for its libraries):
 * KIND/journal_KIND.c with a struct journal_kind.
 *
 * Order that the caller keeps: an output is written, synced, renamed, its folder synced, and then
 * committed here. After a commit has returned it is on the disk. One that failed because of the disk has
 * recorded nothing as long as the journal is open, and may be made again; behind a kill it is all there
 * or nothing of it.
 *
 * Several hosts: each process that works on a shared journal (PostgreSQL's) is a host of it. What it is given is
 * leased: its own as long as it says now and then that it is there (beat, and whatever else changes the journal). One
 * whose time has run out is reaped by the others: first it is marked, so that nothing of it is recorded any more; then the
 * caller removes the files that it was writing, so that nothing of it is named any more; then what it had is
 * given out again. Time is the journal's alone, no host's. Who was only slow is told so (JOURNAL_LOST), and joins anew.
 */
#ifndef ARCHIVE_JOURNAL_H
#define ARCHIVE_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "archive/mail_source.h"
#include "util/error.h"

#define JOURNAL_SHA 32      /* octets of a SHA-256 */
#define JOURNAL_INTERFACE 4 /* of struct journal_kind; another one's module is not used */

#define JOURNAL_LOST 1   /* a result of some: this host's time ran out; nothing was recorded */
#define JOURNAL_TAG 24   /* octets of a host's name in file names, with a NUL */
#define JOURNAL_LEASE 30 /* seconds, where nobody says */
#define JOURNAL_PAUSE 60 /* seconds: what is longer between two commits is no work */

enum journal_state {
	JOURNAL_WAITING = 0, /* to be done, or leased by a host that is at it */
	JOURNAL_DONE = 1,
	JOURNAL_COPIED = 2,  /* not encrypted: as it was */
	JOURNAL_SKIPPED = 3, /* by an option: nothing was written */
	JOURNAL_FAILED = 4   /* the original is in failed/, byte for byte */
};

/* One message of the job. Strings belong to the entry. */
struct journal_entry {
	uint64_t
	    number; /* from 1, in the order in which they were added; names it in the journal */
	struct mail_item
	    item; /* all of it: enough for mail_source_read and mail_sink_begin, with no new listing */
	enum journal_state state;
	/* With an outcome: */
	bool closed;  /* for commit alone, of no failure: something encrypted in it stayed so */
	bool has_sha; /* both: */
	unsigned char input_sha[JOURNAL_SHA];
	unsigned char output_sha[JOURNAL_SHA];
	char *
	    cause; /* a word of a closed list ("no-key", "malformed", …); NULL without; never of a failure */
	char *output; /* its name in the sink, or in failed/; NULL without */
	char *record; /* the line of the manifest: JSON, without newline; NULL without */
	char *
	    problem; /* each with failed_only gives it: the text "problem" of the record, or NULL */
};

void journal_entry_free(struct journal_entry *e); /* its members; zeroed is allowed */

/* Totals of a job. */
struct journal_totals {
	uint64_t counts[JOURNAL_FAILED + 1]; /* by state */
	uint64_t octets[JOURNAL_FAILED + 1]; /* of the sources, by state */
	uint64_t closed;                     /* with such outcomes */
	bool listed;                         /* all of the mailbox is in the journal */
	bool finished;                       /* of a shared one: see finished; else true */
	int64_t started;                     /* Unix time of the job's first run */
	int64_t changed;                     /* of the last commit; 0 before the first */
	uint64_t worked;    /* seconds up to it, in which a pause counts JOURNAL_PAUSE at most */
	uint64_t committed; /* octets of the mbox that is written: see journal_commit */
};

/* What failed of one cause. */
struct journal_cause {
	char *cause;
	uint64_t count;
};

/* Messages with an outcome that have the same of something. */
struct journal_tally {
	char *value;                         /* NULL: they have none */
	uint64_t counts[JOURNAL_FAILED + 1]; /* by state */
};

/* What one host does at a time. */
enum journal_duty {
	JOURNAL_LISTS,   /* the mailbox into the journal */
	JOURNAL_FINISHES /* what is left once nothing waits */
};

enum journal_presence { JOURNAL_PRESENT, JOURNAL_LEFT, JOURNAL_GONE };

/* A process that works, or worked, on a shared journal. */
struct journal_host {
	char *name;                     /* of the machine */
	uint64_t process;               /* there */
	enum journal_presence presence; /* gone: it was not heard of for too long */
	uint64_t held;                  /* messages that it was given, without an outcome */
	uint64_t done;                  /* outcomes that it recorded */
	int64_t since;                  /* Unix time */
	int64_t seen;
};

/* Whoever opened a journal may be told of what it waits for, by the thread that called it. All may be NULL or 0. */
struct journal_watch {
	unsigned patience;                         /* seconds that the server may be away */
	void (*say)(void *arg, const char *words); /* what it waits for */
	bool (*over)(void *arg);                   /* it is not to wait any more */
	void *arg;
};

struct journal;

/*
 * Every function gives 0 or a negative hsmime_status with words in err, and may be called by one
 * thread at a time, but for beat; outputs are NULL or 0 after a failure. HSMIME_EIO is what the disk, its locks or
 * another process do, HSMIME_EFORMAT a journal that is damaged or none at all.
 */
struct journal_kind {
	unsigned interface; /* JOURNAL_INTERFACE */
	bool shared;        /* several processes work on one at a time */
	/*
	 * Whether place can be one at all, before anything is made; HSMIME_EUSAGE where it has a password; reach: and its
	 * server can be reached. NULL: always.
	 */
	int (*check)(const char *place, bool reach, struct error *err);
	/*
	 * Opens the journal at place, or makes it. settings is what the job was asked to do, as a JSON
	 * object without a PIN: a journal that was made with other settings (not in another order, or with
	 * other blanks) is HSMIME_EUSAGE, whose words name the first that differs. One that another process
	 * has open, and that is not shared, is HSMIME_EIO at once. settings NULL: only an existing one (status, report, retry), which
	 * may be read while another process has it open; HSMIME_EIO where there is none. Then the first
	 * function that changes it, or gives out messages, is what another process stands against.
	 */
	int (*open)(struct journal *j, const char *place, const char *settings, struct error *err);
	int (*settings)(char **out, struct journal *j, struct error *err); /* free(*out) */
	/* One of them: a text, or a number or truth (0, 1) in words; NULL where it is null, or none is called so. */
	int (*setting)(char **out, struct journal *j, const char *name, struct error *err);
	/*
	 * Adds messages in order, all or none; those that are there by key already stay as they are, with the
	 * name and flags of the first listing. An item without a key is known by its name. One of a key that
	 * is there, and of another name and another size or time, is another message (new and cur of a Maildir
	 * may each have a 123.host): it is added under a key of its own, the same each time. They need not be on the disk yet: whoever finds after a crash that not all are listed, lists again. A
	 * commit takes with it what was added before.
	 */
	int (*add)(
	    struct journal *j, const struct mail_item *items, size_t count, struct error *err);
	int (*listed)(struct journal *j, struct error *err); /* there are no more; on the disk */
	/*
	 * Work on it, as a host with so many seconds' lease, or anew as another one; tag, unlike any other's, is to begin
	 * the names of its temporary files. Of one that is not shared: the tag is "". Who did not do so joins by the
	 * first function that changes the journal. From then on add, listed, take, commit, finished, claim, hold and beat
	 * may give JOURNAL_LOST.
	 */
	int (*join)(char tag[JOURNAL_TAG], struct journal *j, unsigned lease, struct error *err);
	/* This host is there. beat: the same by a thread of its own, beside the others' calls. */
	int (*hold)(struct journal *j, struct error *err);
	int (*beat)(struct journal *j, struct error *err);
	/* Whether this host is the one that does that: nobody else does, or who did so is gone or left. */
	int (*claim)(bool *mine, struct journal *j, enum journal_duty duty, struct error *err);
	/* The tag of a host whose time ran out, now marked; "" where there is none. release: its files are gone. */
	int (*reap)(char tag[JOURNAL_TAG], struct journal *j, struct error *err);
	int (*release)(struct journal *j, const char *tag, struct error *err);
	/* All hosts, in the order in which they came; free(hosts[i].name), free(*hosts). */
	int (*hosts)(
	    struct journal_host **hosts, size_t *count, struct journal *j, struct error *err);
	int (*finished)(struct journal *j, struct error *err); /* by who does that: it is done */
	/*
	 * The next messages that wait, in order, at most max, none of which was given out since the journal was
	 * opened, nor to another host that is there. *count 0: none now. journal_entry_free each.
	 */
	int (*take)(struct journal_entry *entries, size_t *count, size_t max, struct journal *j,
	    struct error *err);
	/*
	 * Outcomes of messages that were given out, in one transaction: all or none. Of each entry the number
	 * and the outcome count. committed is the length of the mbox that they were appended to, with all of
	 * them; with 0 the length stays as it is. HSMIME_EINTERNAL: a message that was not given out, or has
	 * its outcome already; a failure without a cause; a length below the one before.
	 */
	int (*commit)(struct journal *j, const struct journal_entry *entries, size_t count,
	    uint64_t committed, struct error *err);
	int (*totals)(struct journal_totals *out, struct journal *j, struct error *err);
	/* Counts of failed messages by cause, most first; free(*causes[i].cause), free(*causes). */
	int (*causes)(
	    struct journal_cause **causes, size_t *count, struct journal *j, struct error *err);
	/*
	 * Counts by the text member of the records, of which the first so many octets (0: all) count, in order of
	 * the value; free(*rows[i].value), free(*rows). Reads every record.
	 */
	int (*tally)(struct journal_tally **rows, size_t *count, struct journal *j,
	    const char *member, size_t octets, struct error *err);
	/*
	 * visit(arg, entry) for each message in order (failed_only: that failed), until it gives non-zero,
	 * which is returned. It may call the journal. What changes meanwhile may be seen or not.
	 */
	int (*each)(struct journal *j, bool failed_only,
	    int (*visit)(void *arg, const struct journal_entry *e), void *arg, struct error *err);
	/*
	 * Failed messages, of that cause or of any (NULL), wait again and are given out again; *count says how
	 * many. HSMIME_EUSAGE while messages that were given out have no outcome; HSMIME_EIO while another host is there.
	 */
	int (*retry)(uint64_t *count, struct journal *j, const char *cause, struct error *err);
	void (*close)(struct journal *j); /* also after an open that failed */
};

struct journal {
	const struct journal_kind *kind;
	void *library; /* of the module */
	void *own;     /* the kind's */
	struct journal_watch watch;
};

/* The symbol of a module: a const struct journal_kind. */
#define JOURNAL_SYMBOL "hsmime_journal"

/*
 * journal_open(out, name, settings, err):
 * The journal at name: a path (SQLite), or "postgresql://…#NAME": a URI as libpq has it, and behind it what the journal is
 * called in that database. The module stands beside the library, in
 * hsmime/hsmime-journal-KIND.so; where it is missing HSMIME_EUNSUPPORTED says what to install. Else as
 * the kind's open.
 */
int journal_open(struct journal **out, const char *name, const char *settings, struct error *err);
void journal_close(struct journal *j); /* NULL is allowed */

/* journal_check(name, reach, err): as the kind's check; and as journal_open where its module is missing. */
int journal_check(const char *name, bool reach, struct error *err);

#endif
