#include "engine/health.h"

#include <hsmime/token.h>

#include "engine/log.h"
#include "engine/module.h"
#include "engine/slot.h"
#include "engine/watch.h"
#include "util/clock.h"

#define FIRST_MS 1000
#define LONGEST_MS 300000
#define CHECK_MS 60000
#define SESSIONS_MANY 64 /* a token without a limit counts as one with that many */

static int64_t pause_ms(unsigned failures)
{
	int64_t ms = FIRST_MS;

	while (failures-- > 1 && ms < LONGEST_MS)
		ms *= 2;
	return ms < LONGEST_MS ? ms : LONGEST_MS;
}

bool health_no_pin(const struct token *t)
{
	return atomic_load(&t->health.no_pin);
}

/* Which of them a right PIN, or one that was unblocked, takes away. */
static unsigned pin_flags(const struct token *t)
{
	return atomic_load(&t->flags) &
	       (HSMIME_TOKEN_PIN_COUNT_LOW | HSMIME_TOKEN_PIN_FINAL_TRY | HSMIME_TOKEN_PIN_LOCKED |
		   HSMIME_TOKEN_PIN_TO_BE_CHANGED);
}

static void set_no_pin(struct token *t)
{
	atomic_store(&t->health.pin_flags, pin_flags(t));
	atomic_store(&t->health.no_pin, true);
}

void health_failed(struct token *t, const struct error *why)
{
	unsigned failures = atomic_fetch_add(&t->health.failures, 1) + 1;

	atomic_store(&t->health.again, clock_ms(CLOCK_MONOTONIC) + pause_ms(failures));
	if (why->code == HSMIME_EPIN && !why->pin_missing)
		set_no_pin(t);
	log_say(failures == 1 ? 0 : 1, "token \"%s\" (serial number %s) is set aside%s: %s",
	    t->label, t->serial,
	    health_no_pin(t) ? " until it is put in again, or its PIN was right elsewhere" : "",
	    why->message);
}

void health_good(struct token *t)
{
	atomic_store(&t->health.no_pin, false);
	if (atomic_load(&t->health.failures) == 0 || atomic_exchange(&t->health.failures, 0) == 0)
		return;
	log_say(0, "token \"%s\" (serial number %s) is back", t->label, t->serial);
}

bool health_aside(const struct token *t)
{
	return atomic_load(&t->health.failures) > 0;
}

void health_gone(struct token *t)
{
	atomic_store(&t->health.no_pin, false);
}

int health_look(struct token *t, struct error *err)
{
	int r = module_ready(t->module, err);
	CK_RV rv;

	if (r < 0)
		return r;
	if (atomic_load(&t->stuck) > 0)
		return watch_stuck(err, t);
	rv = token_locate(t);
	if (rv == CKR_TOKEN_NOT_PRESENT ||
	    (rv == CKR_OK && (atomic_load(&t->health.pin_flags) & ~pin_flags(t)) != 0))
		health_gone(t);
	else if (rv == CKR_OK)
		atomic_store(&t->health.pin_flags, pin_flags(t));
	return 0;
}

void health_forget(struct token *t)
{
	atomic_store(&t->health.operations, 0);
}

bool health_due(struct token *t, bool always)
{
	int64_t again = atomic_load(&t->health.again), now = clock_ms(CLOCK_MONOTONIC);
	unsigned failures = atomic_load(&t->health.failures);
	int64_t next = now + (failures > 0 ? pause_ms(failures) : CHECK_MS);

	if ((failures == 0 && !always) || now < again)
		return false;
	/* The first use is no occasion yet. */
	return atomic_compare_exchange_strong(&t->health.again, &again, next) && again != 0;
}

void health_begin(struct token *t)
{
	atomic_fetch_add(&t->health.operations, 1);
}

void health_end(struct token *t)
{
	atomic_fetch_sub(&t->health.operations, 1);
}

unsigned health_load(struct token *t)
{
	size_t limit = session_known_limit(t);

	if (limit == 0 || limit > SESSIONS_MANY)
		limit = SESSIONS_MANY;
	return atomic_load(&t->health.operations) * 4096 / (unsigned)limit;
}
