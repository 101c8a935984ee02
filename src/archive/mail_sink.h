/*
 * mail_sink: a mailbox that is written: messages come whole or not at all, and a message that is
 * written again replaces what it was. Kinds differ behind this interface alone: each is one file
 * sink_KIND.c with a struct mail_sink_kind, and a line in the table of mail_sink.c.
 *
 * What a job writes is safe in three steps, so that an fsync for each message does not cost the rate:
 *   1. mail_sink_begin, writing, mail_sink_end: by workers, side by side: a temporary file, complete
 *      but not yet synced;
 *   2. mail_sink_settle: a batch of ended messages: their files synced together, renamed to their
 *      names, the folders synced (an mbox: appended in order, and synced once);
 *   3. the caller's journal commits the batch.
 * Names come from the job and from the message's key and name in its source, so that the same
 * message written again after a crash replaces itself. For that its item must be the same again: as
 * the journal has it, not as a later listing finds it with other flags.
 *
 * What can't be written is HSMIME_EIO with words. Nothing that is half stands under a name, and the
 * temporary files that a crash leaves are removed when the same job opens the mailbox again.
 */
#ifndef ARCHIVE_MAIL_SINK_H
#define ARCHIVE_MAIL_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <hsmime/stream.h>

#include "archive/mail_source.h"
#include "util/error.h"

struct mail_sink;

/* A message on its way. Zero before use. From its end to settle or drop it takes one open file. */
struct mail_draft {
	hsmime_output
	    *output;   /* takes the octets; what operations of the library write to and commit */
	char *name;    /* in the mailbox, once it is settled; of an mbox its offset */
	uint64_t size; /* octets that were written, once it has ended */
	int status;    /* of settle: 0, or why this one is not in the mailbox */
	void *own;     /* the kind's */
};

/* How a message is to be written, beside what its item says. Zero: as it was. */
struct mail_form {
	const char *
	    extension; /* ".eml" or ".p7m": what it has become; of kinds that have files of such names */
	const char *
	    from_line; /* of an mbox: the line "From " without its end; NULL: made from the item's time */
};

struct mail_sink_kind {
	const char *scheme; /* "maildir", "mbox", "eml" */
	/* One file: messages come in the order of their source, and it gets its name at the end, as of an mbox. */
	bool ordered;
	/* As mail_sink_open and so on; s->own is NULL before, and close comes after a failure too. */
	int (*open)(struct mail_sink *s, uint64_t committed, struct error *err);
	int (*begin)(struct mail_draft *d, struct mail_sink *s, const struct mail_item *item,
	    const struct mail_form *form, struct error *err);
	int (*settle)(struct mail_sink *s, struct mail_draft *drafts, size_t count,
	    uint64_t *committed, struct error *err);
	int (*finish)(struct mail_sink *s, struct error *err);
	/* As mail_sink_check, of place for job; NULL: whatever is there is well. */
	int (*check)(const char *place, const char *job, uint64_t committed, struct error *err);
	int (*forget)(struct mail_sink *s, const struct mail_item *item, const char *extension,
	    struct error *err); /* or NULL */
	int (*clear)(
	    struct mail_sink *s, const char *tag, struct error *err); /* or NULL: of one writer */
	void (*close)(struct mail_sink *s);
};

struct mail_sink {
	const struct mail_sink_kind *kind;
	char *place;
	char *job;
	char *tag; /* of its temporary files, where there are several writers; or NULL */
	/* A folder of which something was removed that may come back behind a crash; or NULL. */
	char *forgotten;
	void *own;
};

/*
 * mail_sink_open(out, name, job, committed, err):
 * The mailbox that name says: SCHEME:PLACE, made where there is none, for the job of that name (8
 * hexadecimal digits). committed: octets of an mbox that are valid, as the journal has it (0 at
 * first): what is behind them is cut off. A job has one sink of a place, in one process.
 * A Maildir may have other mail; a tree of files must be empty or this job's, and an mbox must not
 * be there unless it is this job's, so that nothing else is replaced.
 * HSMIME_EUSAGE (no such kind, or what is there is not for this job), HSMIME_EIO, HSMIME_ENOMEM.
 * *out is NULL on failure; free with mail_sink_close.
 */
int mail_sink_open(struct mail_sink **out, const char *name, const char *job, uint64_t committed,
    struct error *err);
/*
 * mail_sink_open_shared(out, name, job, tag, err): the same, by one of several processes, each of a tag of its own, which
 * begins the names of its temporary files: others' stay. HSMIME_EUSAGE of an mbox. mail_sink_clear(s, tag, err): those
 * of that tag, or of every one (NULL), are removed, so that none of them gets its name any more.
 */
int mail_sink_open_shared(
    struct mail_sink **out, const char *name, const char *job, const char *tag, struct error *err);
int mail_sink_clear(struct mail_sink *s, const char *tag, struct error *err);
/* mail_sink_may_share(name, err): whether a mailbox of that name may have several writers at all; or HSMIME_EUSAGE. */
int mail_sink_may_share(const char *name, struct error *err);
/* mail_sink_is_ordered(name): of such a kind. */
bool mail_sink_is_ordered(const char *name);
void mail_sink_close(
    struct mail_sink *s); /* NULL is allowed; what is not finished stays for the next run */

/*
 * mail_sink_check(name, job, committed, err):
 * Whether mail_sink_open would refuse what is there (HSMIME_EUSAGE); nothing is made. 0, HSMIME_EUSAGE, HSMIME_EIO,
 * HSMIME_ENOMEM.
 */
int mail_sink_check(const char *name, const char *job, uint64_t committed, struct error *err);

/*
 * mail_sink_apart(name, source, err):
 * Before mail_sink_open: whether the sink of that name is neither the source, nor in it, nor around
 * it. 0, HSMIME_EUSAGE with words, HSMIME_ENOMEM. Of a list it can't tell; what mail_sink_open
 * refuses keeps a list's files from being replaced.
 */
int mail_sink_apart(const char *name, const struct mail_source *source, struct error *err);

/* mail_place_within(is, path, folder): whether path is folder, or lies in it, there or not yet. 0 or HSMIME_ENOMEM. */
int mail_place_within(bool *is, const char *path, const char *folder);

/*
 * mail_sink_begin(d, s, item, form, err), by several threads at a time:
 * A draft for item; its flags, folder and time are kept where the kind has such; form may be NULL.
 * Then write to d->output, as an operation of the library does (output_begin, its sink,
 * output_commit); again from the start where that failed.
 * mail_sink_end(d, s, err), by several threads at a time: all was written and committed.
 * HSMIME_EUSAGE where it was not.
 * HSMIME_EIO, HSMIME_ENOMEM; after a failure of either drop it.
 */
int mail_sink_begin(struct mail_draft *d, struct mail_sink *s, const struct mail_item *item,
    const struct mail_form *form, struct error *err);
int mail_sink_end(struct mail_draft *d, struct mail_sink *s, struct error *err);

/*
 * mail_sink_settle(s, drafts, count, committed, err), by one thread at a time, also while others begin and end:
 * Ended drafts, in the order of their source. *committed: in and out, as open's. Returns 0 where all are
 * safe; else the first failure, and each draft's status says whether it is in the mailbox. Of an
 * mbox all are or none. A draft of which that failed can't be settled again: it is written anew.
 * Files of the same file system that others wrote are synced with them, which may take its time.
 */
int mail_sink_settle(struct mail_sink *s, struct mail_draft *drafts, size_t count,
    uint64_t *committed, struct error *err);

/*
 * mail_sink_forget(s, item, extension, err): of kinds of a file for each message: what an earlier run of the job wrote for item, as
 * it was or (extension, or NULL; as mail_form has it) as what it had become, is removed. Most often there is none.
 * mail_sink_forgotten(s, err), behind a batch of these, and by the same thread: they stay so behind a crash.
 * 0, HSMIME_EIO, HSMIME_ENOMEM.
 */
int mail_sink_forget(
    struct mail_sink *s, const struct mail_item *item, const char *extension, struct error *err);
int mail_sink_forgotten(struct mail_sink *s, struct error *err);

/* mail_sink_drop(d): free d; what is not settled leaves nothing. Zeroed is allowed. */
void mail_sink_drop(struct mail_draft *d);

/* mail_sink_finish(s, err): all is settled: an mbox gets its name. The same job may open it again. 0 or HSMIME_EIO. */
int mail_sink_finish(struct mail_sink *s, struct error *err);

#endif
