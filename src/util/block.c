#include "util/block.h"

#include <stdatomic.h>
#include <stdlib.h>

#define PAGE 4096
#define KEPT 16 /* blocks of a size */

/*
 * The two sizes that are asked for: what streams pass through, with a little around it, and what they are looked at
 * in. A slot is taken and filled in one step, so that nobody holds anything, across a fork neither; the first slots
 * have what was used last.
 */
static struct {
	const size_t least, most;
	_Atomic(unsigned char *) kept[KEPT];
} sizes[] = {
	{ .least = 64 * 1024, .most = 64 * 1024 + PAGE },
	{ .least = 128 * 1024, .most = 128 * 1024 },
};

#define SIZES (sizeof(sizes) / sizeof(sizes[0]))

/* Checkers of memory are to see that each is freed, and not used afterwards. */
#if defined(__SANITIZE_ADDRESS__)
#define KEEP 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define KEEP 0
#endif
#endif
#ifndef KEEP
#define KEEP 1
#endif

static size_t size_index(size_t size)
{
	size_t i = 0;

	while (i < SIZES && (size < sizes[i].least || size > sizes[i].most))
		i++;
	return KEEP ? i : SIZES;
}

static unsigned char *take(size_t index)
{
	unsigned char *block = NULL;

	for (size_t i = 0; block == NULL && i < KEPT; i++)
		if (atomic_load_explicit(&sizes[index].kept[i], memory_order_relaxed) != NULL)
			block = atomic_exchange(&sizes[index].kept[i], NULL);
	return block;
}

unsigned char *block_new(size_t size)
{
	size_t index = size_index(size);
	unsigned char *kept = index < SIZES ? take(index) : NULL;
	void *block = NULL;

	if (kept != NULL)
		return kept;
	if (index < SIZES)
		size = sizes[index].most;
	return posix_memalign(&block, PAGE, size) == 0 ? block : NULL;
}

void block_free(unsigned char *block, size_t size)
{
	size_t index = size_index(size);

	for (size_t i = 0; block != NULL && index < SIZES && i < KEPT; i++) {
		unsigned char *none = NULL;

		if (atomic_compare_exchange_strong(&sizes[index].kept[i], &none, block))
			return;
	}
	free(block);
}

/* With the library, or at the end of the program. */
__attribute__((destructor)) static void free_kept(void)
{
	for (size_t index = 0; index < SIZES; index++)
		for (size_t i = 0; i < KEPT; i++)
			free(atomic_exchange(&sizes[index].kept[i], NULL));
}
