#include <stdlib.h>

#include "engine/cryptoki.h"
#include "engine/log.h"
#include "engine/module.h"
#include "engine/printed.h"
#include "engine/recovery.h"
#include "engine/slot.h"
#include "engine/slot_list.h"
#include "engine/watch.h"

static bool is_empty(CK_RV rv)
{
	return rv == CKR_TOKEN_NOT_PRESENT || rv == CKR_TOKEN_NOT_RECOGNIZED ||
	       rv == CKR_SLOT_ID_INVALID;
}

/* The token that is in that slot as far as is known: a stuck one before others. */
static struct token *token_in(struct module *m, CK_SLOT_ID slot)
{
	struct token *in = NULL;

	pthread_mutex_lock(&m->lock);
	for (struct token *t = m->tokens; t != NULL; t = t->next)
		if (atomic_load(&t->slot) == slot && atomic_load(&t->present) &&
		    (in == NULL || atomic_load(&t->stuck) > 0))
			in = t;
	pthread_mutex_unlock(&m->lock);
	return in;
}

/* The call is for the token that is known there; for a slot where none is known it is the module's. */
static CK_RV ask(CK_TOKEN_INFO *info, struct module *m, CK_SLOT_ID slot, struct token *t)
{
	struct token *before = watch_token(t);
	CK_RV rv = cryptoki_token_info(m, slot, info);

	watch_token(before);
	return rv;
}

/* One slot that fails does not hide the others; where that leaves none, it is why. */
static int read_tokens(struct printed *out, size_t *count, const CK_SLOT_ID *list, CK_ULONG slots,
    struct module *m, struct error *err)
{
	CK_RV failed = CKR_OK;
	char name[48];

	for (CK_ULONG i = 0; i < slots; i++) {
		struct token *t = token_in(m, list[i]);
		CK_TOKEN_INFO info = { 0 };
		CK_RV rv;

		if (t != NULL && atomic_load(&t->stuck) > 0) {
			log_say(0, "token \"%s\" is stuck, and is not asked", t->label);
			continue;
		}
		rv = ask(&info, m, list[i], t);
		if (rv == CKR_OK) {
			printed_token(&out[(*count)++], &info, list[i]);
		} else if (!is_empty(rv)) {
			failed = rv;
			log_say(0, "slot %lu is passed over: its token does not answer (%s)",
			    list[i], recovery_name(rv, name, sizeof(name)));
		}
	}
	return *count > 0 || failed == CKR_OK ? 0
					      : recovery_error(err, failed, NULL, "read its token");
}

static int not_listed(struct error *err, CK_RV rv)
{
	recovery_error(err, rv, NULL, "list the tokens");
	return error_hint(err, "check the module's own configuration, and that its service runs");
}

/* The slots, by one thread at a time; *number tells later listings from earlier ones. */
static int list_slots(
    CK_SLOT_ID **list, CK_ULONG *count, unsigned *number, struct module *m, struct error *err)
{
	CK_RV rv;

	if (!gate_enter(&m->refresh))
		return watch_stuck(err, NULL);
	*number = ++m->listings;
	rv = slot_list(list, count, m);
	gate_leave(&m->refresh);
	return rv == CKR_OK ? 0 : not_listed(err, rv);
}

/* A token that hangs when it is asked holds up no other listing, and what that found is not undone. */
static int note_unless_older(
    struct module *m, unsigned number, const struct printed *p, size_t count, struct error *err)
{
	int r = 0;

	pthread_mutex_lock(&m->lock);
	if ((int)(number - m->newest) > 0) {
		m->newest = number;
		r = token_note(m, p, count);
	}
	pthread_mutex_unlock(&m->lock);
	return r < 0 ? error_nomem(err) : 0;
}

int token_refresh(struct module *m, struct error *err)
{
	struct printed *printed = NULL;
	CK_SLOT_ID *list = NULL;
	CK_ULONG slots = 0;
	size_t count = 0;
	unsigned number = 0;
	int r = list_slots(&list, &slots, &number, m, err);

	if (r == 0 && (printed = calloc(slots + 1, sizeof(*printed))) == NULL)
		r = error_nomem(err);
	if (r == 0)
		r = read_tokens(printed, &count, list, slots, m, err);
	if (r == 0)
		r = note_unless_older(m, number, printed, count, err);
	free(printed);
	free(list);
	return r;
}
