#include "engine/zone_pace.h"

#include <sched.h>
#include <stdatomic.h>
#include <unistd.h>

#define BRIEF_NS 100000       /* work that takes less is looked for */
#define NEAR_NS 2000000       /* what takes less is done where its caller is */
#define UNKNOWN_NS 1000000000 /* as long as nothing is known: some thirty brief ones change it */

static atomic_int brief_ones; /* threads whose work is brief */
static atomic_long processors;

static void set_brief(struct zone_pace *p, bool brief)
{
	if (brief != p->brief)
		atomic_fetch_add(&brief_ones, brief ? 1 : -1);
	p->brief = brief;
}

void zone_pace_init(struct zone_pace *p)
{
	if (atomic_load(&processors) == 0)
		atomic_store(&processors, sysconf(_SC_NPROCESSORS_ONLN));
	*p = (struct zone_pace){ .took = UNKNOWN_NS, .processor = -1 };
}

void zone_pace_forget(struct zone_pace *p)
{
	set_brief(p, false);
	p->took = UNKNOWN_NS;
}

void zone_pace_note(struct zone_pace *p, int64_t took)
{
	p->took += (took - p->took) / 4;
	set_brief(p, p->took < BRIEF_NS);
}

void zone_pace_end(struct zone_pace *p)
{
	set_brief(p, false);
}

void zone_pace_forked(void)
{
	atomic_store(&brief_ones, 0);
}

/* All that look have to have a processor, or they keep it from who works. */
int64_t zone_pace_looks(const struct zone_pace *p)
{
	return p->brief && atomic_load(&brief_ones) * 2L <= atomic_load(&processors) ? BRIEF_NS : 0;
}

void zone_pace_place(struct zone_pace *p, pthread_t thread)
{
	bool near = p->took < NEAR_NS && zone_pace_looks(p) == 0;
	int processor = near ? sched_getcpu() : -1;
	cpu_set_t set;

	if (processor == p->processor)
		return;
	/* The caller's. Where there are more processors than a set has, none is bound, as it could not be set free. */
	if (pthread_getaffinity_np(pthread_self(), sizeof(set), &set) != 0)
		return;
	if (processor >= 0) {
		CPU_ZERO(&set);
		CPU_SET(processor, &set);
	}
	if (pthread_setaffinity_np(thread, sizeof(set), &set) == 0)
		p->processor = processor;
}
