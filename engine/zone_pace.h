/*
 * zone_pace: how long the work of a zone's thread takes (engine/zone.h), and what makes handing it
 * over cheap: brief work is looked for again and again instead of being woken for, and what takes
 * little more is done on its caller's processor, which is free while the caller waits. To fall
 * asleep and be woken elsewhere takes each of the two threads some 25 microseconds.
 */
#ifndef ENGINE_ZONE_PACE_H
#define ENGINE_ZONE_PACE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* Of one thread; with its zone's lock held. */
struct zone_pace {
	int64_t took; /* nanoseconds, on average: the last works */
	bool brief;
	int processor; /* the only one that it may run on; -1: all that its caller may */
};

/* zone_pace_init(p): of a new thread. Nothing is known of its work, which is as good as that it is long. */
void zone_pace_init(struct zone_pace *p);

/* zone_pace_forget(p): work of another kind comes next, of which nothing is known. */
void zone_pace_forget(struct zone_pace *p);

/* zone_pace_note(p, took): a work took that many nanoseconds. */
void zone_pace_note(struct zone_pace *p, int64_t took);

/* zone_pace_end(p): the thread gets no more work. */
void zone_pace_end(struct zone_pace *p);

/* zone_pace_forked(): in the child; there are no other threads. */
void zone_pace_forked(void);

/* zone_pace_looks(p): nanoseconds for which it is worth to look for a change; 0: sleep. */
int64_t zone_pace_looks(const struct zone_pace *p);

/* zone_pace_place(p, thread): work for thread comes next, from the calling one. */
void zone_pace_place(struct zone_pace *p, pthread_t thread);

#endif
