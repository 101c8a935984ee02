/*
 * job_pace: how many of a job's workers are at it. Where the token is far away, many have to wait for it at a time to
 * keep it busy; where it works on this machine's own processors (SoftHSM), more threads than those have room for are
 * only in each other's way, in its locks and in the caches. So there are as many as keep the processors busy, and no
 * more: the machine is looked at, and no token is asked.
 */
#ifndef ARCHIVE_JOB_PACE_H
#define ARCHIVE_JOB_PACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "archive/flow.h"

struct pace {
	struct flow *flow;
	size_t workers; /* that there are */
	size_t least;
	size_t now;           /* that are at it */
	double processors;    /* that this process may use */
	int64_t wall_at, cpu; /* nanoseconds, when it was looked at last */
};

/* pace_begin(p, flow, workers): begin with few. */
void pace_begin(struct pace *p, struct flow *flow, size_t workers);

/* pace_look(p): at what happened since the last time, several times a second. */
void pace_look(struct pace *p);

/*
 * pace_next(p, share, is_short): how many there are to be, where so much of the processors (0 to 1) was used, and
 * messages waited though all that may be were at it, or not.
 */
size_t pace_next(const struct pace *p, double share, bool is_short);

#endif
