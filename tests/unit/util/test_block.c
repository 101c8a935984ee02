/* util/block.h */
#include "streams.h"

#include <pthread.h>
#include <sched.h>

#include "util/block.h"

static void a_block_starts_on_a_page_and_is_whole(void **state)
{
	static const size_t sizes[] = { 1, 100, 4096, 65537, WINDOW_ROOM };

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		unsigned char *block = block_new(sizes[i]);

		assert_non_null(block);
		assert_int_equal((uintptr_t)block % 4096, 0);
		memset(block, 'x', sizes[i]);
		block_free(block, sizes[i]);
	}
}

#define MANY 100

/* As many at a time as anybody wants, and each is its owner's alone, whatever was kept before. */
static void no_two_have_the_same_block(void **state)
{
	static const size_t sizes[] = { 65536, 65568, WINDOW_ROOM };
	unsigned char *blocks[MANY];

	(void)state;
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < MANY; i++) {
			blocks[i] = block_new(sizes[i % 3]);
			assert_non_null(blocks[i]);
			memset(blocks[i], i, sizes[i % 3]);
		}
		for (int i = 0; i < MANY; i++) {
			for (size_t k = 0; k < sizes[i % 3]; k++)
				assert_int_equal(blocks[i][k], i);
			block_free(blocks[i], sizes[i % 3]);
		}
	}
	block_free(NULL, 65536);
}

static void *take_and_give(void *arg)
{
	unsigned char mark = *(unsigned char *)arg;

	for (int i = 0; i < 20000; i++) {
		unsigned char *block = block_new(65536);

		if (block == NULL)
			return arg;
		block[0] = block[65535] = mark;
		sched_yield();
		if (block[0] != mark || block[65535] != mark)
			return arg;
		block_free(block, 65536);
	}
	return NULL;
}

static void threads_take_and_give_at_a_time(void **state)
{
	pthread_t ids[8];
	unsigned char marks[8];

	(void)state;
	for (unsigned char i = 0; i < 8; i++) {
		marks[i] = i;
		assert_int_equal(pthread_create(&ids[i], NULL, take_and_give, &marks[i]), 0);
	}
	for (int i = 0; i < 8; i++) {
		void *failed = NULL;

		pthread_join(ids[i], &failed);
		assert_null(failed);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_block_starts_on_a_page_and_is_whole),
		cmocka_unit_test(no_two_have_the_same_block),
		cmocka_unit_test(threads_take_and_give_at_a_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
