#include "engine/login.h"

#include <openssl/crypto.h>

#include <hsmime/token.h>

#include "engine/cryptoki.h"
#include "engine/log.h"
#include "engine/login_attempt.h"
#include "engine/module.h"
#include "engine/pin.h"
#include "engine/pin_cache.h"
#include "engine/recovery.h"
#include "engine/slot.h"
#include "engine/watch.h"

/*
 * In a forked child a PIN that another thread of the parent is sending is another process's, which
 * hinders nobody. One whose call was given up stays in doubt: it broke the gate.
 */
void login_init(struct login *l)
{
	if (!l->gate.broken)
		login_refused_end(&l->memory);
	gate_init(&l->gate);
	atomic_store(&l->in, 0);
}

void login_free(struct login *l)
{
	gate_free(&l->gate);
	login_refused_wipe(&l->memory);
	OPENSSL_cleanse(l->accepted, sizeof(l->accepted));
}

void login_lost(struct token *t)
{
	atomic_store(&t->login.in, 0);
}

/*
 * Wrong PINs given elsewhere count too, so flags that are not fresh are read again. Only a person
 * may go on where they can't be read.
 */
static int refresh_flags(
    struct token *t, const struct pin_source *pin, CK_RV *rv, struct error *err)
{
	CK_RV flags = token_update_flags(t);

	if (flags == CKR_OK || (pin_attended(pin) && pin_person(pin)))
		return 0;
	if (recovery_of(flags) == RECOVERY_SESSION)
		*rv = flags;
	return recovery_error(err, flags, t->label, "tell the state of its PIN");
}

CK_RV login_check(struct token *t, const struct session *s)
{
	CK_SESSION_INFO info = { 0 };
	CK_RV rv = cryptoki_session_info(t->module, s->handle, &info);

	if (rv == CKR_OK &&
	    (info.state == CKS_RO_PUBLIC_SESSION || info.state == CKS_RW_PUBLIC_SESSION))
		rv = CKR_USER_NOT_LOGGED_IN;
	return rv;
}

/* A login of a generation that was lost may be over, and is looked for anew. */
static bool is_in(struct token *t, const struct session *s)
{
	return atomic_load(&t->login.in) == s->generation + 1UL;
}

bool login_known(const struct token *t)
{
	return atomic_load(&t->login.in) != 0;
}

/* Another part of the program, or we before the sessions were lost, may have logged in. */
static bool in_already(struct token *t, const struct session *s)
{
	CK_SESSION_INFO info = { 0 };

	if (!t->login.tried && t->module->owner)
		return false;
	return cryptoki_session_info(t->module, s->handle, &info) == CKR_OK &&
	       (info.state == CKS_RO_USER_FUNCTIONS || info.state == CKS_RW_USER_FUNCTIONS);
}

/* PKCS#11 v3.0 section 5.6.8: such a login succeeds, and what follows gets CKR_PIN_EXPIRED. */
static void warn_of_change(const struct token *t)
{
	if ((atomic_load(&t->flags) & HSMIME_TOKEN_PIN_TO_BE_CHANGED) != 0)
		log_say(0,
		    "token \"%s\" says that its PIN has to be changed (hsmime pin change) before "
		    "it can be used",
		    t->label);
}

static int log_in(struct attempt *a, const struct session *s)
{
	struct token *t = a->token;
	int r = 0;

	if (is_in(t, s))
		return 0;
	if (!in_already(t, s)) {
		if (t->login.tried || !token_flags_fresh(t))
			r = refresh_flags(t, a->source, a->rv, a->err);
		if (r < 0)
			return r;
		t->login.tried = true;
		r = attempt_run(a);
		if (r == 0)
			warn_of_change(t);
	}
	if (r == 0)
		atomic_store(&t->login.in, s->generation + 1UL);
	return r;
}

/*
 * Where nothing is tried again: OpenSC opens sessions of a card that went until it is asked for its
 * slots, and whoever is next would meet the same.
 */
static void look_anew(const struct attempt *a, const struct session *s)
{
	struct error ignored = { 0 };

	if (!a->lost || *a->rv != CKR_OK)
		return;
	session_lost(a->token, s->generation);
	(void)token_reconnect(a->token, &ignored);
}

int login_user(struct token *t, const struct session *s, struct pin_source *pin,
    const char *purpose, CK_RV *rv, struct error *err)
{
	struct attempt a = { .token = t,
		.session = s->handle,
		.sent = { .user = CKU_USER },
		.source = pin,
		.about = { .purpose = purpose },
		.rv = rv,
		.err = err };
	int r;

	*rv = CKR_OK;
	if (is_in(t, s))
		return 0;
	if (!gate_enter(&t->login.gate))
		return watch_stuck(err, t);
	r = log_in(&a, s);
	gate_leave(&t->login.gate);
	look_anew(&a, s);
	return r;
}

/* A PIN that was kept goes only to a token to which nobody gave a wrong one since it took it. */
static bool flags_may_be_old(const struct token *t, const struct pin_source *pin)
{
	return login_refused_any(&t->login.memory, HSMIME_PIN_USER) || !token_flags_fresh(t) ||
	       (pin->for_uses && pin_attended(pin));
}

int login_context(struct token *t, const struct session *s, struct pin_source *pin,
    const struct login_purpose *purpose, CK_RV *rv, struct error *err)
{
	struct attempt a = { .token = t,
		.session = s->handle,
		.sent = { .user = CKU_CONTEXT_SPECIFIC },
		.source = pin,
		.about = { .purpose = purpose->words,
		    .key = purpose->key,
		    .key_uri = purpose->key_uri },
		.rv = rv,
		.err = err };
	int r = 0;

	*rv = CKR_OK;
	if (!gate_enter(&t->login.gate))
		return watch_stuck(err, t);
	if (flags_may_be_old(t, pin))
		r = refresh_flags(t, pin, rv, err);
	if (r == 0)
		r = attempt_run(&a);
	gate_leave(&t->login.gate);
	look_anew(&a, s);
	return r;
}

static int alone(struct attempt *a, const struct secret *pin)
{
	int r;

	*a->rv = CKR_OK;
	if (!gate_enter(&a->token->login.gate))
		return watch_stuck(a->err, a->token);
	r = refresh_flags(a->token, a->source, a->rv, a->err);
	if (r == 0)
		r = pin != NULL ? attempt_given(a, pin) : attempt_run(a);
	gate_leave(&a->token->login.gate);
	return r;
}

int login_alone(struct attempt *a)
{
	return alone(a, NULL);
}

int login_given(struct attempt *a, const struct secret *pin)
{
	return alone(a, pin);
}

void login_forget(struct token *t, enum hsmime_pin_kind kind)
{
	struct login *l = &t->login;

	if (kind == HSMIME_PIN_USER)
		pin_cache_forget(t);
	if (!gate_enter(&l->gate))
		return;
	login_refused_forget(&l->memory, kind);
	if (kind == HSMIME_PIN_USER)
		l->has_accepted = false;
	gate_leave(&l->gate);
}

void login_forget_accepted(struct token *t)
{
	if (!gate_enter(&t->login.gate))
		return;
	t->login.has_accepted = false;
	gate_leave(&t->login.gate);
}
