#include <time.h>

#include "engine/cryptoki.h"
#include "engine/engine_internal.h"
#include "engine/module.h"
#include "engine/slot.h"

#define POLL_MS 500
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

static int poll_tokens(struct module *m, struct error *err)
{
	unsigned long before = sum(m);
	unsigned failures = 0;
	int r = 0;

	while (failures < FAILURES_MAX && sum(m) == before) {
		r = poll_once(m, err);
		failures = r < 0 ? failures + 1 : 0;
	}
	return r;
}

/* Modules tell of events that were none, without end: whoever waits then comes no oftener than by polling. */
int engine_wait(struct engine *e, struct error *err)
{
	struct module *m = e->module;
	unsigned long before;
	int r = module_ready(m, err);

	if (r < 0)
		return r;
	before = sum(m);
	if (wait_for_event(m) != CKR_OK)
		return poll_tokens(m, err);
	r = token_refresh(m, err);
	if (r < 0)
		return poll_tokens(m, err);
	return sum(m) == before ? poll_once(m, err) : 0;
}
