#include "engine/session.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine/cryptoki.h"
#include "engine/recovery.h"
#include "engine/session_end.h"
#include "engine/slot.h"
#include "engine/watch.h"

#define AGAIN_MS 1000 /* until what was refused is asked for again, where somebody waits */

static int64_t now_ms(void)
{
	struct timespec t = { 0 };

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void session_pool_init(struct session_pool *pool)
{
	memset(pool, 0, sizeof(*pool));
	pthread_mutex_init(&pool->lock, NULL);
	pthread_cond_init(&pool->given, NULL);
	pool->limit = pool->granted = SIZE_MAX;
}

void session_pool_free(struct session_pool *pool)
{
	free(pool->idle);
	pool->idle = NULL;
	pthread_mutex_destroy(&pool->lock);
	pthread_cond_destroy(&pool->given);
}

/* Room for every session that may be given back, made while an error can still be told. */
static bool reserve(struct session_pool *pool)
{
	size_t room = pool->idle_room == 0 ? 4 : pool->idle_room * 2;
	CK_SESSION_HANDLE *idle = NULL;

	if (pool->open < pool->idle_room)
		return true;
	idle = realloc(pool->idle, room * sizeof(*idle));
	if (idle == NULL)
		return false;
	pool->idle = idle;
	pool->idle_room = room;
	return true;
}

/* Before the second session: the first operation alone shall not pay for the question. */
static size_t token_limit(struct token *t)
{
	CK_TOKEN_INFO info = { 0 };

	if (cryptoki_token_info(t->module, atomic_load(&t->slot), &info) != CKR_OK ||
	    info.ulMaxSessionCount == CK_EFFECTIVELY_INFINITE ||
	    info.ulMaxSessionCount == CK_UNAVAILABLE_INFORMATION)
		return SIZE_MAX;
	return info.ulMaxSessionCount;
}

static void learn_limit(struct token *t)
{
	struct session_pool *pool = &t->pool;
	size_t limit = SIZE_MAX;

	pool->asked = pool->asking = true;
	pthread_mutex_unlock(&pool->lock);
	limit = token_limit(t);
	pthread_mutex_lock(&pool->lock);
	pool->asking = false;
	pool->limit = limit;
	pthread_cond_broadcast(&pool->given);
}

/*
 * C_OpenSession was refused. When the token grants no more, and others of ours are out, theirs
 * will come back; where one of ours was closed since the call began, it is worth another try.
 * Those of a generation that is over are still the token's until they are closed.
 */
static bool shall_go_on(struct session_pool *pool, unsigned closed)
{
	if (pool->open > 0) {
		pool->granted = pool->open + (pool->closed != closed ? 1 : 0);
		pool->again = now_ms() + AGAIN_MS;
		return true;
	}
	if (pool->closed != closed)
		return true;
	if (pool->stale == 0)
		return false;
	pthread_cond_wait(&pool->given, &pool->lock);
	return true;
}

void session_more(struct token *t)
{
	struct session_pool *pool = &t->pool;

	pthread_mutex_lock(&pool->lock);
	pool->closed++;
	if (pool->granted <= pool->open)
		pool->granted = pool->open + 1;
	pthread_cond_broadcast(&pool->given);
	pthread_mutex_unlock(&pool->lock);
}

/* Rather no copies of keys than a session less. With the lock held on entry and return. */
static bool give_back_keeper(struct token *t)
{
	bool given;

	pthread_mutex_unlock(&t->pool.lock);
	given = copies_give_back(t);
	pthread_mutex_lock(&t->pool.lock);
	return given;
}

/* With the lock held: a session was opened. Where more are granted than were, the next one asks at once. */
static int opened(struct session_pool *pool)
{
	if (pool->open <= pool->granted)
		return 1;
	pool->granted = pool->open;
	pool->again = 0;
	pthread_cond_signal(&pool->given);
	return 1;
}

static int describe_refusal(struct token *t, CK_RV rv, struct error *err)
{
	int r = recovery_error(err, rv, t->label, "open a session");

	if (rv == CKR_SESSION_COUNT)
		error_hint(err, "other programs hold all sessions that the token grants");
	return r;
}

/* With the lock held on entry and return: 1 opened, 0 look again, negative failed. */
static int open_one(struct session *s, CK_RV *rv, struct token *t, struct error *err)
{
	struct session_pool *pool = &t->pool;
	unsigned generation = pool->generation, closed = pool->closed;

	if (!reserve(pool))
		return error_nomem(err);
	pool->open++;
	pool->opening++;
	pthread_mutex_unlock(&pool->lock);
	*rv = cryptoki_open(t->module, atomic_load(&t->slot), &s->handle);
	pthread_mutex_lock(&pool->lock);
	pool->opening -= pool->generation == generation;
	s->generation = generation;
	if (*rv == CKR_OK)
		return pool->generation == generation ? opened(pool) : 1;
	if (pool->generation != generation) {
		session_stale_closed(pool);
		return 0;
	}
	pool->open--;
	pthread_cond_signal(&pool->given);
	if (*rv != CKR_SESSION_COUNT && *rv != CKR_DEVICE_MEMORY)
		return describe_refusal(t, *rv, err);
	if (give_back_keeper(t) || pool->generation != generation)
		return 0;
	return shall_go_on(pool, closed) ? 0 : describe_refusal(t, *rv, err);
}

/* With the lock held. What was refused may be granted later: one of those that wait asks, now and then. */
static bool may_open(struct session_pool *pool)
{
	int64_t now;

	if (pool->asking || pool->open >= pool->limit)
		return false;
	if (pool->open < pool->granted)
		return true;
	now = now_ms();
	if (now < pool->again)
		return false;
	pool->again = now + AGAIN_MS;
	return true;
}

/* With the lock held: 1 taken, 0 look again, negative failed. */
static int take_one(struct session *s, CK_RV *rv, struct token *t, struct error *err)
{
	struct session_pool *pool = &t->pool;

	if (pool->idle_count > 0) {
		s->handle = pool->idle[--pool->idle_count];
		s->generation = pool->generation;
		return 1;
	}
	if (pool->open == 1 && !pool->asked) {
		learn_limit(t);
		return 0;
	}
	if (may_open(pool))
		return open_one(s, rv, t, err);
	pthread_cond_wait(&pool->given, &pool->lock);
	return 0;
}

int session_take(struct session *s, CK_RV *rv, struct token *t, struct error *err)
{
	int r = 0;

	memset(s, 0, sizeof(*s));
	*rv = CKR_OK;
	pthread_mutex_lock(&t->pool.lock);
	while (r == 0)
		r = atomic_load(&t->stuck) == 0 ? take_one(s, rv, t, err) : watch_stuck(err, t);
	pthread_mutex_unlock(&t->pool.lock);
	return r > 0 ? 0 : r;
}

void session_give(struct session *s, struct token *t)
{
	struct session_pool *pool = &t->pool;
	bool current;

	pthread_mutex_lock(&pool->lock);
	current = s->generation == pool->generation;
	if (current)
		pool->idle[pool->idle_count++] = s->handle;
	pthread_mutex_unlock(&pool->lock);
	/* Woken inside it would only wait for the lock. */
	if (current)
		pthread_cond_signal(&pool->given);
	else
		session_close_stale(t, s->handle);
	s->handle = 0;
}

static size_t known_limit(const struct session_pool *pool)
{
	return pool->granted < pool->limit ? pool->granted : pool->limit;
}

size_t session_limit(struct token *t)
{
	struct session_pool *pool = &t->pool;
	size_t limit;

	pthread_mutex_lock(&pool->lock);
	while (pool->asking)
		pthread_cond_wait(&pool->given, &pool->lock);
	if (!pool->asked)
		learn_limit(t);
	limit = known_limit(pool);
	pthread_mutex_unlock(&pool->lock);
	return limit;
}

size_t session_known_limit(struct token *t)
{
	size_t limit;

	pthread_mutex_lock(&t->pool.lock);
	limit = known_limit(&t->pool);
	pthread_mutex_unlock(&t->pool.lock);
	return limit;
}

unsigned session_generation(struct token *t)
{
	unsigned generation;

	pthread_mutex_lock(&t->pool.lock);
	generation = t->pool.generation;
	pthread_mutex_unlock(&t->pool.lock);
	return generation;
}
