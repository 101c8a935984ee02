/*
 * pin_memory: which PIN sources gave a token a wrong PIN, across processes, so that what runs at
 * intervals does not lock the token. A folder with small files for each token and source
 * (engine/pin_record.h): who and where, never the PIN nor anything that is derived from it.
 *
 * A try is recorded before the PIN is sent, so that one whose outcome nobody lived to see counts as
 * refused, unless the source is what it was when the token accepted it last: then one more try
 * is allowed, which uses that up until the token accepts it again. Of processes that are at it with
 * the same source at the same time one tries, and the others wait (engine/pin_turn.h). No lock
 * is held at any time.
 */
#ifndef ENGINE_PIN_MEMORY_H
#define ENGINE_PIN_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

#include <p11-kit/pkcs11.h>

#include <hsmime/context.h>

#include "engine/pin_names.h"
#include "util/error.h"

struct token;
struct pin_source;
struct pin_memory;

/*
 * pin_memory_new(out, state, err):
 * A memory in the folder "pins" in state, which is made when it is first written. Returns 0 or
 * HSMIME_ENOMEM. pin_memory_free(m): NULL is allowed.
 */
int pin_memory_new(struct pin_memory **out, const char *state, struct error *err);
void pin_memory_free(struct pin_memory *m);

#define PIN_TRY_NAME 64 /* of token and source 30 digits each, the kind between them */

/* A try that is under way; private to pin_memory.c. */
struct pin_try {
	struct pin_memory *memory; /* NULL: nothing is remembered */
	const struct token *token;
	const struct pin_source *source;
	enum hsmime_pin_kind kind;
	char name[PIN_TRY_NAME];
	char state[PIN_STATE_ROOM]; /* by which a change of the source shows; "-": it does not */
	char record[PIN_TRY_NAME + 48];
	bool has_turn;
};

/* pin_memory_usable(m): it can be written, as far as the folder's rights tell. NULL is allowed: false. */
bool pin_memory_usable(const struct pin_memory *m);

/*
 * pin_memory_look(try, source, t, kind, err):
 * Before the source is read: whether its PIN of that kind may go to t. Returns 0, HSMIME_EPIN (it
 * was refused before, and is what it was), or HSMIME_EINTERNAL.
 */
int pin_memory_look(struct pin_try *try, const struct pin_source *source, const struct token *t,
    enum hsmime_pin_kind kind, struct error *err);

/*
 * pin_memory_begin(try, err): the PIN is about to be sent. Waits for others that are at it with the
 * same source. Returns as pin_memory_look, for what they did meanwhile. Where the folder can't be written there is a warning, once, and no memory.
 */
int pin_memory_begin(struct pin_try *try, struct error *err);

/*
 * pin_memory_forgives(try): the answer got lost; whether the token accepted the source in this state
 * the last time, which is used up.
 */
bool pin_memory_forgives(const struct pin_try *try);

/*
 * pin_memory_end(try, outcome, answer): what came of it. VOID: nothing that counts. ACCEPTED forgets
 * what was refused of this source. REFUSED: by that answer, or it got lost and nothing forgives it.
 */
enum pin_outcome { PIN_ACCEPTED, PIN_REFUSED, PIN_VOID };
void pin_memory_end(struct pin_try *try, enum pin_outcome outcome, CK_RV answer);

/*
 * pin_memory_clear(m, t): forget all about t (NULL: about all tokens).
 * pin_memory_clear_kind(m, t, kind): the sources of t's PIN of that kind. NULL for m is allowed.
 */
void pin_memory_clear(struct pin_memory *m, const struct token *t);
void pin_memory_clear_kind(struct pin_memory *m, const struct token *t, enum hsmime_pin_kind kind);

#endif
