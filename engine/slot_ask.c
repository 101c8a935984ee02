#include "engine/slot_ask.h"

#include <string.h>

#include "engine/cryptoki.h"
#include "engine/log.h"
#include "engine/module.h"
#include "engine/printed.h"
#include "engine/recovery.h"
#include "engine/slot.h"
#include "engine/watch.h"
#include "engine/zone.h"

/* Slots that are asked in turn. Where a call is given up its thread touches none of this any more. */
struct round {
	struct module *m;
	const CK_SLOT_ID *list;
	CK_ULONG slots;
	CK_ULONG at;
	struct printed *out;
	size_t count;
	CK_RV failed;
	struct token *stuck; /* without a name, so that no list shows it */
};

static bool is_empty(CK_RV rv)
{
	return rv == CKR_TOKEN_NOT_PRESENT || rv == CKR_TOKEN_NOT_RECOGNIZED ||
	       rv == CKR_SLOT_ID_INVALID;
}

/* With m->lock held. */
static struct token *known_in(struct module *m, CK_SLOT_ID slot)
{
	struct token *in = NULL;

	for (struct token *t = m->tokens; t != NULL; t = t->next)
		if (atomic_load(&t->slot) == slot && atomic_load(&t->present) &&
		    (in == NULL || atomic_load(&t->stuck) > 0))
			in = t;
	return in;
}

static struct token *nameless_in(struct module *m, CK_SLOT_ID slot)
{
	struct token *t = m->nameless;

	while (t != NULL && atomic_load(&t->slot) != slot)
		t = t->next;
	return t;
}

static struct token *add_nameless(struct module *m, CK_SLOT_ID slot)
{
	struct token *t = token_nameless(m, slot);

	if (t != NULL) {
		t->next = m->nameless;
		m->nameless = t;
	}
	return t;
}

/* A slot is unknown until it was asked for the first time, and while it is empty. */
struct token *slot_token(struct module *m, CK_SLOT_ID slot)
{
	struct token *known, *t;

	pthread_mutex_lock(&m->lock);
	known = known_in(m, slot);
	t = nameless_in(m, slot);
	if (known != NULL && (t == NULL || atomic_load(&t->stuck) == 0))
		t = known;
	else if (t == NULL)
		t = add_nameless(m, slot);
	pthread_mutex_unlock(&m->lock);
	return t;
}

struct token *slot_stuck(struct module *m, const struct token *t)
{
	struct token *next;

	pthread_mutex_lock(&m->lock);
	next = t == NULL ? m->nameless : t->next;
	while (next != NULL && atomic_load(&next->stuck) == 0)
		next = next->next;
	pthread_mutex_unlock(&m->lock);
	return next;
}

CK_RV slot_token_info(CK_TOKEN_INFO *info, struct module *m, CK_SLOT_ID slot, struct token *t)
{
	struct token *before = watch_token(t);
	CK_RV rv = cryptoki_token_info(m, slot, info);

	watch_token(before);
	return rv;
}

static void pass_over(struct round *r, struct token *t)
{
	struct error stuck = { 0 };

	watch_stuck(&stuck, t);
	token_say_stuck(t, &stuck);
	if (t->serial == NULL)
		r->stuck = t;
}

static void ask(struct round *r, CK_SLOT_ID slot)
{
	struct token *t = slot_token(r->m, slot);
	CK_TOKEN_INFO info = { 0 };
	char name[48];
	CK_RV rv;

	if (t != NULL && atomic_load(&t->stuck) > 0) {
		pass_over(r, t);
		return;
	}
	rv = slot_token_info(&info, r->m, slot, t);
	if (t != NULL)
		atomic_store(&t->told, false);
	if (rv == CKR_OK) {
		printed_token(&r->out[r->count++], &info, slot);
	} else if (!is_empty(rv)) {
		r->failed = rv;
		log_say(0, "slot %lu is passed over: its token does not answer (%s)", slot,
		    recovery_name(rv, name, sizeof(name)));
	}
}

static int ask_on(void *arg)
{
	struct round *r = arg;

	for (; r->at < r->slots; r->at++)
		ask(r, r->list[r->at]);
	return 0;
}

/* Where all that is left is nothing. */
static int why_none(const struct round *r, const struct error *hung, struct error *err)
{
	if (hung->code < 0) {
		*err = *hung;
		return hung->code;
	}
	if (r->failed != CKR_OK)
		return recovery_error(err, r->failed, NULL, "read its token");
	return r->stuck != NULL ? watch_stuck(err, r->stuck) : 0;
}

int slot_ask_all(struct printed *out, size_t *count, struct module *m, const CK_SLOT_ID *list,
    CK_ULONG slots, struct error *err)
{
	struct round r = { .m = m, .list = list, .slots = slots, .out = out };
	struct error hung = { 0 };
	struct token *t;

	*count = 0;
	/* Its only token would keep nobody but itself. */
	if (slots < 2)
		(void)ask_on(&r);
	while (r.at < slots && zone_run_apart(ask_on, &r, zone_limit(), &hung) < 0) {
		if (atomic_load(&m->stuck) > 0) {
			*err = hung;
			return hung.code;
		}
		t = slot_token(m, list[r.at++]);
		if (t != NULL)
			token_say_stuck(t, &hung);
	}
	*count = r.count;
	return r.count > 0 ? 0 : why_none(&r, &hung, err);
}

/* What is asked of a slot, for the thread that does it. */
struct slot_question {
	struct token *t;
	CK_SLOT_INFO info;
	CK_RV rv;
};

static int ask_slot_info(void *arg)
{
	struct slot_question *q = arg;
	struct token *before = watch_token(q->t);
	CK_SLOT_INFO info = { 0 };

	q->rv = cryptoki_slot_info(q->t->module, atomic_load(&q->t->slot), &info);
	q->info = info;
	watch_token(before);
	return 0;
}

CK_RV token_slot_info(CK_SLOT_INFO *info, const struct token *t)
{
	struct slot_question q = { .t = (struct token *)t, .rv = CKR_DEVICE_ERROR };
	struct error hung = { 0 };
	char name[48];

	memset(info, 0, sizeof(*info));
	if (atomic_load(&t->stuck) > 0)
		watch_stuck(&hung, t);
	else
		(void)zone_run_apart(ask_slot_info, &q, zone_limit(), &hung);
	if (hung.code < 0) {
		token_say_stuck(q.t, &hung);
		return CKR_DEVICE_ERROR;
	}
	if (q.rv == CKR_OK)
		*info = q.info;
	else
		log_say(0, "token \"%s\": its slot does not say what it is (%s)", t->label,
		    recovery_name(q.rv, name, sizeof(name)));
	return q.rv;
}
