#include <stdlib.h>

#include "engine/module.h"
#include "engine/printed.h"
#include "engine/recovery.h"
#include "engine/slot.h"
#include "engine/slot_ask.h"
#include "engine/slot_list.h"
#include "engine/watch.h"

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
		r = slot_ask_all(printed, &count, m, list, slots, err);
	if (r == 0)
		r = note_unless_older(m, number, printed, count, err);
	free(printed);
	free(list);
	return r;
}
