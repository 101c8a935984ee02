/*
 * hsmime/context.h: the library's handle; where errors, settings and the
 * connection to the tokens live.
 */
#ifndef HSMIME_CONTEXT_H
#define HSMIME_CONTEXT_H

#include <stddef.h>
#include <stdint.h>

#include <hsmime/error.h>

#ifdef __cplusplus
extern "C" {
#endif

#define HSMIME_VERSION "0.1.0"

/* One thread uses a context at a time; hsmime_ctx_share gives another thread its own. */
typedef struct hsmime_ctx hsmime_ctx;

/*
 * A PKCS#11 call can hang for good, with a card that was pulled out at the wrong moment. So calls
 * that may use tokens do their work in a thread of the library's, which takes no signals, while the
 * calling thread waits; a PKCS#11 call over its limit is given up: HSMIME_ETOKEN, the token counts
 * as stuck until the call returns, and other tokens go on. Callbacks, sources and sinks are called
 * in that thread.
 */

/* Which PIN is asked for. */
enum hsmime_pin_kind {
	HSMIME_PIN_USER = 0,  /* the user's, as it is */
	HSMIME_PIN_SO = 1,    /* the security officer's, as it is */
	HSMIME_PIN_PUK = 2,   /* what unblocks the user's PIN */
	HSMIME_PIN_NEW = 3,   /* the user's, as it is to be */
	HSMIME_PIN_NEW_SO = 4 /* the security officer's, as it is to be */
};

/* What a PIN is wanted for; all strings are valid during the callback only. */
typedef struct hsmime_pin_request {
	const char *token_label;
	const char *token_serial;
	const char *purpose; /* in words, for example "log in" or "sign" */
	int count_low;       /* a wrong PIN was given before (CKF_USER_PIN_COUNT_LOW) */
	int final_try;       /* the next wrong PIN locks it (CKF_USER_PIN_FINAL_TRY) */
	int pin_pad;         /* the token's own pad asks for the PIN, once the callback is back */
	enum hsmime_pin_kind kind;
	int again; /* the new PIN that was just given, once more: both have to be the same */
	/*
	 * The key that asks for the PIN at every operation (CKA_ALWAYS_AUTHENTICATE): its label, or
	 * its ID in hexadecimal, and its URI. NULL: a login, which holds for all keys.
	 */
	const char *key;
	const char *key_uri;
	size_t min_len; /* octets that a new PIN has at least and at most; 0: not known */
	size_t max_len;
} hsmime_pin_request;

/*
 * Asks a person for a PIN. Stores it at pin (at most size octets, no final NUL
 * needed) and returns its length, or a negative hsmime_status (HSMIME_EPIN:
 * nobody there, or given up). hsmime wipes the buffer after the login.
 *
 * With pin_pad set nothing is asked but whether to go on: the callback tells the person that the
 * pad waits, which it does as soon as the callback has returned, and asks for consent where
 * final_try is set. Any answer of at least one octet then means to go on; it is not sent to the token.
 */
typedef ptrdiff_t (*hsmime_pin_callback)(
    void *arg, const hsmime_pin_request *request, char *pin, size_t size);

/*
 * Progress of an operation: octets read so far, and in all or HSMIME_SIZE_UNKNOWN. Called with
 * 0 at the start and then after every read, so it should be quick.
 */
typedef void (*hsmime_progress_callback)(void *arg, uint64_t done, uint64_t total);

/*
 * A message for a log or for -v: level 0 warning, 1 information, 2 detail. Never a secret. It
 * comes while a call on the context lasts, for that call, and may come a little late: not while that
 * call holds a session of a token or keeps others from passing. So the callback may call hsmime, on
 * another context of the family too; only what a person is to do at a token's own PIN pad is said
 * at once, and then it may not.
 */
typedef void (*hsmime_log_callback)(void *arg, int level, const char *message);

/*
 * hsmime_ctx_new(ctx):
 * A new context in *ctx with a private OpenSSL library context; no module is
 * loaded before a key or token is asked for. Free with hsmime_ctx_free.
 * Return 0, HSMIME_ENOMEM or HSMIME_EINTERNAL (OpenSSL does not start).
 */
HSMIME_API HSMIME_MUST_CHECK int hsmime_ctx_new(hsmime_ctx **ctx);

/*
 * hsmime_ctx_share(copy, ctx):
 * A second context in *copy for another thread: same settings, same module,
 * sessions and logins; its own errors. Make it while ctx is idle.
 */
HSMIME_API HSMIME_MUST_CHECK int hsmime_ctx_share(hsmime_ctx **copy, hsmime_ctx *ctx);

/* hsmime_ctx_free(ctx): free ctx; the last one of a family closes the module. NULL is allowed. */
HSMIME_API void hsmime_ctx_free(hsmime_ctx *ctx);

/*
 * Settings; made before the first token is used. Strings are copied; NULL sets
 * the default again. Return 0, HSMIME_ENOMEM, or HSMIME_EUSAGE where a module is
 * open already. The value itself is looked at when it is first used: the call
 * that first asks for a token or key then gives HSMIME_EUSAGE (a malformed PIN
 * source) or HSMIME_ETOKEN (no such module).
 *
 * module: the PKCS#11 module's file; default $HSMIME_MODULE, else p11-kit's
 *         proxy module (all tokens that the system knows).
 * token:  consider only tokens with this label.
 * pin_source: file:PATH, fd:N, command:CMD, cred:NAME or env:NAME; default
 *         $HSMIME_PIN_SOURCE, else the PIN callback.
 * state_dir: where the secret of hsmime's padding defence is kept, and which PIN sources gave a
 *         token a wrong PIN (never the PIN); default $XDG_STATE_HOME/hsmime.
 * pin_cache: a PIN that a person gave and the token took is kept in secure memory until it was not
 *         used for so many seconds, for logins after the token's sessions were lost; 0, the
 *         default, keeps none. It is wiped by the first call on a context of the family that comes
 *         after that time, by hsmime_ctx_free, in a child after fork, and when the token refuses
 *         it. What asks for the PIN at each operation (CKA_ALWAYS_AUTHENTICATE) asks the person.
 * spool_max: most octets that may wait in the spool, 0 for no limit.
 * call_limit: seconds that one PKCS#11 call may take, 0 for no limit; default 60. Ten times as
 *         long where the token asks a person by itself (a PIN pad). May be changed at any time.
 * wait:   non-zero: a signature or decryption whose key is not there waits for a token that has
 *         it; the log is told (level 0). May be changed at any time.
 *
 * The PIN callback is the family's, whichever context sets it: it is called while a
 * call wants a PIN, by one thread at a time for one token, and arg is to be valid until the last
 * context of the family is freed. The progress and log callbacks are the context's own: a shared
 * copy begins with those of its original, and arg is to be valid until that copy is freed. A
 * callback may make calls on other contexts, not on the one whose call it is in;
 * a PIN callback makes none that want the PIN of the same token.
 */
HSMIME_API HSMIME_MUST_CHECK int hsmime_ctx_set_module(hsmime_ctx *ctx, const char *module);
HSMIME_API HSMIME_MUST_CHECK int hsmime_ctx_set_token(hsmime_ctx *ctx, const char *token);
HSMIME_API HSMIME_MUST_CHECK int hsmime_ctx_set_pin_source(hsmime_ctx *ctx, const char *pin_source);
HSMIME_API HSMIME_MUST_CHECK int hsmime_ctx_set_state_dir(hsmime_ctx *ctx, const char *folder);
HSMIME_API HSMIME_MUST_CHECK int hsmime_ctx_set_pin_cache(hsmime_ctx *ctx, unsigned seconds);
HSMIME_API void hsmime_ctx_set_spool_max(hsmime_ctx *ctx, uint64_t octets);
HSMIME_API void hsmime_ctx_set_call_limit(hsmime_ctx *ctx, unsigned seconds);
HSMIME_API void hsmime_ctx_set_wait(hsmime_ctx *ctx, int on);
HSMIME_API void hsmime_ctx_set_pin_callback(
    hsmime_ctx *ctx, hsmime_pin_callback callback, void *arg);
HSMIME_API void hsmime_ctx_set_progress(
    hsmime_ctx *ctx, hsmime_progress_callback callback, void *arg);
HSMIME_API void hsmime_ctx_set_log(hsmime_ctx *ctx, hsmime_log_callback callback, void *arg);

/*
 * hsmime_ctx_add_group(ctx, name, uris, count):
 * The pkcs11: URIs (1 to 32, copied) name one key that several tokens hold. An operation with any
 * of them is done by whichever token is free; one that fails is set aside, tried out with data of
 * hsmime's own after a while (unless its key asks a person each time), and taken back; its work is
 * done on another one meanwhile. Only where none can, the operation fails. Where a key is named,
 * "group:" and name is this one. Tokens that are not there when the key is first used, or hang, are
 * told of in the log, and looked for again after 30 s. One whose PIN is refused, or not given by the person who is asked, is not asked for it again
 * by itself while others are there, for as long as the family lives or, once its key was in use,
 * until it was taken out and put in again, or its PIN was given rightly elsewhere or unblocked. That
 * is looked for while the group is used, after the same pauses and without a PIN.
 * A URI's pin-source is where the PIN of the token comes from that it names by label or serial number,
 * for every key there whose own URI has none.
 * The family of contexts has the group in common; add it before the first use. Return 0,
 * HSMIME_EUSAGE (the name is taken or empty, no URI, too many) or HSMIME_ENOMEM. That the keys
 * are not the same shows when they are used: HSMIME_EUSAGE.
 */
HSMIME_API HSMIME_MUST_CHECK int hsmime_ctx_add_group(
    hsmime_ctx *ctx, const char *name, const char *const *uris, size_t count);

/*
 * hsmime_calls_hanging():
 * How many PKCS#11 calls of this process were given up because they took longer than the limit,
 * and have not returned. Each has left a thread behind. A process in which there are some should
 * end by _exit(2): the exit handlers of a module may wait for that thread.
 */
HSMIME_API unsigned hsmime_calls_hanging(void);

/*
 * hsmime_ctx_error(ctx), hsmime_ctx_hint(ctx):
 * What went wrong in the last failed call on ctx, and what can be done about
 * it: one line each, without a final stop or newline, empty where there is
 * nothing to say. Valid until the next call on ctx.
 */
HSMIME_API const char *hsmime_ctx_error(const hsmime_ctx *ctx);
HSMIME_API const char *hsmime_ctx_hint(const hsmime_ctx *ctx);

/* hsmime_version(): the library's version, for example "0.1.0". */
HSMIME_API const char *hsmime_version(void);

#ifdef __cplusplus
}
#endif

#endif
