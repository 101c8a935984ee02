#include "engine/watch.h"

#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "engine/gate.h"
#include "engine/module.h"
#include "engine/slot.h"
#include "util/clock.h"

#define WATCH_GIVEN_UP ((uint64_t)1 << 63)
#define TITLE_ROOM 64
#define PATIENCE 10 /* times as long for a call that waits for a person */

static _Thread_local struct watch *self;
static atomic_uint hanging;
static pthread_mutex_t marking =
    PTHREAD_MUTEX_INITIALIZER; /* a call is given up, with all its marks */

void watch_thread(struct watch *w)
{
	self = w;
}

bool watch_watched(void)
{
	return self != NULL;
}

struct watch *watch_self(void)
{
	return self;
}

void watch_forked(void)
{
	self = NULL;
	atomic_store(&hanging, 0);
	pthread_mutex_init(&marking, NULL);
}

void watch_begin(struct module *m, const char *function, enum watch_patience patience)
{
	struct watch *w = self;

	if (w == NULL)
		return;
	atomic_store_explicit(&w->since, clock_ms(CLOCK_MONOTONIC_COARSE), memory_order_relaxed);
	atomic_store_explicit(&w->function, function, memory_order_relaxed);
	atomic_store_explicit(&w->module, m, memory_order_relaxed);
	atomic_store_explicit(&w->patience, (int)patience, memory_order_relaxed);
	atomic_fetch_add_explicit(&w->turn, 1, memory_order_release);
}

/* What the thread holds is nobody's any more; it must not be touched, nor the thread's stack freed. */
static void rest(struct watch *w)
{
	struct token *t = atomic_load(&w->token);
	struct module *m = atomic_load(&w->module);

	pthread_mutex_lock(&marking);
	for (size_t i = 0; i < w->gate_count; i++)
		gate_repair(w->gates[i]);
	if (t != NULL)
		atomic_fetch_sub(&t->stuck, 1);
	if (w->module_wide)
		atomic_fetch_sub(&m->stuck, 1);
	atomic_fetch_sub(&m->hanging, 1);
	atomic_fetch_sub(&hanging, 1);
	pthread_mutex_unlock(&marking);
	for (;;)
		pause();
}

void watch_end(void)
{
	struct watch *w = self;
	uint64_t turn;

	if (w == NULL)
		return;
	turn = atomic_load_explicit(&w->turn, memory_order_relaxed);
	if ((turn & WATCH_GIVEN_UP) != 0 ||
	    !atomic_compare_exchange_strong(&w->turn, &turn, turn + 1))
		rest(w);
}

struct token *watch_token(struct token *t)
{
	return self != NULL ? atomic_exchange(&self->token, t) : NULL;
}

void watch_entered(struct gate *g)
{
	if (self != NULL && self->gate_count < WATCH_GATES)
		self->gates[self->gate_count++] = g;
}

void watch_left(struct gate *g)
{
	struct watch *w = self;
	size_t i = w != NULL ? w->gate_count : 0;

	while (i > 0 && w->gates[i - 1] != g)
		i--;
	if (i > 0)
		w->gates[i - 1] = w->gates[--w->gate_count];
}

static int64_t allowed(const struct watch *w, unsigned limit)
{
	return (int64_t)limit * (atomic_load(&w->patience) == WATCH_PERSON ? PATIENCE : 1);
}

int64_t watch_left_ms(const struct watch *w, unsigned limit)
{
	int64_t left;

	if ((atomic_load(&w->turn) & 1) == 0 || atomic_load(&w->patience) == WATCH_ENDLESS)
		return limit;
	left = atomic_load(&w->since) + allowed(w, limit) - clock_ms(CLOCK_MONOTONIC_COARSE);
	return left > 0 ? left : 0;
}

/* "token "LABEL"", or which slot it is in. */
static const char *title(char *buf, size_t size, const struct token *t)
{
	if (t->serial != NULL)
		snprintf(buf, size, "token \"%s\"", t->label);
	else
		snprintf(buf, size, "the token in slot %lu", atomic_load(&t->slot));
	return buf;
}

static void describe(
    const struct token *t, const struct module *m, const char *function, struct error *err)
{
	const char *what =
	    "take the card out and insert it again, or restart the token's service, and "
	    "start again";
	char name[TITLE_ROOM];

	if (t != NULL)
		error_set(err, HSMIME_ETOKEN, "%s does not answer (%s has not returned)",
		    title(name, sizeof(name), t), function);
	else
		error_set(err, HSMIME_ETOKEN,
		    "the PKCS#11 module %s does not answer (%s has not returned)", m->path,
		    function);
	if (t == NULL && m->proxy)
		what =
		    "'hsmime doctor' tells which of the modules behind p11-kit it is, and --module "
		    "goes past it";
	error_hint(err, "the call was given up; %s", what);
}

/* The thread is inside the call, so that its gates and its token are what they are. */
static void mark(struct watch *w)
{
	struct token *t = atomic_load(&w->token);
	struct module *m = atomic_load(&w->module);

	atomic_fetch_add(&hanging, 1);
	atomic_fetch_add(&m->hanging, 1);
	w->module_wide = t == NULL || m->serial;
	if (w->module_wide)
		atomic_fetch_add(&m->stuck, 1);
	if (t != NULL) {
		atomic_fetch_add(&t->stuck, 1);
		session_abandon(t);
		copies_abandon(t, w);
	}
	for (size_t i = 0; i < w->gate_count; i++)
		gate_break(w->gates[i]);
}

bool watch_give_up(struct watch *w, unsigned limit, struct error *err)
{
	uint64_t turn = atomic_load(&w->turn);
	struct token *t = atomic_load(&w->token);
	struct module *m = atomic_load(&w->module);
	const char *function = atomic_load(&w->function);
	bool over;

	if ((turn & 1) == 0 || watch_left_ms(w, limit) > 0)
		return false;
	/* The call may return between the claim and the marks; its thread then waits for them. */
	pthread_mutex_lock(&marking);
	over = atomic_compare_exchange_strong(&w->turn, &turn, turn | WATCH_GIVEN_UP);
	if (over)
		mark(w);
	pthread_mutex_unlock(&marking);
	if (over)
		describe(t, m, function, err);
	return over;
}

unsigned watch_hanging(void)
{
	return atomic_load(&hanging);
}

int watch_stuck(struct error *err, const struct token *t)
{
	char name[TITLE_ROOM];

	if (t != NULL)
		error_set(err, HSMIME_ETOKEN,
		    "%s is stuck: it has not returned from an earlier call",
		    title(name, sizeof(name), t));
	else
		error_set(err, HSMIME_ETOKEN,
		    "the PKCS#11 module is stuck: it has not returned from an earlier call");
	return error_hint(err, "restart the token's service, or take the card out and insert it "
			       "again, and start the program again");
}
