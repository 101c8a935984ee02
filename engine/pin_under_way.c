#include "engine/pin_under_way.h"

#include "engine/cryptoki.h"
#include "engine/engine_internal.h"
#include "engine/pin.h"
#include "engine/pin_change.h"
#include "engine/pin_memory.h"
#include "engine/pin_new.h"
#include "engine/pin_token.h"
#include "engine/recovery.h"
#include "engine/slot.h"
#include "engine/watch.h"

static int source(struct pin_source **out, const struct change *c, const char *spec)
{
	const struct pin_source *base = c->e->pin;
	int r = pin_source_new(out, spec, base->callback, base->callback_arg, c->err);

	if (r == 0)
		pin_source_like(*out, base);
	return r;
}

int change_begin(struct change *c, struct engine *e, const struct pin_job *job, struct error *err)
{
	int r;

	*c = (struct change){ .e = e, .job = job, .watched = watch_token(NULL), .err = err };
	r = source(&c->so, c, job->so_source);
	if (r == 0)
		r = source(&c->fresh, c, job->new_source);
	return r;
}

void change_take_token(struct change *c, struct token *t)
{
	c->token = t;
	watch_token(t);
}

int change_find_token(struct change *c, bool blank)
{
	struct token *t = NULL;
	int r = pin_token(&t, c->e, c->job->uri, blank, c->err);

	if (r == 0)
		change_take_token(c, t);
	return r;
}

void change_end(struct change *c)
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
void change_close_others(const struct change *c)
{
	session_lost(c->token, session_generation(c->token));
}

int change_open(struct change *c)
{
	CK_RV rv;

	change_close_others(c);
	rv = cryptoki_open_rw(c->token->module, atomic_load(&c->token->slot), &c->session);
	return rv == CKR_OK ? 0 : recovery_error(c->err, rv, c->token->label, "open a session");
}

struct attempt change_attempt(struct change *c, enum hsmime_pin_kind kind, const char *purpose)
{
	return (struct attempt){ .token = c->token,
		.session = c->session,
		.sent = { .user = kind == HSMIME_PIN_SO ? CKU_SO : CKU_USER },
		.source = kind == HSMIME_PIN_USER ? c->e->pin : c->so,
		.about = { .kind = kind, .purpose = purpose },
		.arg = c,
		.kept = &c->old,
		.rv = &c->rv,
		.err = c->err };
}

void change_forget(const struct change *c, enum hsmime_pin_kind kind)
{
	login_forget(c->token, kind);
	pin_memory_clear_kind(c->e->memory, c->token, kind);
}

int change_judge(struct change *c, CK_RV rv, const char *what)
{
	if (rv == CKR_OK) {
		change_forget(c, HSMIME_PIN_USER);
		return 0;
	}
	if (login_answer_new(c->err, rv, c->token->label, "new PIN"))
		return HSMIME_EPIN;
	return recovery_error(c->err, rv, c->token->label, what);
}

static int ask(struct change *c, const struct secret *present, enum hsmime_pin_kind kind)
{
	const struct pin_present not_this = { present, kind };

	return pin_new(&c->pin, c->fresh, c->token, HSMIME_PIN_NEW, &not_this, c->err);
}

int change_ask_new(struct change *c)
{
	return ask(c, &c->old, HSMIME_PIN_USER);
}

int change_ask_other(const struct attempt *a, const struct secret *pin)
{
	return ask(a->arg, pin, a->about.kind);
}

int change_init_pin(struct change *c)
{
	CK_RV rv = cryptoki_init_pin(c->token->module, c->session, c->pin.data, c->pin.len);

	return change_judge(c, rv, "set the PIN");
}

int change_by_officer(struct change *c, const char *purpose)
{
	struct attempt a;
	int r = change_open(c);

	if (r == 0) {
		a = change_attempt(c, HSMIME_PIN_SO, purpose);
		r = login_alone(&a);
	}
	if (r == 0)
		r = ask(c, &c->old, HSMIME_PIN_SO);
	return r == 0 ? change_init_pin(c) : r;
}
