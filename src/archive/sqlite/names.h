/*
 * names: whether a message is in the journal already by its name, however many there are. Its name is here what
 * a mail_item is known by: its key.
 *
 * An index of the names would be written all over by each batch that is added, as names come in no order.
 * So the newest are in this process' memory, and are put into the file's table known, sorted, when there
 * are many. Both map a hash to a message's number; where another name has that hash the next free one is
 * used. After a new start those are found again that have higher numbers than what is known.
 *
 * All within a transaction that writes; after one that failed names_done.
 */
#ifndef ARCHIVE_SQLITE_NAMES_H
#define ARCHIVE_SQLITE_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/error.h"

struct database;

struct name_slot {
	int64_t hash;
	int64_t number; /* 0: free */
};

/* Those that are not in known. */
struct names {
	struct name_slot *slots; /* NULL: they have to be found first */
	size_t count;
	bool known; /* there is something in known */
};

/* names_prepare(d, err): before the others. */
int names_prepare(struct database *d, struct error *err);

/*
 * names_find(hash, number, d, name, err):
 * Its message's number; where it is not there 0, and the hash under which names_add puts it.
 */
int names_find(
    int64_t *hash, int64_t *number, struct database *d, const char *name, struct error *err);
int names_add(struct database *d, int64_t hash, int64_t number, struct error *err);

/* names_done(n): no more are added for now: the memory is free. */
void names_done(struct names *n);

#endif
