#include "engine/health.h"

#include "engine/log.h"
#include "engine/slot.h"
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

void health_failed(struct token *t, const struct error *why)
{
	unsigned failures = atomic_fetch_add(&t->health.failures, 1) + 1;

	atomic_store(&t->health.again, clock_ms(CLOCK_MONOTONIC) + pause_ms(failures));
	if (why->code == HSMIME_EPIN)
		atomic_store(&t->health.no_pin, true);
	log_say(failures == 1 ? 0 : 1, "token \"%s\" (serial number %s) is set aside%s: %s",
	    t->label, t->serial, health_no_pin(t) ? " until it is put in again" : "", why->message);
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

void health_forget(struct token *t)
{
	atomic_store(&t->health.operations, 0);
}

bool health_due(struct token *t, bool always)
{
	int64_t again = atomic_load(&t->health.again), now = clock_ms(CLOCK_MONOTONIC);
	unsigned failures = atomic_load(&t->health.failures);
	int64_t next = now + (failures > 0 ? pause_ms(failures) : CHECK_MS);

	if ((failures == 0 && !always) || now < again || health_no_pin(t))
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
