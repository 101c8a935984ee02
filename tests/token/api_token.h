/*
 * api_token: libhsmime over a SoftHSM token behind the proxy, for tests of what
 * it shows to the outside: status, words, octets and calls to the token.
 */
#ifndef TESTS_TOKEN_API_TOKEN_H
#define TESTS_TOKEN_API_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

#include <hsmime/hsmime.h>

#include "peer.h"
#include "softtoken.h"

/* A key on the token: its public half, and its certificate, which is on the token too. */
struct holder {
	EVP_PKEY *key;
	X509 *cert;
	const char *uri;
};

extern struct softtoken api_token;
extern struct holder api_rsa; /* rita@example.com, RSA 2048: signs and decrypts */
extern struct holder api_ec;  /* emil@example.com, P-256: signs and agrees */
extern const struct proxy *api_proxy;

/* api_setup, api_teardown: cmocka group fixtures. */
int api_setup(void **state);
int api_setup_unwrap(void **state); /* Rita's key unwraps and does not decrypt */
int api_teardown(void **state);

/* api_path(path, size, name): name in the test's own folder. */
void api_path(char *path, size_t size, const char *name);

/* api_ctx(): a context on the token; its secret for substitute keys is that of the folder. */
hsmime_ctx *api_ctx(void);

/* api_ctx_try(ctx): the same where it may fail; *ctx is the caller's to free then too. */
int api_ctx_try(hsmime_ctx **ctx);

/* How often each function of the module was called. */
#define API_CALLS 29
struct calls {
	unsigned long of[API_CALLS];
};

/* What is seen of one operation. */
struct outcome {
	int status;
	struct text words; /* every message to the log, the error, the hint */
	struct text output;
	struct calls calls;
	hsmime_result *result;
};
void outcome_clear(struct outcome *o);

/* calls_of(o, function): how often the operation called it. */
unsigned long calls_of(const struct outcome *o, const char *function);

/* Same status, words and calls to the token; what names the case. */
void assert_same_outcome(const struct outcome *a, const struct outcome *b, const char *what);

/*
 * api_run(o, ctx, work, arg):
 * Does work on ctx and takes what it writes into memory. With ctx NULL on a
 * fresh one: the calls that start and stop the module count too. A failure that
 * lets octets out fails the test.
 */
typedef int (*api_work)(hsmime_ctx *ctx, hsmime_result **result, hsmime_output *out, void *arg);
void api_run(struct outcome *o, hsmime_ctx *ctx, api_work work, void *arg);

/* api_open(o, ctx, message, len): decrypts CMS in memory. */
void api_open(struct outcome *o, hsmime_ctx *ctx, const void *message, size_t len);

#endif
