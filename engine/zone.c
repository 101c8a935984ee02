#include "engine/zone.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine/log.h"
#include "engine/watch.h"
#include "engine/zone_pace.h"
#include "util/clock.h"

enum zone_state { ZONE_IDLE, ZONE_ASKED, ZONE_DONE, ZONE_GIVEN_UP, ZONE_ENDING };

/* A thread of ours, and what it is to do. */
struct zone {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	_Atomic(enum zone_state) state; /* changed with the lock held */
	struct zone_pace pace;
	zone_function run;
	void *arg;
	int result;
	struct log_target log;
	bool holds; /* the caller holds messages back */
	struct log_message *said;
	struct log_message **kept; /* by the thread */
	void *caller;
	unsigned limit;
	struct watch watch;
	const char *last; /* whose work it did: the address of that thread's `here` */
	struct zone *next;
};

static _Thread_local char here;
static _Thread_local void *caller;
static _Thread_local unsigned limit_here;
static pthread_mutex_t idle_lock = PTHREAD_MUTEX_INITIALIZER;
static struct zone *idle;
static struct zone *given_up; /* kept in sight of leak checkers: their threads may come back */
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* Only the thread that forked lives on in the child. */
static void forget_threads(void)
{
	pthread_mutex_init(&idle_lock, NULL);
	idle = NULL;
	zone_pace_forked();
	watch_forked();
}

static void start_once(void)
{
	pthread_atfork(NULL, NULL, forget_threads);
}

/*
 * With the lock held: the state is another, and who waits for that goes on. It is woken after the
 * lock was given back, or it would wait for that at once. Only zone_end destroys z, after its thread.
 */
static void change(struct zone *z, enum zone_state state)
{
	z->state = state;
	pthread_mutex_unlock(&z->lock);
	pthread_cond_signal(&z->changed);
}

static int64_t now_ns(void)
{
	struct timespec t = { 0 };

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* With the lock held: look for that state for a while, as the other thread does for the next. */
static void look_out(struct zone *z, enum zone_state state)
{
	int64_t length = zone_pace_looks(&z->pace), until;

	if (length == 0)
		return;
	pthread_mutex_unlock(&z->lock);
	until = now_ns() + length;
	do
		sched_yield();
	while (z->state != state && now_ns() < until);
	pthread_mutex_lock(&z->lock);
}

static void await(struct zone *z, enum zone_state state)
{
	if (z->state != state)
		look_out(z, state);
	while (z->state != state && z->state != ZONE_ENDING)
		pthread_cond_wait(&z->changed, &z->lock);
}

static void *work(void *arg)
{
	struct zone *z = arg;
	int64_t began, took;

	watch_thread(&z->watch);
	pthread_mutex_lock(&z->lock);
	z->kept = log_kept();
	for (;;) {
		await(z, ZONE_ASKED);
		if (z->state == ZONE_ENDING)
			break;
		pthread_mutex_unlock(&z->lock);
		log_to(z->log);
		caller = z->caller;
		limit_here = z->limit;
		if (z->holds)
			log_hold();
		began = now_ns();
		z->result = z->run(z->arg);
		took = now_ns() - began;
		z->said = log_take(z->kept);
		if (z->holds)
			log_release();
		watch_token(NULL);
		pthread_mutex_lock(&z->lock);
		zone_pace_note(&z->pace, took);
		change(z, ZONE_DONE);
		pthread_mutex_lock(&z->lock);
	}
	pthread_mutex_unlock(&z->lock);
	return NULL;
}

static int start_thread(struct zone *z)
{
	sigset_t all, before;
	int e;

	/* Those that an instruction of the thread itself raises are its own. */
	sigfillset(&all);
	sigdelset(&all, SIGSEGV);
	sigdelset(&all, SIGBUS);
	sigdelset(&all, SIGFPE);
	sigdelset(&all, SIGILL);
	e = pthread_sigmask(SIG_SETMASK, &all, &before);
	if (e != 0)
		return e;
	e = pthread_create(&z->thread, NULL, work, z);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return e;
}

static void destroy(struct zone *z)
{
	pthread_cond_destroy(&z->changed);
	pthread_mutex_destroy(&z->lock);
	free(z);
}

static struct zone *zone_new(void)
{
	struct zone *z = calloc(1, sizeof(*z));
	pthread_condattr_t monotonic;

	if (z == NULL)
		return NULL;
	pthread_mutex_init(&z->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&z->changed, &monotonic);
	zone_pace_init(&z->pace);
	pthread_condattr_destroy(&monotonic);
	if (start_thread(z) == 0)
		return z;
	destroy(z);
	return NULL;
}

/*
 * The thread that did the caller's work before, which the system has on the caller's processor: it
 * runs there as soon as the caller waits. Another one might wait for a processor that is busy.
 * Where there is none the one that nobody had for longest. With the lock held.
 */
static struct zone **choose(void)
{
	struct zone **at = &idle;

	while (*at != NULL && (*at)->last != &here && (*at)->next != NULL)
		at = &(*at)->next;
	return at;
}

static struct zone *take(void)
{
	struct zone **at, *z;

	pthread_once(&once, start_once);
	pthread_mutex_lock(&idle_lock);
	at = choose();
	z = *at;
	if (z != NULL)
		*at = z->next;
	pthread_mutex_unlock(&idle_lock);
	if (z == NULL)
		z = zone_new();
	if (z != NULL)
		z->last = &here;
	return z;
}

static void put(struct zone **list, struct zone *z)
{
	pthread_mutex_lock(&idle_lock);
	z->next = *list;
	*list = z;
	pthread_mutex_unlock(&idle_lock);
}

/* With the lock held: until it is done or was given up. A little more than is left: the clock is coarse. */
static void wait_for(struct zone *z, unsigned limit, struct error *err)
{
	if (z->state != ZONE_DONE)
		look_out(z, ZONE_DONE);
	while (z->state != ZONE_DONE) {
		struct timespec until =
		    clock_after(CLOCK_MONOTONIC, watch_left_ms(&z->watch, limit) + 10);

		if (pthread_cond_timedwait(&z->changed, &z->lock, &until) == ETIMEDOUT &&
		    z->state != ZONE_DONE && watch_give_up(&z->watch, limit, err)) {
			z->state = ZONE_GIVEN_UP;
			return;
		}
	}
}

static int run_in(struct zone *z, zone_function run, void *arg, unsigned limit, struct error *err)
{
	struct log_message *said;
	int result;

	pthread_mutex_lock(&z->lock);
	if (z->run != run)
		zone_pace_forget(&z->pace);
	zone_pace_place(&z->pace, z->thread);
	z->run = run;
	z->arg = arg;
	change(z, ZONE_ASKED);
	pthread_mutex_lock(&z->lock);
	wait_for(z, limit, err);
	if (z->state == ZONE_GIVEN_UP) {
		/* Its thread is inside a call, after which it says nothing any more. */
		said = log_take(z->kept);
		zone_pace_end(&z->pace);
		pthread_mutex_unlock(&z->lock);
		put(&given_up, z);
		log_give(said);
		return HSMIME_ETOKEN;
	}
	z->state = ZONE_IDLE;
	result = z->result;
	said = z->said;
	z->said = NULL;
	pthread_mutex_unlock(&z->lock);
	put(&idle, z);
	log_give(said);
	return result;
}

unsigned zone_limit(void)
{
	return limit_here;
}

void zone_set_caller(void *p)
{
	caller = p;
}

void *zone_caller(void)
{
	return caller;
}

/* A signal that came to a thread that had it blocked. */
static void take_pipe(const sigset_t *pipe)
{
	const struct timespec now = { 0, 0 };
	sigset_t pending;

	if (sigpending(&pending) != 0 || sigismember(&pending, SIGPIPE) != 1)
		return;
	while (sigtimedwait(pipe, NULL, &now) < 0 && errno == EINTR)
		;
}

/* As in a thread of ours a write to a dead peer is an error there. */
static int run_here(zone_function run, void *arg)
{
	sigset_t pipe, before;
	int result;

	if (watch_watched())
		return run(arg);
	sigemptyset(&pipe);
	sigaddset(&pipe, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &pipe, &before);
	result = run(arg);
	/* Who has it blocked keeps what waits. */
	if (sigismember(&before, SIGPIPE) != 1) {
		take_pipe(&pipe);
		pthread_sigmask(SIG_SETMASK, &before, NULL);
	}
	return result;
}

int zone_run_apart(zone_function run, void *arg, unsigned limit, struct error *err)
{
	struct zone *z = limit > 0 ? take() : NULL;

	/* Without a thread it is better done without a limit than not at all. */
	if (z == NULL)
		return run_here(run, arg);
	z->log = log_to((struct log_target){ NULL, NULL });
	log_to(z->log);
	z->caller = caller;
	z->limit = limit;
	z->holds = log_holds();
	return run_in(z, run, arg, limit, err);
}

int zone_run(zone_function run, void *arg, unsigned limit, struct error *err)
{
	return watch_watched() ? run(arg) : zone_run_apart(run, arg, limit, err);
}

void zone_end(void)
{
	struct zone *z;

	pthread_mutex_lock(&idle_lock);
	z = idle;
	idle = NULL;
	pthread_mutex_unlock(&idle_lock);
	while (z != NULL) {
		struct zone *next = z->next;

		pthread_mutex_lock(&z->lock);
		change(z, ZONE_ENDING);
		pthread_join(z->thread, NULL);
		zone_pace_end(&z->pace);
		destroy(z);
		z = next;
	}
}
