/*
 * gate: one thread at a time through a passage that makes token calls or asks
 * a person. The others wait without a mutex being held meanwhile.
 */
#ifndef ENGINE_GATE_H
#define ENGINE_GATE_H

#include <pthread.h>
#include <stdbool.h>

struct gate {
	pthread_mutex_t lock;
	pthread_cond_t left;
	bool busy;
};

#define GATE_INIT                                                                                  \
	{                                                                                          \
		PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false                         \
	}

/* gate_init(g): an open gate; in a forked child, whatever it was in the parent. */
void gate_init(struct gate *g);
void gate_free(struct gate *g);

/* gate_enter(g): wait for the gate and pass. gate_leave(g): let the next one in. */
void gate_enter(struct gate *g);
void gate_leave(struct gate *g);

#endif
