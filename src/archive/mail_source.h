/*
 * mail_source: the messages of a mailbox, one after the other, and the octets of each. Kinds of
 * mailbox differ behind this interface alone: each is one file source_KIND.c with a
 * struct mail_source_kind, and a line in the table of mail_source.c.
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
	uint64_t
	    size; /* octets as they are stored; of an mbox without the "From " line and the empty line behind */
	int64_t
	    modified; /* nanoseconds since 1970: of the file; of an mbox the time of its "From " line, or 0 */
	/* mbox only: */
	uint64_t offset; /* of the first octet behind the "From " line */
	bool quoted;     /* there are lines that begin with '>' and "From " */
};

void mail_item_free(struct mail_item *item); /* its members; zeroed is allowed */

/* The octets of one message, while it is read. Zero before use. */
struct mail_octets {
	hsmime_source source; /* can seek; HSMIME_EIO where the file changed since the listing */
	/* private to the kind: */
	int fd;
	hsmime_file file;
	void *own;
};

struct mail_source;

/* A kind of mailbox. Every function gives 0 or a negative hsmime_status with words in err. */
struct mail_source_kind {
	const char *scheme; /* "maildir", before the colon of the mailbox's name */
	int (*open)(struct mail_source *s, const char *place, struct error *err);
	/* The next message; *more is false where there is none. */
	int (*next)(struct mail_item *item, bool *more, struct mail_source *s, struct error *err);
	/* Of any item of this mailbox, of an earlier listing too; by several threads at a time. */
	int (*read)(struct mail_octets *out, struct mail_source *s, const struct mail_item *item,
	    struct error *err);
	void (*done)(struct mail_octets *octets);
	void (*close)(struct mail_source *s);
};

struct mail_source {
	const struct mail_source_kind *kind;
	char *place; /* what follows the colon */
	void *own;   /* the kind's */
};

/*
 * mail_source_open(out, name, err):
 * The mailbox that name says: SCHEME:PLACE. Without a scheme it is recognised: a folder with cur and new
 * is a Maildir, another folder a tree of files, a file that begins with "From " an mbox, "-" the list on
 * standard input. HSMIME_EUSAGE (no such kind, or what is there is none of its kind), HSMIME_EIO,
 * HSMIME_ENOMEM.
 */
int mail_source_open(struct mail_source **out, const char *name, struct error *err);
void mail_source_close(struct mail_source *s); /* NULL is allowed */

/* mail_source_next, mail_source_read, mail_octets_close: the kind's functions. */
int mail_source_next(struct mail_item *item, bool *more, struct mail_source *s, struct error *err);
int mail_source_read(struct mail_octets *out, struct mail_source *s, const struct mail_item *item,
    struct error *err);
void mail_octets_close(struct mail_octets *octets, struct mail_source *s);

#endif
