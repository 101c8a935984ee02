/*
 * printed: what is printed on a token and its slot, trimmed, and what the token
 * says of itself beside.
 */
#ifndef ENGINE_PRINTED_H
#define ENGINE_PRINTED_H

#include <stddef.h>

#include <p11-kit/pkcs11.h>

struct printed {
	char label[33];
	char serial[17];
	char manufacturer[33];
	char model[17];
	CK_SLOT_ID slot;
	unsigned flags; /* enum hsmime_token_flags */
};

/* printed_token(p, info, slot): of the token in that slot. */
void printed_token(struct printed *p, const CK_TOKEN_INFO *info, CK_SLOT_ID slot);

/* printed_text(out, field, size): any other field of size octets; out has room for one more. */
void printed_text(char *out, const unsigned char *field, size_t size);

#define PRINTED_SLOT_ROOM 65
/* printed_slot(description, info): the slot's own description. */
void printed_slot(char description[PRINTED_SLOT_ROOM], const CK_SLOT_INFO *info);

#endif
