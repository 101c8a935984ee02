/*
 * error: the words of a failure, carried beside the status code.
 */
#ifndef UTIL_ERROR_H
#define UTIL_ERROR_H

#include <hsmime/error.h>

#include <stdbool.h>
#include <stddef.h>

/* What went wrong last and what to do about it; plain storage, all zero is "nothing". */
struct error {
	int code;
	char message[512];
	char hint[512];
	/* error_set clears these. */
	bool incapable;   /* what failed is well and can't do it: it will fail at this again */
	bool pin_missing; /* HSMIME_EPIN: where the PIN comes from had none; nothing was sent */
	bool unanswered;  /* a PIN was sent and its answer got lost: it is not sent again */
	bool hidden;      /* HSMIME_ENOKEY: a slot that is stuck may have what was not found */
};

/*
 * error_set(err, code, fmt, ...):
 * Put code and the formatted message in err (which may be NULL), clear the
 * hint, and return code. The message is one line in plain words; longer text is
 * cut, control characters are replaced by '?'.
 */
int error_set(struct error *err, int code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * error_hint(err, fmt, ...):
 * What the person can do next; keeps the message. Returns err's code; with NULL the code that
 * this thread last gave to an error_set with NULL, so that "return error_hint(…)" after it holds
 * where nobody listens.
 */
int error_hint(struct error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/*
 * error_prefix(err, fmt, ...):
 * Put "<text>: " before the message of err. Returns as error_hint.
 */
int error_prefix(struct error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/*
 * error_openssl(err, code, what):
 * As error_set with "what: <OpenSSL's newest reason>", then error_forget. Out of memory in
 * the queue gives HSMIME_ENOMEM.
 */
int error_openssl(struct error *err, int code, const char *what);

/*
 * error_forget(): take what this thread's OpenSSL error queue got since the last ERR_set_mark; all
 * where there is no mark. A public call marks what the program had in it (api/ctx.h).
 */
void error_forget(void);

/* error_tidy(text): one line for a terminal: '?' for control characters, which could do anything. */
void error_tidy(char *text);

/*
 * error_errno(err, what, name):
 * HSMIME_EIO with "what name: <strerror(errno)>", and a hint where errno says what to do; name may
 * be NULL.
 */
int error_errno(struct error *err, const char *what, const char *name);

/* error_nomem(err): HSMIME_ENOMEM, "out of memory". */
static inline int error_nomem(struct error *err)
{
	(void)error_set(err, HSMIME_ENOMEM, "out of memory");
	return HSMIME_ENOMEM;
}

/* error_keep(err, code, words): as error_set, unless err has words for that code already. */
int error_keep(struct error *err, int code, const char *words);

/* error_clear(err): nothing went wrong. */
void error_clear(struct error *err);

#endif
