/*
 * printed: what is printed on a token and its slot, and what the token says of
 * itself beside.
 */
#ifndef ENGINE_PRINTED_H
#define ENGINE_PRINTED_H

#include <libp11.h>
#include <p11-kit/pkcs11.h>

/* Trimmed strings. */
struct printed {
	char label[33];
	char serial[17];
	char manufacturer[33];
	char model[17];
	char slot_description[65];
	char slot_manufacturer[33];
	CK_SLOT_ID slot;
	unsigned flags; /* enum hsmime_token_flags */
};

/* printed_libp11(p, s): as libp11 tells it of the token in its slot s. */
void printed_libp11(struct printed *p, PKCS11_SLOT *s);

/* printed_token(p, info), printed_slot(p, slot, info): the token's part, and the slot's. */
void printed_token(struct printed *p, const CK_TOKEN_INFO *info);
void printed_slot(struct printed *p, CK_SLOT_ID slot, const CK_SLOT_INFO *info);

#endif
