/*
 * tally: how many messages, and octets, there are of each value of what they are counted by.
 */
#ifndef ARCHIVE_TALLY_H
#define ARCHIVE_TALLY_H

#include <stddef.h>
#include <stdint.h>

#include <hsmime/archive.h>

struct tally;

#define TALLY_MAX 100000 /* rows; what comes beyond is counted as "others" */

/* tally_new(out): 0 or HSMIME_ENOMEM. */
int tally_new(struct tally **out);
void tally_free(struct tally *t); /* NULL is allowed */

/*
 * tally_add(row, t, by, key, len, octets):
 * One more message of that size for the value that the len octets at key stand for, in *row. A row that is
 * new has no value yet: the caller fills it in, with strings of malloc. 0 or HSMIME_ENOMEM.
 */
int tally_add(hsmime_tally_row **row, struct tally *t, enum hsmime_tally_by by, const void *key,
    size_t len, uint64_t octets);

/* tally_word(t, by, word, octets): the same where the word is the value itself. */
int tally_word(struct tally *t, enum hsmime_tally_by by, const char *word, uint64_t octets);

/* tally_rows(out, count, t): all rows, as hsmime_tally has them; they go over to the caller. 0 or HSMIME_ENOMEM. */
int tally_rows(hsmime_tally_row **out, size_t *count, struct tally *t);

#endif
