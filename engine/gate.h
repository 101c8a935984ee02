/*
 * gate: one thread at a time through a passage that makes token calls or asks
 * a person. The others wait without a mutex being held meanwhile. In a forked
 * child every gate is open, whoever was inside in the parent. A gate whose thread was given up
 * inside (engine/watch.h) is broken: nobody passes until its call returns. Messages of who is inside
 * are given out behind it (engine/log.h).
 */
#ifndef ENGINE_GATE_H
#define ENGINE_GATE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

struct gate {
	pthread_mutex_t lock;
	pthread_cond_t left;
	bool busy;
	bool broken;
	atomic_uint forks; /* in which process it was made: private to gate.c */
};

#define GATE_INIT                                                                                  \
	{                                                                                          \
		PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, false, 0               \
	}

/* gate_init(g): an open gate. */
void gate_init(struct gate *g);
void gate_free(struct gate *g);

/*
 * gate_enter(g): wait for the gate and pass: true; false where it is broken, which only happens to
 * gates inside of which token calls are made. gate_leave(g): let the next one in.
 */
bool gate_enter(struct gate *g);
void gate_leave(struct gate *g);

/* gate_break(g): who is inside was given up. gate_repair(g): and has come back, to leave. */
void gate_break(struct gate *g);
void gate_repair(struct gate *g);

#endif
