#include "heap.h"

#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define ROOM (1024 * 1024)
#define HEAPS_MAX 8
#define PIECE (100 * 1024) /* one may fit what is left of the heap, two do not */

/* Two for each processor: with one alone those who wait for it take a tenth of a job's time. */
static int heaps(void)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);

	return processors > 0 && processors < HEAPS_MAX / 2 ? (int)processors * 2 : HEAPS_MAX;
}

void heap_start(bool many)
{
#if defined(M_TOP_PAD) && defined(MADV_POPULATE_WRITE)
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), start, end;
	void *volatile pieces[2]; /* or the compiler leaves both out */

	/* The work is done in a thread, which would have a heap of its own. */
	mallopt(M_ARENA_MAX, many ? heaps() : 1);
	mallopt(M_TOP_PAD, ROOM);
	/* What streams pass through comes from it too. */
	mallopt(M_MMAP_THRESHOLD, ROOM);
	pieces[0] = malloc(PIECE);
	pieces[1] = malloc(PIECE);
	start = ((uintptr_t)pieces[0] + page - 1) / page * page;
	free(pieces[0]);
	free(pieces[1]);
	end = (uintptr_t)sbrk(0) / page * page;
	/* Another allocator has its memory elsewhere. */
	if (end > start && end - start <= 2 * ROOM)
		madvise((void *)start, end - start, MADV_POPULATE_WRITE);
#endif
}
