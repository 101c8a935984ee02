/* engine_pin_init of engine/pin_change.h: the first user's PIN, of a token that may have to be made. */
#include <string.h>

#include <hsmime/token.h>

#include "engine/cryptoki.h"
#include "engine/engine_internal.h"
#include "engine/pin.h"
#include "engine/pin_change.h"
#include "engine/pin_memory.h"
#include "engine/pin_new.h"
#include "engine/pin_under_way.h"
#include "engine/recovery.h"
#include "engine/slot.h"

#define LABEL_MAX 32 /* octets: CK_TOKEN_INFO.label */

static int first_pin(struct change *c)
{
	int r = change_find_token(c, false);

	if (r < 0)
		return r;
	if ((atomic_load(&c->token->flags) & HSMIME_TOKEN_PIN_INITIALIZED) == 0)
		return change_by_officer(c, "set the first PIN");
	error_set(c->err, HSMIME_EUSAGE, "token \"%s\" has a PIN already", c->token->label);
	return error_hint(c->err,
	    "change it with hsmime pin change, or set a new one as its security "
	    "officer with hsmime pin unblock");
}

static CK_RV send_init(const struct attempt *a, const unsigned char *pin, CK_ULONG len)
{
	const struct change *c = a->arg;
	unsigned char label[LABEL_MAX];

	memset(label, ' ', sizeof(label));
	memcpy(label, c->job->label, strlen(c->job->label));
	return cryptoki_init_token(
	    a->token->module, atomic_load(&a->token->slot), pin, len, label, a->answer);
}

/*
 * A blank token takes the PIN that it gets for the security officer's, unless who made it has set
 * one; another one asks for it. What erases comes behind every question.
 */
static int initialise(struct change *c)
{
	struct attempt a = change_attempt(c, HSMIME_PIN_SO, "initialise the token");
	int r;

	change_close_others(c);
	a.sent.call = LOGIN_INIT_TOKEN;
	a.send = send_init;
	a.ready = change_ask_other;
	if (c->job->erase)
		return login_alone(&a);
	a.sent.plain = true;
	a.typed = pin_attended(c->so);
	r = pin_new(&c->old, c->so, c->token, HSMIME_PIN_NEW_SO, NULL, c->err);
	return r == 0 ? login_given(&a, &c->old) : r;
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
			change_take_token(c, t);
			return 0;
		}
	error_set(c->err, HSMIME_ETOKEN, "the token that was initialised does not show");
	return error_hint(c->err, "check with hsmime tokens whether the token is there");
}

static int log_in_officer(struct change *c)
{
	CK_RV rv =
	    cryptoki_login(c->token->module, c->session, CKU_SO, c->old.data, c->old.len, NULL);

	return rv == CKR_OK ? 0 : recovery_error(c->err, rv, c->token->label, "log in");
}

static int check_label(const struct change *c)
{
	const char *label = c->job->label;

	if (label[0] == '\0' || strlen(label) > LABEL_MAX) {
		error_set(c->err, HSMIME_EUSAGE, "a token's label has 1 to %d octets", LABEL_MAX);
		return error_hint(c->err, "choose another label");
	}
	return 0;
}

/* Only a token that is named is erased. */
static int check_named(const struct change *c)
{
	if (!c->job->erase || c->job->uri != NULL || c->e->token_label != NULL)
		return 0;
	error_set(c->err, HSMIME_EUSAGE, "the token that is to be erased is not named");
	return error_hint(c->err, "name it with --token, or by a URI");
}

/* Of the token that was found: a name may fit another one than who gave it thinks of. */
static int confirm(const struct change *c)
{
	const struct pin_job *job = c->job;

	if (!job->erase || job->confirm == NULL ||
	    job->confirm(job->confirm_arg, c->token->label, c->token->serial) == 0)
		return 0;
	error_set(c->err, HSMIME_EUSAGE,
	    "erasing token \"%s\" was not confirmed; nothing was changed", c->token->label);
	return error_hint(c->err, "agree to it, or name another token");
}

static int make_token(struct change *c)
{
	int r = check_label(c);

	if (r == 0)
		r = check_named(c);
	if (r == 0)
		r = change_find_token(c, !c->job->erase);
	if (r == 0)
		r = confirm(c);
	if (r == 0)
		r = initialise(c);
	if (r == 0)
		r = find_again(c);
	if (r == 0)
		r = change_open(c);
	if (r == 0)
		r = log_in_officer(c);
	return r == 0 ? change_init_pin(c) : r;
}

int engine_pin_init(struct engine *e, const struct pin_job *job, struct error *err)
{
	struct change c;
	int r = change_begin(&c, e, job, err);

	if (r == 0)
		r = job->label != NULL ? make_token(&c) : first_pin(&c);
	change_end(&c);
	return r;
}
