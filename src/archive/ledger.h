/*
 * ledger: of a manifest's lines, what they say and which outputs they name, held against the outputs that there are; in
 * constant memory, whatever the number: what does not fit into it lies in temporary files without a name (in $TMPDIR or
 * /var/tmp). It is SQLite's JSON and SQLite's sorting, in the module of the journal, since nothing else here reads JSON.
 */
#ifndef ARCHIVE_LEDGER_H
#define ARCHIVE_LEDGER_H

#include <stddef.h>
#include <stdint.h>

#include "util/error.h"

#define LEDGER_INTERFACE 1

enum ledger_type { LEDGER_TEXT, LEDGER_NUMBER, LEDGER_OTHER };

/* A member of an object; void when the visit is over. */
struct ledger_member {
	const char *name, *text; /* of a text without a NUL in it; ends with one */
	enum ledger_type type;
	uint64_t number;
};

/* Where messages are, and who says so. */
enum ledger_place { LEDGER_OUT = 0, LEDGER_FAILED = 1, LEDGER_IN = 2 };
enum ledger_side {
	LEDGER_THERE = 0,  /* the mailbox, where its path is that */
	LEDGER_LINE = 1,   /* a line of the manifest */
	LEDGER_PUT_OFF = 2 /* the same, of what is looked for once all is listed; that says what */
};

struct ledger;

/* Each gives 0 or a negative hsmime_status with words in err. */
struct ledger_kind {
	unsigned interface;
	int (*open)(struct ledger *l, struct error *err);
	/*
	 * visit(arg, member) for each member of the object that text[0..len) is, of its outermost level, until it gives
	 * non-zero, which is returned. HSMIME_EFORMAT: it is no object of JSON (RFC 8259).
	 */
	int (*members)(struct ledger *l, const char *text, size_t len,
	    int (*visit)(void *arg, const struct ledger_member *m), void *arg, struct error *err);
	/* One more of that key. that may be NULL. */
	int (*add)(struct ledger *l, enum ledger_place place, enum ledger_side side,
	    const char *key, const char *that, struct error *err);
	/*
	 * visit(arg, place, that, path) for what was put off, with a path where something of its key is there, else NULL; until it gives
	 * non-zero, which is returned.
	 */
	int (*put_off)(struct ledger *l,
	    int (*visit)(void *arg, enum ledger_place place, const char *that, const char *path),
	    void *arg, struct error *err);
	/*
	 * visit(arg, place, key, lines, there) for each key of LEDGER_OUT and LEDGER_FAILED of which not one line tells and one is
	 * there, less what was put off and is not there, in order, until it gives non-zero, which is returned.
	 */
	int (*differences)(struct ledger *l,
	    int (*visit)(void *arg, enum ledger_place place, const char *key, uint64_t lines,
		uint64_t there),
	    void *arg, struct error *err);
	void (*close)(struct ledger *l); /* also after an open that failed */
};

struct ledger {
	const struct ledger_kind *kind;
	void *library; /* of the module */
	void *own;     /* the kind's */
};

/* The symbol of the module: a const struct ledger_kind. */
#define LEDGER_SYMBOL "hsmime_ledger"

/* ledger_open(out, err): HSMIME_EUNSUPPORTED where the module is missing; else as the kind's. */
int ledger_open(struct ledger **out, struct error *err);
void ledger_close(struct ledger *l); /* NULL is allowed */

#endif
