#include "engine/pin_change.h"

#include <hsmime/token.h>

#include "engine/cryptoki.h"
#include "engine/engine_internal.h"
#include "engine/module.h"
#include "engine/pin_memory.h"
#include "engine/pin_token.h"
#include "engine/pin_under_way.h"
#include "engine/slot.h"
#include "engine/uri.h"

/* A PIN that has expired is right, and all that may follow is its change. */
static CK_RV log_in_or_expired(const struct attempt *a, const unsigned char *pin, CK_ULONG len)
{
	CK_RV rv = cryptoki_login(a->token->module, a->session, a->sent.user, pin, len, a->answer);

	return rv == CKR_PIN_EXPIRED ? CKR_OK : rv;
}

static CK_RV send_change(const struct attempt *a, const unsigned char *pin, CK_ULONG len)
{
	const struct change *c = a->arg;

	return cryptoki_set_pin(
	    a->token->module, a->session, pin, len, c->pin.data, c->pin.len, a->answer);
}

/*
 * Where somebody in this process was logged in already, nobody has looked at the old PIN before:
 * this is what sends it then.
 */
static int set_pin(struct change *c, struct attempt *a)
{
	int r;

	a->sent = (struct login_sent){ .call = LOGIN_SET_PIN, .plain = !a->unseen };
	a->send = send_change;
	r = login_given(a, &c->old);
	if (r == 0)
		change_forget(c, HSMIME_PIN_USER);
	return r;
}

/*
 * With a login, which is what OpenSC asks for; there C_SetPIN without one is something else. It also
 * tells a wrong old PIN before a new one is asked for.
 */
int engine_pin_change(struct engine *e, const struct pin_job *job, struct error *err)
{
	struct change c;
	struct attempt a;
	int r = change_begin(&c, e, job, err);

	if (r == 0)
		r = change_find_token(&c, false);
	if (r == 0)
		r = change_open(&c);
	if (r == 0) {
		a = change_attempt(&c, HSMIME_PIN_USER, "change the PIN");
		a.send = log_in_or_expired;
		r = login_alone(&a);
	}
	if (r == 0)
		r = change_ask_new(&c);
	if (r == 0)
		r = set_pin(&c, &a);
	change_end(&c);
	return r;
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
		r = change_open(c);
	if (r < 0)
		return r;
	a = change_attempt(c, HSMIME_PIN_PUK, "unblock the PIN");
	a.sent.call = LOGIN_SET_PIN;
	a.send = send_change;
	a.ready = change_ask_other;
	r = login_alone(&a);
	if (r == 0)
		change_forget(c, HSMIME_PIN_USER);
	return r;
}

int engine_pin_unblock(struct engine *e, const struct pin_job *job, struct error *err)
{
	struct change c;
	int r = change_begin(&c, e, job, err);

	if (r == 0)
		r = change_find_token(&c, false);
	if (r == 0)
		r = job->puk ? by_puk(&c) : change_by_officer(&c, "unblock the PIN");
	change_end(&c);
	return r;
}

static int forget_some(
    struct engine *e, const struct pin_job *job, const struct uri *uri, struct error *err)
{
	struct token *t = engine_token_first(e, uri);

	if (t == NULL)
		return pin_token_none(e, job->uri, err);
	for (; t != NULL; t = engine_token_after(e, uri, t)) {
		pin_memory_clear(e->memory, t);
		login_forget_accepted(t);
	}
	return 0;
}

static void forget_all(struct engine *e)
{
	pin_memory_clear(e->memory, NULL);
	for (struct token *t = token_first(e->module); t != NULL; t = token_after(t))
		login_forget_accepted(t);
}

int engine_pin_forget(struct engine *e, const struct pin_job *job, struct error *err)
{
	struct uri uri = { 0 };
	int r = module_ready(e->module, err);

	if (r == 0)
		r = uri_parse(&uri, job->uri, e->module, err);
	if (r == 0 && job->uri == NULL && e->token_label == NULL)
		forget_all(e);
	else if (r == 0)
		r = forget_some(e, job, &uri, err);
	uri_free(&uri);
	return r;
}
