/*
 * part_table: the parts of a structure as they are found.
 */
#ifndef MAIL_PART_TABLE_H
#define MAIL_PART_TABLE_H

#include "mail/structure.h"

/*
 * part_add(index, s, room, parent, start, err):
 * Append a part at offset start; *room is how many s->parts has memory for.
 * The first part is its own parent. 0, HSMIME_EFORMAT (over a bound) or
 * HSMIME_ENOMEM.
 */
int part_add(size_t *index, struct structure *s, size_t *room, size_t parent, uint64_t start,
    struct error *err);

/*
 * part_describe(s, index, h, err):
 * Fill the part's type, encoding and boundary from its header block, which
 * starts at its start. 0, HSMIME_EFORMAT (over a bound) or HSMIME_ENOMEM.
 */
int part_describe(struct structure *s, size_t index, const struct header *h, struct error *err);

#define PART_PLACE_SIZE (STRUCTURE_MAX_DEPTH * 6 + 4)
#define PART_PATH_SIZE (PART_PLACE_SIZE + 12)

/* part_place(place, s, part): "1.2"; "" the mail itself. */
void part_place(char place[PART_PLACE_SIZE], const struct structure *s, size_t part);

/* part_path(text, size, s, part): which one it is: "part 1.2", or "the mail"; its header may be unread. */
void part_path(char *text, size_t size, const struct structure *s, size_t part);

/* part_name(text, size, s, part): what to call it in a message: "part 1.2 (text/plain)", or "the mail (text/plain)". */
void part_name(char *text, size_t size, const struct structure *s, size_t part);

#endif
