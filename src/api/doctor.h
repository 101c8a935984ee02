/*
 * doctor: the inside of hsmime_doctor (include/hsmime/doctor.h). Each question to the module is given up
 * by itself where it is not answered, so that it takes nothing else with it.
 */
#ifndef API_DOCTOR_H
#define API_DOCTOR_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/x509.h>

#include <hsmime/doctor.h>

#include "api/ctx.h"
#include "engine/diagnose.h"

/* Every finding; src/api/doctor_kinds.c says what it is called. */
enum doctor_kind {
	DOCTOR_VERSIONS,
	DOCTOR_OPENSSL_OLDER,
	DOCTOR_MEMORY_LOCKED,
	DOCTOR_MEMORY_NOT_LOCKED,
	DOCTOR_CLOCK_WRONG,
	DOCTOR_STATE_FOLDER,
	DOCTOR_STATE_FOLDER_OPEN,
	DOCTOR_STATE_FOLDER_UNUSABLE,
	DOCTOR_STATE_SECRET,
	DOCTOR_PIN_SOURCE,
	DOCTOR_PIN_SOURCE_OPEN,
	DOCTOR_PIN_SOURCE_MISSING,
	DOCTOR_GROUP_WRONG,
	DOCTOR_GROUP_ABSENT,
	DOCTOR_MODULE_CONFIGURED,
	DOCTOR_MODULE_UNLOADED,
	DOCTOR_MODULE_UNSTARTED,
	DOCTOR_MODULE_NONE_CONFIGURED,
	DOCTOR_MODULE_LOADED,
	DOCTOR_MODULE_FAILED,
	DOCTOR_MODULE_STUCK,
	DOCTOR_MODULE_NAMELESS,
	DOCTOR_READER_EMPTY,
	DOCTOR_READER_FAILED,
	DOCTOR_READER_LIST_FAILED,
	DOCTOR_READER_NONE,
	DOCTOR_READER_SERVICE_ABSENT,
	DOCTOR_READER_SERVICE_DENIED,
	DOCTOR_TOKEN_FOUND,
	DOCTOR_TOKEN_NONE,
	DOCTOR_TOKEN_UNREADABLE,
	DOCTOR_TOKEN_UNINITIALIZED,
	DOCTOR_TOKEN_SPARE,
	DOCTOR_TOKEN_SAME_LABEL,
	DOCTOR_TOKEN_WRITE_PROTECTED,
	DOCTOR_TOKEN_SESSIONS,
	DOCTOR_PIN_LOCKED,
	DOCTOR_PIN_FINAL_TRY,
	DOCTOR_PIN_COUNT_LOW,
	DOCTOR_PIN_SOURCE_REFUSED,
	DOCTOR_PIN_TO_BE_CHANGED,
	DOCTOR_PIN_NOT_SET,
	DOCTOR_MECHANISMS,
	DOCTOR_MECHANISMS_FAILED,
	DOCTOR_MECHANISM_MISSING,
	DOCTOR_MECHANISM_BY_SOFTWARE,
	DOCTOR_LOGIN_DONE,
	DOCTOR_LOGIN_LEFT_OUT,
	DOCTOR_LOGIN_WITHHELD,
	DOCTOR_LOGIN_FAILED,
	DOCTOR_KEY_SIGNS,
	DOCTOR_KEY_DECRYPTS,
	DOCTOR_KEY_SIGN_FAILED,
	DOCTOR_KEY_DECRYPT_FAILED,
	DOCTOR_KEY_MISMATCH,
	DOCTOR_KEY_NO_CERTIFICATE,
	DOCTOR_KEY_SEVERAL_CERTIFICATES,
	DOCTOR_KEY_ALWAYS_AUTHENTICATE,
	DOCTOR_KEY_NOT_FOR_MAIL,
	DOCTOR_KEY_NONE,
	DOCTOR_GROUP_DIFFERENT,
	DOCTOR_CERTIFICATE_VALID,
	DOCTOR_CERTIFICATE_EXPIRED,
	DOCTOR_CERTIFICATE_EXPIRES,
	DOCTOR_CERTIFICATE_NOT_YET_VALID,
	DOCTOR_CERTIFICATE_UNTRUSTED,
	DOCTOR_CERTIFICATE_USAGE,
	DOCTOR_CERTIFICATE_WEAK,
	DOCTOR_CERTIFICATE_NO_EMAIL,
	DOCTOR_CERTIFICATE_NO_KEY,
	DOCTOR_CERTIFICATE_KEY_LIMITED,
	DOCTOR_USE_SIGN,
	DOCTOR_USE_SIGN_NONE,
	DOCTOR_USE_DECRYPT,
	DOCTOR_USE_DECRYPT_NONE,
	DOCTOR_USE_NONE,
	DOCTOR_KINDS
};

struct doctor_row {
	const char *id;
	const char *area;
	enum hsmime_finding_level level;
	int status;             /* of an error */
	const char *what_to_do; /* NULL: nothing */
};

extern const struct doctor_row doctor_rows[DOCTOR_KINDS];

/* What was asked for, what was found, and what is counted on the way. */
struct doctor {
	hsmime_ctx *ctx;
	const hsmime_doctor_options *options;
	hsmime_finding *list;
	size_t count, room;
	bool nomem;
	/* Certificates that are valid now, and whose keys can do it. */
	unsigned good[ENGINE_PURPOSES];
	unsigned certificates, too_early;
	unsigned private_keys, bare_keys; /* bare: without a certificate */
	struct diagnosis_keys keys;       /* options->key and options->more_keys */
	bool all_shown;                   /* every token was logged in to */
	bool unread;                      /* what is on a token could not be seen */
	bool key_failed;                  /* one that was tried */
};

/* doctor_say(d, kind, subject, fmt, ...): a finding. */
void doctor_say(struct doctor *d, enum doctor_kind kind, const char *subject, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* doctor_fail(d, kind, subject, err): one in err's words; its hint goes before the kind's. */
void doctor_fail(
    struct doctor *d, enum doctor_kind kind, const char *subject, const struct error *err);

/*
 * doctor_fold(d, from): of the findings from that place on, where more than 20 of one kind are, make one
 * of those behind the 20.
 */
void doctor_fold(struct doctor *d, size_t from);

/* doctor_question(d, run, arg, err): run(arg), which makes token calls; as zone_run (engine/zone.h). */
int doctor_question(struct doctor *d, int (*run)(void *arg), void *arg, struct error *err);

/*
 * The checks, in turn; each calls the next one. doctor_module: 0, or what is wrong with what was asked for
 * (HSMIME_EUSAGE, HSMIME_EPOLICY), in the words of the context's error.
 */
void doctor_host(struct doctor *d);
int doctor_module(struct doctor *d);
void doctor_groups(struct doctor *d, struct engine *e);
void doctor_tokens(struct doctor *d, struct engine *e);

/* doctor_group_keys(d, e): whether a group's keys are one key; after the logins, which show more of them. */
void doctor_group_keys(struct doctor *d, struct engine *e);

/* What the keys of a certificate are good for; all false where it has none. */
struct doctor_uses {
	bool known;                /* one is of a kind that hsmime uses */
	bool may[ENGINE_PURPOSES]; /* by their flags */
	bool can[ENGINE_PURPOSES]; /* one of them may, and did not fail at it where it was tried */
};

void doctor_certificate(
    struct doctor *d, X509 *cert, const char *subject, const struct doctor_uses *key);

/* doctor_keys(d, e, t, query, login): those on t; query: how to come to its PIN, behind a URI, or NULL. */
void doctor_keys(
    struct doctor *d, struct engine *e, const hsmime_token *t, const char *query, bool login);

/* What became of it. */
struct doctor_trial {
	bool failed[ENGINE_PURPOSES];
	/* The signature shows that the public key it is compared with is another key's. */
	bool strange;
};

/*
 * doctor_try(out, d, e, key, query): one signature and one decryption with the private key, as far as it
 * may; query, which is not shown, belongs behind its URI, or is NULL. A strange one decrypts nothing.
 */
void doctor_try(struct doctor_trial *out, struct doctor *d, struct engine *e,
    const struct diagnosis_object *key, const char *query);

#endif
