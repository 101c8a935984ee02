/*
 * mail_source: the messages of a mailbox, one after the other, and the octets of each. Kinds of
 * mailbox differ behind this interface alone: each is one file source_KIND.c with a
 * struct mail_source_kind, and a line in the table of mail_source.c. Nobody else asks which kind it is (check-layers).
 *
 * Nothing here writes to a mailbox, and no number of messages takes more memory.
 */
#ifndef ARCHIVE_MAIL_SOURCE_H
#define ARCHIVE_MAIL_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include <hsmime/stream.h>

#include "util/error.h"

/* A message, as a listing finds it: small, and without an open file. */
struct mail_item {
	/*
	 * What it is called in its mailbox, the same at every listing of the unchanged mailbox:
	 * maildir: PATH below the mailbox ("cur/123.host:2,S", ".Sent/new/124.host"); eml: PATH below
	 * the tree; mbox: its offset in decimal; list: the path as it was given.
	 */
	char *name;
	/*
	 * What it is known by, flags changed or not: maildir: the folder and the unique part ("123.host",
	 * ".Sent/124.host"); else the name. A message that moves while a Maildir is listed may be
	 * listed twice, by the same key; it is not passed over.
	 */
	char *key;
	uint64_t
	    size; /* octets as they are stored; of an mbox without the "From " line and the empty line behind */
	int64_t
	    modified; /* nanoseconds since 1970: of the file; of an mbox the time of its "From " line, or 0 */
	/* mbox only: */
	uint64_t offset; /* of the first octet behind the "From " line */
	uint64_t quoted; /* lines of '>'s and "From ", of each of which one '>' is taken off */
};

void mail_item_free(struct mail_item *item); /* its members; zeroed is allowed */

/* The octets of one message, while it is read. Zero before use; stays where it is until it is closed. */
struct mail_octets {
	/*
	 * Can seek, and knows its size (mbox: item->size less item->quoted); HSMIME_EIO where the file
	 * changed since the listing.
	 */
	hsmime_source source;
	/* private to the kind: */
	int fd;
	hsmime_file file;
	void *own;
};

struct mail_source;

/* A kind of mailbox. Every function gives 0 or a negative hsmime_status with words in err. */
struct mail_source_kind {
	const char *scheme; /* "maildir", before the colon of the mailbox's name */
	bool scattered;     /* its messages lie anywhere: the place is no mailbox, as of a list */
	/* All are in one file: each is read as it was listed, or not at all, as of an mbox. */
	bool packed;
	int (*open)(struct mail_source *s, const char *place, struct error *err);
	/* As mail_source_next; *item is zeroed before. */
	int (*next)(struct mail_item *item, bool *more, struct mail_source *s, struct error *err);
	/* As mail_source_read; *out is zeroed but for its fd, which is -1. */
	int (*read)(struct mail_octets *out, struct mail_source *s, const struct mail_item *item,
	    struct error *err);
	void (*done)(struct mail_octets *octets); /* also of what was not opened, or half */
	void (*close)(struct mail_source *s);     /* own may be NULL: open failed */
	/*
	 * The message that a record names: as mail_source_next gave it or, written, as a sink of this kind called it. In that
	 * order none is looked for twice; item is zeroed before. HSMIME_EIO where there is none. NULL: the name is all that
	 * mail_source_read wants.
	 */
	int (*find)(struct mail_item *item, struct mail_source *s, const char *name, bool written,
	    struct error *err);
	/* Of a kind whose messages may get other names: the key of one that is called so; NULL where memory is short, free it. */
	char *(*key_of)(const char *name);
};

struct mail_source {
	const struct mail_source_kind *kind;
	char *place; /* what follows the colon */
	char *
	    beside; /* of a list: the folder that its paths are relative to; NULL: this process's */
	/*
	 * What was met that would be a message by its name or place and is no file: a symbolic link, a FIFO,
	 * a folder where messages lie. It is no item, and whoever must lose nothing says how many.
	 */
	uint64_t passed_over;
	/*
	 * Set by whoever reads items of an earlier listing, of which many may be gone, and lists the mailbox for what he did
	 * not find: in a Maildir none is looked for under other flags.
	 */
	bool unsearched;
	void *own; /* the kind's */
};

/*
 * mail_source_open(out, name, err):
 * The mailbox that name says: SCHEME:PLACE. Without a scheme it is recognised: a folder with cur and new
 * is a Maildir, another folder a tree of files, a file that begins with "From " or has no octet an mbox,
 * "-" the list on standard input. HSMIME_EUSAGE (no such kind, or what is there is none of its kind),
 * HSMIME_EIO, HSMIME_ENOMEM. *out is NULL on failure; free with mail_source_close.
 */
int mail_source_open(struct mail_source **out, const char *name, struct error *err);
void mail_source_close(struct mail_source *s); /* NULL is allowed */

/* mail_source_scheme(name): octets of its scheme with the colon; 0: it has none. mail_source_is_list(name): it names a list. */
size_t mail_source_scheme(const char *name);
bool mail_source_is_list(const char *name);

/*
 * mail_source_next(item, more, s, err):
 * The next message, by one thread at a time; the caller frees item. *more is false where there is none.
 * HSMIME_EIO, HSMIME_EUSAGE (a line of a list that can't be a path), HSMIME_ENOMEM; item is then
 * zeroed, and *more says whether the next call goes on behind what failed (a folder that can't be
 * read, such a line) or the listing has ended, as it has after HSMIME_ENOMEM.
 */
int mail_source_next(struct mail_item *item, bool *more, struct mail_source *s, struct error *err);

/*
 * mail_source_read(out, s, item, err):
 * Open an item's octets, an item of an earlier listing of this mailbox too; by several threads at a
 * time, and beside a listing. HSMIME_EIO where it vanished, changed since the listing or is no file
 * any more; HSMIME_ENOMEM. Where item->size is HSMIME_SIZE_UNKNOWN, not of an mbox, it may have changed. Close with mail_octets_close before s is closed, after a failure as well.
 */
int mail_source_read(struct mail_octets *out, struct mail_source *s, const struct mail_item *item,
    struct error *err);
void mail_octets_close(struct mail_octets *octets, struct mail_source *s);

#endif
