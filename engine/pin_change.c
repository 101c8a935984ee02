#include "engine/pin_change.h"

#include <string.h>

#include <openssl/crypto.h>

#include <hsmime/token.h>

#include "engine/cryptoki.h"
#include "engine/engine_internal.h"
#include "engine/login_attempt.h"
#include "engine/module.h"
#include "engine/pin.h"
#include "engine/pin_cache.h"
#include "engine/pin_memory.h"
#include "engine/pin_new.h"
#include "engine/pin_token.h"
#include "engine/recovery.h"
#include "engine/slot.h"
#include "engine/uri.h"
#include "engine/watch.h"

#define LABEL_MAX 32 /* octets: CK_TOKEN_INFO.label */

/* A change that is under way. */
struct change {
	struct engine *e;
	const struct pin_job *job;
	struct token *token;
	struct token *watched;     /* before */
	CK_SESSION_HANDLE session; /* 0: none */
	struct pin_source *so;     /* of the security officer's PIN or the PUK */
	struct pin_source *fresh;  /* of the new PIN */
	struct secret old;         /* that was accepted; empty: by a PIN pad */
	struct secret pin;         /* the new one */
	CK_RV rv;
	struct error *err;
};

static int source(struct pin_source **out, const struct change *c, const char *spec)
{
	const struct pin_source *base = c->e->pin;
	int r = pin_source_new(out, spec, base->callback, base->callback_arg, c->err);

	if (r == 0) {
		(*out)->doubtful = base->doubtful;
		(*out)->memory = base->memory;
	}
	return r;
}

static int begin(struct change *c, struct engine *e, const struct pin_job *job, struct error *err)
{
	int r;

	*c = (struct change){ .e = e, .job = job, .watched = watch_token(NULL), .err = err };
	r = source(&c->so, c, job->so_source);
	if (r == 0)
		r = source(&c->fresh, c, job->new_source);
	return r;
}

static int find_token(struct change *c, bool blank)
{
	int r = pin_token(&c->token, c->e, c->job->uri, blank, c->err);

	if (r == 0)
		watch_token(c->token);
	return r;
}

static void end(struct change *c)
{
	if (c->session != 0) {
		(void)cryptoki_logout(c->token->module, c->session);
		cryptoki_close(c->token->module, c->session);
		login_lost(c->token);
	}
	watch_token(c->watched);
	secret_free(&c->old);
	secret_free(&c->pin);
	pin_source_free(c->so);
	pin_source_free(c->fresh);
}

/*
 * The pool's sessions go first: no security officer logs in beside read-only ones (PKCS#11 v2.40
 * section 5.6), and no token is initialised beside any.
 */
static void close_others(const struct change *c)
{
	session_lost(c->token, session_generation(c->token));
}

static int open_session(struct change *c)
{
	CK_RV rv;

	close_others(c);
	rv = cryptoki_open_rw(c->token->module, atomic_load(&c->token->slot), &c->session);
	return rv == CKR_OK ? 0 : recovery_error(c->err, rv, c->token->label, "open a session");
}

static struct attempt attempt_of(struct change *c, enum hsmime_pin_kind kind, const char *purpose)
{
	return (struct attempt){ .token = c->token,
		.session = c->session,
		.user = kind == HSMIME_PIN_SO ? CKU_SO : CKU_USER,
		.source = kind == HSMIME_PIN_USER ? c->e->pin : c->so,
		.about = { .kind = kind, .purpose = purpose },
		.kept = &c->old,
		.rv = &c->rv,
		.err = c->err };
}

/* A PIN that has expired is right, and all that may follow is its change. */
static CK_RV log_in_or_expired(const struct attempt *a, const unsigned char *pin, CK_ULONG len)
{
	CK_RV rv = cryptoki_login(a->token->module, a->session, a->user, pin, len);

	return rv == CKR_PIN_EXPIRED ? CKR_OK : rv;
}

/* What was refused before may be right now. */
static void forget(const struct change *c)
{
	struct login *l = &c->token->login;

	if (gate_enter(&l->gate)) {
		OPENSSL_cleanse(l->refused, sizeof(l->refused));
		gate_leave(&l->gate);
	}
	pin_cache_forget(c->token);
	pin_memory_clear(c->e->memory, c->token);
}

static int judge_new(struct change *c, CK_RV rv, const char *what)
{
	char name[48];

	if (rv == CKR_OK) {
		forget(c);
		return 0;
	}
	if (rv != CKR_PIN_INVALID && rv != CKR_PIN_LEN_RANGE)
		return recovery_error(c->err, rv, c->token->label, what);
	error_set(c->err, HSMIME_EPIN, "token \"%s\" does not take the new PIN (%s)",
	    c->token->label, recovery_name(rv, name, sizeof(name)));
	return error_hint(
	    c->err, "choose another one, of the length and the characters that it takes");
}

static int ask_new(struct change *c, const struct secret *old)
{
	return pin_new(&c->pin, c->fresh, c->token, HSMIME_PIN_NEW, old, c->err);
}

static int set_pin(struct change *c, struct attempt *a)
{
	CK_RV rv = cryptoki_set_pin(
	    c->token->module, c->session, c->old.data, c->old.len, c->pin.data, c->pin.len);

	/* Where somebody else in this process was logged in, nobody has looked at the old one before. */
	if ((rv == CKR_PIN_INCORRECT || rv == CKR_PIN_LOCKED) && c->old.data != NULL)
		attempt_refused(a, &c->old);
	return judge_new(c, rv, "change the PIN");
}

/*
 * With a login, which is what OpenSC asks for; there C_SetPIN without one is something else. It also
 * tells a wrong old PIN before a new one is asked for.
 */
int engine_pin_change(struct engine *e, const struct pin_job *job, struct error *err)
{
	struct change c;
	struct attempt a;
	int r = begin(&c, e, job, err);

	if (r == 0)
		r = find_token(&c, false);
	if (r == 0)
		r = open_session(&c);
	if (r == 0) {
		a = attempt_of(&c, HSMIME_PIN_USER, "change the PIN");
		a.send = log_in_or_expired;
		r = login_alone(&a);
	}
	if (r == 0)
		r = ask_new(&c, &c.old);
	if (r == 0)
		r = set_pin(&c, &a);
	end(&c);
	return r;
}

static int init_pin(struct change *c)
{
	CK_RV rv = cryptoki_init_pin(c->token->module, c->session, c->pin.data, c->pin.len);

	return judge_new(c, rv, "set the PIN");
}

static int by_officer(struct change *c, const char *purpose)
{
	struct attempt a;
	int r = open_session(c);

	if (r == 0) {
		a = attempt_of(c, HSMIME_PIN_SO, purpose);
		r = login_alone(&a);
	}
	if (r == 0)
		r = ask_new(c, NULL);
	return r == 0 ? init_pin(c) : r;
}

static CK_RV send_puk(const struct attempt *a, const unsigned char *puk, CK_ULONG len)
{
	const struct secret *pin = a->arg;

	return cryptoki_set_pin(a->token->module, a->session, puk, len, pin->data, pin->len);
}

/* Of a PIN that is not locked the same call is a change, and the PUK a wrong PIN. */
static int check_locked(const struct change *c)
{
	if (token_update_flags(c->token) == CKR_OK &&
	    (atomic_load(&c->token->flags) & HSMIME_TOKEN_PIN_LOCKED) != 0)
		return 0;
	error_set(c->err, HSMIME_EUSAGE, "token \"%s\" does not say that its PIN is locked",
	    c->token->label);
	return error_hint(
	    c->err, "a PUK is for a locked PIN; change the PIN with hsmime pin change");
}

static int by_puk(struct change *c)
{
	struct attempt a;
	int r = check_locked(c);

	if (r == 0)
		r = open_session(c);
	if (r == 0)
		r = ask_new(c, NULL);
	if (r < 0)
		return r;
	a = attempt_of(c, HSMIME_PIN_PUK, "unblock the PIN");
	a.send = send_puk;
	a.arg = &c->pin;
	r = login_alone(&a);
	if (r == 0)
		forget(c);
	else if (r == HSMIME_ETOKEN)
		error_hint(c->err,
		    "not every module unblocks by a PUK; OpenSC does as user_pin_unblock_style "
		    "in opensc.conf says");
	return r;
}

int engine_pin_unblock(struct engine *e, const struct pin_job *job, struct error *err)
{
	struct change c;
	int r = begin(&c, e, job, err);

	if (r == 0)
		r = find_token(&c, false);
	if (r == 0)
		r = job->puk ? by_puk(&c) : by_officer(&c, "unblock the PIN");
	end(&c);
	return r;
}

static int first_pin(struct change *c)
{
	int r = find_token(c, false);

	if (r < 0)
		return r;
	if ((atomic_load(&c->token->flags) & HSMIME_TOKEN_PIN_INITIALIZED) == 0)
		return by_officer(c, "set the first PIN");
	error_set(c->err, HSMIME_EUSAGE, "token \"%s\" has a PIN already", c->token->label);
	return error_hint(c->err,
	    "change it with hsmime pin change, or set a new one as its security "
	    "officer with hsmime pin unblock");
}

static CK_RV send_init(const struct attempt *a, const unsigned char *pin, CK_ULONG len)
{
	return cryptoki_init_token(
	    a->token->module, atomic_load(&a->token->slot), pin, len, a->arg);
}

/* A blank token takes the PIN that it gets for the security officer's; another one asks for that. */
static int initialise(struct change *c, const unsigned char *label)
{
	struct attempt a = attempt_of(c, HSMIME_PIN_SO, "initialise the token");
	CK_RV rv;
	int r;

	close_others(c);
	a.send = send_init;
	a.arg = label;
	if (c->job->erase)
		return login_alone(&a);
	r = pin_new(&c->old, c->so, c->token, HSMIME_PIN_NEW_SO, NULL, c->err);
	if (r < 0)
		return r;
	rv = send_init(&a, c->old.data, c->old.len);
	return judge_new(c, rv, "initialise the token");
}

/* It has another name now, in the same slot. */
static int find_again(struct change *c)
{
	CK_SLOT_ID slot = atomic_load(&c->token->slot);
	int r = token_refresh(c->e->module, c->err);

	if (r < 0)
		return r;
	for (struct token *t = token_first(c->e->module); t != NULL; t = token_after(t))
		if (atomic_load(&t->slot) == slot && token_usable(t)) {
			c->token = t;
			watch_token(t);
			return 0;
		}
	return error_set(c->err, HSMIME_ETOKEN, "the token that was initialised does not show");
}

static int log_in_officer(struct change *c)
{
	CK_RV rv = cryptoki_login(c->token->module, c->session, CKU_SO, c->old.data, c->old.len);

	return rv == CKR_OK ? 0 : recovery_error(c->err, rv, c->token->label, "log in");
}

static int check_label(const struct change *c)
{
	const char *label = c->job->label;

	if (label[0] == '\0' || strlen(label) > LABEL_MAX) {
		error_set(c->err, HSMIME_EUSAGE, "a token's label has 1 to %d octets", LABEL_MAX);
		return error_hint(c->err, "choose another label");
	}
	if (!c->job->erase || c->job->uri != NULL || c->e->token_label != NULL)
		return 0;
	error_set(c->err, HSMIME_EUSAGE, "the token that is to be erased is not named");
	return error_hint(c->err, "name it with --token, or by a URI");
}

/* What erases comes behind every question. */
static int make_token(struct change *c)
{
	unsigned char label[LABEL_MAX];
	int r = check_label(c);

	if (r == 0)
		r = find_token(c, !c->job->erase);
	if (r == 0)
		r = ask_new(c, NULL);
	if (r < 0)
		return r;
	memset(label, ' ', sizeof(label));
	memcpy(label, c->job->label, strlen(c->job->label));
	r = initialise(c, label);
	if (r == 0)
		r = find_again(c);
	if (r == 0)
		r = open_session(c);
	if (r == 0)
		r = log_in_officer(c);
	return r == 0 ? init_pin(c) : r;
}

int engine_pin_init(struct engine *e, const struct pin_job *job, struct error *err)
{
	struct change c;
	int r = begin(&c, e, job, err);

	if (r == 0)
		r = job->label != NULL ? make_token(&c) : first_pin(&c);
	end(&c);
	return r;
}

int engine_pin_forget(struct engine *e, const struct pin_job *job, struct error *err)
{
	struct uri uri = { 0 };
	int r = module_ready(e->module, err);

	if (r == 0)
		r = uri_parse(&uri, job->uri, e->module, err);
	if (r == 0 && job->uri == NULL && e->token_label == NULL)
		pin_memory_clear(e->memory, NULL);
	else if (r == 0)
		for (struct token *t = engine_token_first(e, &uri); t != NULL;
		     t = engine_token_after(e, &uri, t))
			pin_memory_clear(e->memory, t);
	uri_free(&uri);
	return r;
}
