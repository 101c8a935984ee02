/*
 * zone: work that is given up where a token call in it never returns. A thread that is inside a
 * call can't be called back; so the work is done by a thread of the library's, and who asked for
 * it waits, and goes away without it when the call is over its limit.
 *
 * The work may use what its caller has, since that thread waits meanwhile. But what a token call
 * reads and writes has to be the work's own, and so has every lock that it holds during one: where
 * it is given up, the caller goes on and the call may still be at it.
 */
#ifndef ENGINE_ZONE_H
#define ENGINE_ZONE_H

#include "util/error.h"

typedef int (*zone_function)(void *arg);

/*
 * zone_run(run, arg, limit, err):
 * run(arg), and what it returns. No call in it may take longer than limit milliseconds (0: no
 * limit; then, and within a zone, this is only a call of run). Otherwise HSMIME_ETOKEN, and the
 * token counts as stuck until the call returns. Messages of engine/log.h go where the caller's
 * go. The other thread takes no signals, so that a write to a dead peer is an error and not a
 * SIGPIPE; where there is none SIGPIPE is held back in the caller's.
 */
int zone_run(zone_function run, void *arg, unsigned limit, struct error *err);

/* zone_run_apart(run, arg, limit, err): the same, within a zone too: that is not given up with it. */
int zone_run_apart(zone_function run, void *arg, unsigned limit, struct error *err);

/* zone_limit(): that of the zone which the calling thread works in; 0: none. */
unsigned zone_limit(void);

/*
 * zone_set_caller(p), zone_caller(): a pointer of the calling thread's that the work finds too,
 * for callbacks that have to know whom they are called for.
 */
void zone_set_caller(void *p);
void *zone_caller(void);

/* zone_end(): end the threads that wait for more work. Not within a zone. */
void zone_end(void);

#endif
