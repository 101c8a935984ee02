#include "engine/gate.h"

void gate_init(struct gate *g)
{
	pthread_mutex_init(&g->lock, NULL);
	pthread_cond_init(&g->left, NULL);
	g->busy = false;
}

void gate_free(struct gate *g)
{
	pthread_mutex_destroy(&g->lock);
	pthread_cond_destroy(&g->left);
}

void gate_enter(struct gate *g)
{
	pthread_mutex_lock(&g->lock);
	while (g->busy)
		pthread_cond_wait(&g->left, &g->lock);
	g->busy = true;
	pthread_mutex_unlock(&g->lock);
}

void gate_leave(struct gate *g)
{
	pthread_mutex_lock(&g->lock);
	g->busy = false;
	pthread_cond_signal(&g->left);
	pthread_mutex_unlock(&g->lock);
}
