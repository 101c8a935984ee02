#include <time.h>

#include "engine/cryptoki.h"
#include "engine/engine_internal.h"
#include "engine/module.h"
#include "engine/slot.h"

#define POLL_MS 500
#define MOVING 8        /* so often after an event: what was read was perhaps a card on its way */
#define FAILURES_MAX 20 /* in a row: what serves the readers may be starting again */

/* One that can't lock would hold up every other call meanwhile. */
static CK_RV wait_for_event(struct module *m)
{
	CK_SLOT_ID slot = 0;

	return m->serial ? CKR_FUNCTION_NOT_SUPPORTED : cryptoki_wait_slot(m, 0, &slot);
}

/* A sum over the tokens that are there: which slot, and which token. */
static unsigned long sum(struct module *m)
{
	unsigned long n = 0;

	for (struct token *t = token_first(m); t != NULL; t = token_after(t))
		n = n * 31 + (unsigned long)(uintptr_t)t + atomic_load(&t->slot);
	return n;
}

static int poll_once(struct module *m, struct error *err)
{
	const struct timespec pause = { 0, POLL_MS * 1000000L };

	nanosleep(&pause, NULL);
	return token_refresh(m, err);
}

static int poll_tokens(struct module *m, unsigned long before, struct error *err)
{
	unsigned failures = 0;
	int r = 0;

	while (failures < FAILURES_MAX && sum(m) == before) {
		r = poll_once(m, err);
		failures = r < 0 ? failures + 1 : 0;
	}
	return r;
}

/* Once. Modules tell of events that were none, without end: whoever waits comes no oftener than by polling. */
static int look(struct module *m, unsigned long before, struct error *err)
{
	return poll_once(m, err) < 0 ? poll_tokens(m, before, err) : 0;
}

static int wait_for_change(struct module *m, unsigned long before, struct error *err)
{
	if (wait_for_event(m) != CKR_OK || token_refresh(m, err) < 0)
		return poll_tokens(m, before, err);
	return sum(m) == before ? look(m, before, err) : 0;
}

/* A module may keep the next event to itself while cards still move, so there is no waiting for it at once. */
int engine_wait(struct engine *e, struct error *err)
{
	struct module *m = e->module;
	unsigned moving = atomic_load(&m->moving);
	unsigned long before;
	int r = module_ready(m, err);

	if (r < 0)
		return r;
	before = sum(m);
	r = moving > 0 ? look(m, before, err) : wait_for_change(m, before, err);
	atomic_store(&m->moving, moving > 0 && sum(m) == before ? moving - 1 : MOVING);
	return r;
}
