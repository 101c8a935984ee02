#include "util/block.h"

#include <stdlib.h>

#define PAGE 4096

unsigned char *block_new(size_t size)
{
	void *block = NULL;

	return posix_memalign(&block, PAGE, size) == 0 ? block : NULL;
}
