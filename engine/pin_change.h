/*
 * pin_change: a token's PIN is changed, unblocked or set for the first time.
 */
#ifndef ENGINE_PIN_CHANGE_H
#define ENGINE_PIN_CHANGE_H

#include <stdbool.h>
#include <stddef.h>

#include "util/error.h"

struct engine;

/* Of which token, and where its PINs come from besides the engine's own source. */
struct pin_job {
	const char *uri;        /* RFC 7512; NULL: the engine's token label, or the only token */
	const char *new_source; /* as engine_options.pin_source; NULL: the callback */
	const char *so_source;  /* of the security officer's PIN or the PUK; NULL: the callback */
	const char *label;      /* init: initialise the token first, and give it this label */
	bool erase;             /* with label: a token that is initialised already */
	bool puk;               /* unblock: by the PUK */
	/* With erase: 0 where the token with that label and serial number is meant. NULL: it is. */
	int (*confirm)(void *arg, const char *label, const char *serial);
	void *confirm_arg;
};

/*
 * engine_pin_change(e, job, err): the user's PIN by itself.
 * engine_pin_unblock(e, job, err): a new user's PIN by the security officer; or by the PUK, of a
 *     token that has locked its PIN and whose module has C_SetPIN unblock it in a session without a
 *     login (OpenSC: user_pin_unblock_style = set_pin_in_unlogged_session).
 * engine_pin_init(e, job, err): the first user's PIN by the security officer. With a label the
 *     token is initialised before, which erases it.
 * PINs are asked for and read in the order in which a person thinks of them: the one that is, then
 * the one that is to be. A wrong PIN is sent once. What was remembered of refused user's PINs of
 * that token, here and across processes, is forgotten afterwards. Return 0, HSMIME_EUSAGE (several
 * tokens fit, a malformed source or URI, a token in another state, not confirmed), HSMIME_EPOLICY,
 * HSMIME_EPIN, HSMIME_ETOKEN (no token fits, or it failed) or HSMIME_ENOMEM.
 *
 * engine_pin_forget(e, job, err): forget which sources were refused by the tokens that
 *     fit (none: HSMIME_ETOKEN); without uri and token label by all, whether they are there or not.
 */
int engine_pin_change(struct engine *e, const struct pin_job *job, struct error *err);
int engine_pin_unblock(struct engine *e, const struct pin_job *job, struct error *err);
int engine_pin_init(struct engine *e, const struct pin_job *job, struct error *err);
int engine_pin_forget(struct engine *e, const struct pin_job *job, struct error *err);

#endif
