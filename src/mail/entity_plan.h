/*
 * entity_plan: which octet ranges of a mail have to be written otherwise than
 * they came, so that its entity is safe for 7-bit transport (RFC 8551 section
 * 3.1.3).
 */
#ifndef MAIL_ENTITY_PLAN_H
#define MAIL_ENTITY_PLAN_H

#include "mail/entity_writer.h"

enum edit_kind {
	EDIT_HEADER,   /* give it another Content-Transfer-Encoding */
	EDIT_BODY,     /* encode it as the header before says */
	EDIT_VERBATIM, /* binary: without a change of line endings */
	EDIT_DROP      /* a preamble or epilogue */
};

/* Octets [start, end), which belong to that part. */
struct edit {
	uint64_t start;
	uint64_t end;
	enum edit_kind kind;
	uint32_t part;
	enum transfer_encoding encoding; /* the new one: CTE_IDENTITY is 7bit */
	bool keep_encoding;              /* EDIT_HEADER: leave the field as it is */
};

/* The edits in order, none overlapping; the first is always the mail's own header. */
struct entity_plan {
	struct edit *edits;
	size_t count;
	size_t room;
};

/* entity_plan_make(plan, s, how, err): 0, HSMIME_EPOLICY, HSMIME_EFORMAT or HSMIME_ENOMEM. Free with entity_plan_free. */
int entity_plan_make(struct entity_plan *plan, const struct structure *s,
    const struct entity_write *how, struct error *err);
void entity_plan_free(struct entity_plan *plan);

#endif
