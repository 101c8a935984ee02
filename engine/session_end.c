#include "engine/session_end.h"

#include <stdint.h>
#include <stdlib.h>

#include "engine/cryptoki.h"
#include "engine/session.h"
#include "engine/slot.h"

void session_stale_closed(struct session_pool *pool)
{
	pool->closed++;
	if (pool->stale > 0)
		pool->stale--;
	pthread_cond_broadcast(&pool->given);
}

void session_close_stale(struct token *t, CK_SESSION_HANDLE session)
{
	cryptoki_close(t->module, session);
	pthread_mutex_lock(&t->pool.lock);
	session_stale_closed(&t->pool);
	pthread_mutex_unlock(&t->pool.lock);
}

static void forget_one(struct session *s, struct session_pool *pool)
{
	pthread_mutex_lock(&pool->lock);
	if (s->generation == pool->generation) {
		pool->closing--;
		pool->closed++;
		pool->open--;
		pthread_cond_signal(&pool->given);
	} else {
		session_stale_closed(pool);
	}
	pthread_mutex_unlock(&pool->lock);
}

/* Of several that are dropped at once only one is the last; what is only being opened keeps no login. */
static bool begin_closing(const struct session *s, struct session_pool *pool)
{
	bool current, last;

	pthread_mutex_lock(&pool->lock);
	current = s->generation == pool->generation;
	last = current && pool->open == pool->opening + pool->closing + 1;
	pool->closing += current;
	pthread_mutex_unlock(&pool->lock);
	return last;
}

/* s is closed by the token, and other stands for it. */
static void replace(struct session *s, struct token *t, CK_SESSION_HANDLE other)
{
	struct session_pool *pool = &t->pool;

	s->handle = other;
	pthread_mutex_lock(&pool->lock);
	pool->closing -= s->generation == pool->generation;
	pthread_mutex_unlock(&pool->lock);
	session_give(s, t);
}

/* The last session of an application takes the login with it (PKCS#11 v2.40 section 5.6). */
void session_drop(struct session *s, struct token *t)
{
	struct session_pool *pool = &t->pool;
	CK_SESSION_HANDLE other = 0;
	bool last = begin_closing(s, pool);

	if (last && cryptoki_open(t->module, atomic_load(&t->slot), &other) == CKR_OK) {
		cryptoki_close(t->module, s->handle);
		replace(s, t, other);
		return;
	}
	if (last)
		login_lost(t);
	cryptoki_close(t->module, s->handle);
	forget_one(s, pool);
	s->handle = 0;
}

/* *current: it was the generation that ended by this. */
static CK_SESSION_HANDLE *begin_generation(
    bool *current, struct session_pool *pool, unsigned generation, size_t *count)
{
	CK_SESSION_HANDLE *old = NULL;

	*count = 0;
	pthread_mutex_lock(&pool->lock);
	*current = pool->generation == generation;
	if (*current) {
		old = pool->idle;
		*count = pool->idle_count;
		/* One more until whoever ends the generation is done with it. */
		pool->stale += pool->open + 1;
		pool->idle = NULL;
		pool->idle_room = pool->idle_count = pool->open = 0;
		pool->opening = pool->closing = 0;
		pool->limit = pool->granted = SIZE_MAX;
		pool->asked = false;
		pool->generation++;
		pthread_cond_broadcast(&pool->given);
	}
	pthread_mutex_unlock(&pool->lock);
	return old;
}

void session_lost(struct token *t, unsigned generation)
{
	size_t count = 0;
	bool current = false;
	CK_SESSION_HANDLE *old = begin_generation(&current, &t->pool, generation, &count);

	if (current)
		login_lost(t);
	for (size_t i = 0; i < count; i++)
		session_close_stale(t, old[i]);
	free(old);
	copies_lost(t);
	if (!current)
		return;
	pthread_mutex_lock(&t->pool.lock);
	session_stale_closed(&t->pool);
	pthread_mutex_unlock(&t->pool.lock);
}

void session_abandon(struct token *t)
{
	size_t count = 0;
	bool current = false;

	free(begin_generation(&current, &t->pool, session_generation(t), &count));
	login_lost(t);
	pthread_mutex_lock(&t->pool.lock);
	/* Some of them are in calls that may never return. */
	t->pool.stale = 0;
	t->pool.asking = false;
	pthread_cond_broadcast(&t->pool.given);
	pthread_mutex_unlock(&t->pool.lock);
}
