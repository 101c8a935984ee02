#include "archive/job_pace.h"

#include <sched.h>
#include <time.h>
#include <unistd.h>

#define BUSY 0.95  /* of the processors: one less */
#define IDLE 0.88  /* a few more */
#define HALF 0.5   /* twice as many */
#define FOR_EACH 2 /* workers for a processor, at least: one may wait for a lock or the disk */

static int64_t nanoseconds(clockid_t clock)
{
	struct timespec t = { 0 };

	clock_gettime(clock, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static double processors(void)
{
	cpu_set_t set;
	long all = sysconf(_SC_NPROCESSORS_ONLN);

	if (sched_getaffinity(0, sizeof(set), &set) == 0)
		return CPU_COUNT(&set);
	return all > 0 ? (double)all : 1;
}

static void look(struct pace *p)
{
	p->wall_at = nanoseconds(CLOCK_MONOTONIC);
	p->cpu = nanoseconds(CLOCK_PROCESS_CPUTIME_ID);
}

void pace_begin(struct pace *p, struct flow *flow, size_t workers)
{
	*p = (struct pace){ .flow = flow, .workers = workers, .processors = processors() };
	p->least = (size_t)p->processors * FOR_EACH;
	if (p->least > workers)
		p->least = workers;
	p->now = p->least;
	flow_limit(flow, p->now);
	look(p);
}

size_t pace_next(const struct pace *p, double share, bool is_short)
{
	size_t next = p->now;

	if (share >= BUSY)
		return next > p->least ? next - 1 : p->least;
	if (!is_short || share >= IDLE)
		return next;
	next += share < HALF ? next : next / 4 + 1;
	return next < p->workers ? next : p->workers;
}

void pace_look(struct pace *p)
{
	int64_t wall_at = p->wall_at, cpu = p->cpu;
	size_t next;
	double share;

	look(p);
	if (p->wall_at <= wall_at)
		return;
	share = (double)(p->cpu - cpu) / (double)(p->wall_at - wall_at) / p->processors;
	next = pace_next(p, share, flow_is_short(p->flow));
	if (next != p->now)
		flow_limit(p->flow, next);
	p->now = next;
}
