#include "engine/pin_cache.h"
#include "util/clock.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct entry {
	struct entry *next;
	const struct token *token;
	time_t used; /* seconds of CLOCK_BOOTTIME, which goes on while the machine sleeps */
	struct secret pin;
};

struct pin_cache {
	struct pin_cache *next;
	unsigned idle;
	struct entry *entries;
};

/* Held for short work in memory only: no token call, no callback. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct pin_cache *caches;

/* Remove what is too old, and what is of t (NULL: of none). */
static void prune(struct pin_cache *c, const struct token *t, time_t at)
{
	struct entry **link = &c->entries;

	while (*link != NULL) {
		struct entry *e = *link;

		if ((t == NULL || e->token != t) && at - e->used < (time_t)c->idle) {
			link = &e->next;
			continue;
		}
		*link = e->next;
		secret_free(&e->pin);
		free(e);
	}
}

static void before_fork(void)
{
	pthread_mutex_lock(&lock);
}

static void after_fork(void)
{
	pthread_mutex_unlock(&lock);
}

/* Only octets: another thread may have been inside the allocator. */
static void in_child(void)
{
	for (struct pin_cache *c = caches; c != NULL; c = c->next)
		for (struct entry *e = c->entries; e != NULL; e = e->next) {
			explicit_bzero(e->pin.data, e->pin.room);
			e->token = NULL;
		}
	pthread_mutex_init(&lock, NULL);
}

static void watch_forks(void)
{
	pthread_atfork(before_fork, after_fork, in_child);
}

struct pin_cache *pin_cache_new(unsigned idle)
{
	struct pin_cache *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	pthread_once(&once, watch_forks);
	c->idle = idle;
	pthread_mutex_lock(&lock);
	c->next = caches;
	caches = c;
	pthread_mutex_unlock(&lock);
	return c;
}

static void wipe_all(struct pin_cache *c)
{
	for (struct entry *e = c->entries, *next; e != NULL; e = next) {
		next = e->next;
		secret_free(&e->pin);
		free(e);
	}
}

void pin_cache_free(struct pin_cache *c)
{
	struct pin_cache **link = &caches;

	if (c == NULL)
		return;
	pthread_mutex_lock(&lock);
	while (*link != c)
		link = &(*link)->next;
	*link = c->next;
	pthread_mutex_unlock(&lock);
	wipe_all(c);
	free(c);
}

bool pin_cache_get(struct secret *pin, struct pin_cache *c, const struct token *t)
{
	bool found = false;

	memset(pin, 0, sizeof(*pin));
	if (c == NULL)
		return false;
	pthread_mutex_lock(&lock);
	prune(c, NULL, clock_seconds(CLOCK_BOOTTIME));
	for (struct entry *e = c->entries; e != NULL && !found; e = e->next)
		if (e->token == t && secret_copy(pin, &e->pin) == 0) {
			e->used = clock_seconds(CLOCK_BOOTTIME);
			found = true;
		}
	pthread_mutex_unlock(&lock);
	return found;
}

void pin_cache_put(struct pin_cache *c, const struct token *t, const struct secret *pin)
{
	struct entry *e = c != NULL ? calloc(1, sizeof(*e)) : NULL;

	if (e == NULL)
		return;
	if (secret_copy(&e->pin, pin) != 0) {
		free(e);
		return;
	}
	e->token = t;
	pthread_mutex_lock(&lock);
	prune(c, t, clock_seconds(CLOCK_BOOTTIME));
	e->used = clock_seconds(CLOCK_BOOTTIME);
	e->next = c->entries;
	c->entries = e;
	pthread_mutex_unlock(&lock);
}

void pin_cache_forget(const struct token *t)
{
	pthread_mutex_lock(&lock);
	for (struct pin_cache *c = caches; c != NULL; c = c->next)
		prune(c, t, clock_seconds(CLOCK_BOOTTIME));
	pthread_mutex_unlock(&lock);
}

void pin_cache_expire(void)
{
	pthread_mutex_lock(&lock);
	for (struct pin_cache *c = caches; c != NULL; c = c->next)
		prune(c, NULL, clock_seconds(CLOCK_BOOTTIME));
	pthread_mutex_unlock(&lock);
}
