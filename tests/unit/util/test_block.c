/* util/block.h */
#include "streams.h"

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
		free(block);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_block_starts_on_a_page_and_is_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
