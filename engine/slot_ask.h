/*
 * slot_ask: asking slots for their tokens. A slot is asked for the token that is known to be in it;
 * where none is known, for one without a name (serial NULL), so that a call that hangs makes that
 * slot stuck and not its module. A stuck slot is not asked.
 */
#ifndef ENGINE_SLOT_ASK_H
#define ENGINE_SLOT_ASK_H

#include <stddef.h>

#include <p11-kit/pkcs11.h>

#include "util/error.h"

struct module;
struct printed;
struct token;

/*
 * slot_token(m, slot): whom calls for that slot are for: of several the one that is stuck. It lives
 * as long as m's tokens. NULL: there is no memory for it.
 */
struct token *slot_token(struct module *m, CK_SLOT_ID slot);

/*
 * slot_stuck(m, t): the next slot behind t's (NULL: the first) that is stuck and never said whose
 * token it has, as a token without a name; or NULL.
 */
struct token *slot_stuck(struct module *m, const struct token *t);

/* slot_token_info(info, m, slot, t): C_GetTokenInfo for t, of slot_token. */
CK_RV slot_token_info(CK_TOKEN_INFO *info, struct module *m, CK_SLOT_ID slot, struct token *t);

/*
 * slot_ask_all(out, count, m, list, slots, err):
 * The tokens in these slots; out has room for so many. One that fails, hangs or is stuck does not
 * hide the others, and is logged; where that leaves none, it is why: HSMIME_ETOKEN, or 0. With
 * several slots it is done in a zone of its own, if in one at all (engine/zone.h).
 */
int slot_ask_all(struct printed *out, size_t *count, struct module *m, const CK_SLOT_ID *list,
    CK_ULONG slots, struct error *err);

/*
 * token_slot_info(info, t): ask for the slot that t sits in (C_GetSlotInfo), unless t is stuck, or
 * becomes so: CKR_DEVICE_ERROR. A refusal is logged, *info zero.
 */
CK_RV token_slot_info(CK_SLOT_INFO *info, const struct token *t);

#endif
