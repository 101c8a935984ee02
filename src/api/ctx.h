/*
 * ctx: the inside of hsmime_ctx (include/hsmime/context.h).
 */
#ifndef API_CTX_H
#define API_CTX_H

#include <stdatomic.h>
#include <stdbool.h>

#include <openssl/provider.h>

#include <hsmime/context.h>
#include <hsmime/result.h>

#include "cms/cms.h"
#include "cms/recipient_keys.h"
#include "engine/engine.h"
#include "engine/gate.h"
#include "engine/log.h"
#include "util/error.h"
#include "util/secret.h"

struct key_group;

/* What the contexts of one family have in common; freed by the last. */
struct ctx_shared {
	atomic_int owners;
	struct gate making;   /* of engine and substitute, by token calls and file access */
	OSSL_LIB_CTX *libctx; /* the process's private one; not freed */
	struct engine *engine;
	struct secret substitute;
	char *module;
	char *token;
	char *pin_source;
	char *state_dir;
	char *secret_dir;       /* where the substitute's secret is kept instead; NULL: state_dir */
	atomic_uint call_limit; /* milliseconds; 0: none */
	atomic_bool wait;
	struct key_group *groups; /* api/groups.h */
	hsmime_pin_callback pin_callback;
	void *pin_arg;
	unsigned pin_idle;
	struct ctx_shared *left_before; /* where a call that hangs kept it from being freed */
};

struct hsmime_ctx {
	struct error err;
	struct ctx_shared *shared;
	uint64_t spool_max;
	hsmime_progress_callback progress;
	void *progress_arg;
	hsmime_log_callback log;
	void *log_arg;
	struct keyring *keyring; /* of many messages (api/keyring.h), its owner's; or NULL */
	/*
	 * Nothing is to be decrypted: with a key that is found, and not used, an operation ends with HSMIME_ENOKEY, and
	 * key_found is true. What is written goes on at once, and is worth nothing.
	 */
	bool looks;
	bool key_found;
	struct recipient_keys recipient_keys;
	hsmime_made made;        /* by the last signature or encryption */
	struct log_target outer; /* whose messages were this thread's before the call on ctx */
};

/*
 * ctx_begin(ctx): a public call starts: forget the last error; the tokens' messages are ctx's, and
 * what the program has in OpenSSL's error queue is marked, so that it stays. Returns what the CMS
 * layer works in. Each is followed by one ctx_end, whatever happens between.
 */
struct cms_env ctx_begin(hsmime_ctx *ctx);

/*
 * ctx_end(ctx, status): a public call ends: a failure never stays without words, and OpenSSL's
 * error queue is what it was. Returns status.
 */
int ctx_end(hsmime_ctx *ctx, int status);

/*
 * ctx_run(ctx, run, arg):
 * A public call that may use tokens: run(arg) between ctx_begin and ctx_end, in a thread that is
 * given up where a token call takes longer than the context allows (engine/zone.h); then
 * HSMIME_ETOKEN. What token calls read and write is not to be in *arg.
 */
int ctx_run(hsmime_ctx *ctx, int (*run)(void *arg), void *arg);

/* ctx_env(ctx): the same without forgetting. */
struct cms_env ctx_env(hsmime_ctx *ctx);

/*
 * ctx_engine(engine, ctx):
 * The tokens, opened at the first call; ctx keeps the engine. Returns 0 or
 * engine_new's errors.
 */
int ctx_engine(struct engine **engine, hsmime_ctx *ctx);

/*
 * ctx_wrap(key, used, ctx, e, found, asked, purpose):
 * found's key as an EVP_PKEY whose private-key operations go to the token, or to all the tokens of
 * the group that asked (groups_join's key) names or it belongs to; *used is that key. The caller frees
 * both. 0, HSMIME_ENOMEM, HSMIME_EINTERNAL or groups_join's errors.
 */
int ctx_wrap(EVP_PKEY **key, struct token_key **used, hsmime_ctx *ctx, struct engine *e,
    const struct engine_found *found, const char *asked, enum engine_purpose purpose);

/*
 * ctx_token_error(ctx, status):
 * An operation on a token key ended with status. Where that was for the
 * token's sake, its words replace those that OpenSSL left. Returns the status
 * to report.
 */
int ctx_token_error(hsmime_ctx *ctx, int status);

#define CTX_SUBSTITUTE_SIZE 32
#define CTX_SUBSTITUTE_FILE "substitute-secret" /* in the state folder */

/*
 * ctx_substitute(secret, ctx):
 * The CTX_SUBSTITUTE_SIZE octets from which substitute content keys derive
 * (cms/content_key.h): kept per user in the state folder, made at first use;
 * where that folder can't be written, random for this process, with a warning.
 * ctx keeps them. 0, HSMIME_ENOMEM or HSMIME_EINTERNAL.
 */
int ctx_substitute(const unsigned char **secret, hsmime_ctx *ctx);

/*
 * ctx_keep_substitute(ctx, folder): it is kept in folder, of which it is part from then on. Before the family's
 * first decryption; later the one that was in use stays. 0 or HSMIME_ENOMEM.
 */
int ctx_keep_substitute(hsmime_ctx *ctx, const char *folder);

/* ctx_log(ctx, level, fmt, ...): see hsmime_log_callback. */
void ctx_log(const hsmime_ctx *ctx, int level, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
