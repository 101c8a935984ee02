#include "engine/gate.h"

#include "engine/log.h"
#include "engine/watch.h"

static atomic_uint forks; /* from the first process to this one */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_mutex_t reviving = PTHREAD_MUTEX_INITIALIZER;

static void note_fork(void)
{
	pthread_mutex_init(&reviving, NULL);
	atomic_fetch_add(&forks, 1);
}

static void watch_forks(void)
{
	pthread_atfork(NULL, NULL, note_fork);
}

static void make(struct gate *g)
{
	pthread_mutex_init(&g->lock, NULL);
	pthread_cond_init(&g->left, NULL);
	g->busy = g->broken = false;
	atomic_store(&g->forks, atomic_load(&forks));
}

/* Only the thread that forked lives on in the child: nobody else is inside any gate there. */
static void revive(struct gate *g)
{
	pthread_once(&once, watch_forks);
	if (atomic_load(&g->forks) == atomic_load(&forks))
		return;
	pthread_mutex_lock(&reviving);
	if (atomic_load(&g->forks) != atomic_load(&forks))
		make(g);
	pthread_mutex_unlock(&reviving);
}

void gate_init(struct gate *g)
{
	pthread_once(&once, watch_forks);
	make(g);
}

void gate_free(struct gate *g)
{
	revive(g);
	pthread_mutex_destroy(&g->lock);
	pthread_cond_destroy(&g->left);
}

bool gate_enter(struct gate *g)
{
	bool passed;

	revive(g);
	pthread_mutex_lock(&g->lock);
	while (g->busy && !g->broken)
		pthread_cond_wait(&g->left, &g->lock);
	passed = !g->broken;
	if (passed)
		g->busy = true;
	pthread_mutex_unlock(&g->lock);
	if (passed) {
		watch_entered(g);
		log_hold();
	}
	return passed;
}

void gate_leave(struct gate *g)
{
	watch_left(g);
	revive(g);
	pthread_mutex_lock(&g->lock);
	g->busy = false;
	pthread_cond_signal(&g->left);
	pthread_mutex_unlock(&g->lock);
	log_release();
}

void gate_break(struct gate *g)
{
	pthread_mutex_lock(&g->lock);
	g->broken = true;
	pthread_cond_broadcast(&g->left);
	pthread_mutex_unlock(&g->lock);
}

void gate_repair(struct gate *g)
{
	pthread_mutex_lock(&g->lock);
	g->busy = g->broken = false;
	pthread_cond_signal(&g->left);
	pthread_mutex_unlock(&g->lock);
}
