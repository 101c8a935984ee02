/*
 * hsmime/pin.h: a token's PIN is changed, unblocked, or set for the first time.
 *
 * PINs come from PIN sources, or from the context's PIN callback, which is asked for each one by
 * its kind (hsmime_pin_request), and twice for a new one. A token with a PIN pad asks for them
 * itself; the callback tells the person then. The PIN that is comes before the one that is to be,
 * from one descriptor too. A wrong PIN is sent once. After a change it is forgotten which user's PINs
 * and sources of them that token refused.
 */
#ifndef HSMIME_PIN_H
#define HSMIME_PIN_H

#include <hsmime/context.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Strings stay the caller's; sources have the forms of hsmime_ctx_set_pin_source, NULL: the callback. */
typedef struct hsmime_pin_options {
	const char *token; /* RFC 7512; NULL: the context's token label, or the only token */
	const char *new_pin_source; /* of the PIN that is to be */
	const char *so_pin_source;  /* of the security officer's PIN, or of the PUK */
	int puk;                    /* unblock by the PUK */
	const char *label; /* init: initialise the token first, with this label (1 to 32 octets) */
	int erase;         /* with label: also a token that is initialised: all on it is lost */
	/*
	 * With erase, asked before any PIN is: 0 where the token with that label and serial number is
	 * meant, anything else where not (HSMIME_EUSAGE). NULL: who set erase means it. By the
	 * thread, and with the rules, of the PIN callback.
	 */
	int (*confirm)(void *arg, const char *label, const char *serial);
	void *confirm_arg;
} hsmime_pin_options;
#define HSMIME_PIN_OPTIONS_INIT                                                                    \
	{                                                                                          \
		NULL, NULL, NULL, 0, NULL, 0, NULL, NULL                                           \
	}

/*
 * hsmime_pin_change(ctx, options): the user's PIN, by itself (C_SetPIN). The present one comes from
 *     the context's PIN source or callback.
 * hsmime_pin_unblock(ctx, options): a new user's PIN by the security officer (C_InitPIN); with
 *     puk by the PUK, of a token that has locked its PIN and whose module unblocks by a C_SetPIN
 *     without a login.
 * hsmime_pin_init(ctx, options): the first user's PIN, by the security officer. With label the
 *     token is initialised before (C_InitToken): a blank one, where the PIN given becomes the
 *     security officer's, or with erase the one that token or the context's label names.
 * hsmime_pin_forget(ctx, options): forget which PIN sources gave wrong PINs to the tokens that
 *     options->token or the context's label names (HSMIME_ETOKEN where none is there), or to any.
 *
 * Return 0, HSMIME_EUSAGE (several tokens fit, a token that is not in the state for it, a malformed
 * URI or source, not confirmed), HSMIME_EPOLICY (a URI that is refused), HSMIME_EPIN (no PIN, a wrong one, one
 * that must not be tried, or a new one that the token does not take), HSMIME_ETOKEN (no such token,
 * or it failed) or HSMIME_ENOMEM.
 */
HSMIME_API HSMIME_MUST_CHECK int hsmime_pin_change(
    hsmime_ctx *ctx, const hsmime_pin_options *options);
HSMIME_API HSMIME_MUST_CHECK int hsmime_pin_unblock(
    hsmime_ctx *ctx, const hsmime_pin_options *options);
HSMIME_API HSMIME_MUST_CHECK int hsmime_pin_init(
    hsmime_ctx *ctx, const hsmime_pin_options *options);
HSMIME_API HSMIME_MUST_CHECK int hsmime_pin_forget(
    hsmime_ctx *ctx, const hsmime_pin_options *options);

#ifdef __cplusplus
}
#endif

#endif
