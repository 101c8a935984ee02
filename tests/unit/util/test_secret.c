/* util/secret.h */
#include "streams.h"

#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>

#include <openssl/crypto.h>

#include "util/secret.h"

/* The kernel's flags of the mapping that holds p: " rd wr … lo dd ". */
static void flags_of(char flags[256], const void *p)
{
	FILE *maps = fopen("/proc/self/smaps", "r");
	char line[512];
	bool inside = false;

	assert_non_null(maps);
	flags[0] = '\0';
	while (flags[0] == '\0' && fgets(line, sizeof(line), maps) != NULL) {
		unsigned long start, end;

		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			inside = (uintptr_t)p >= start && (uintptr_t)p < end;
		else if (inside && strncmp(line, "VmFlags:", 8) == 0)
			snprintf(flags, 256, "%.200s", line + 8);
	}
	fclose(maps);
}

static void a_new_secret_is_zero_and_unused(void **state)
{
	static const unsigned char zero[300];
	struct secret s;

	(void)state;
	assert_int_equal(secret_new(&s, sizeof(zero)), 0);
	assert_int_equal(s.len, 0);
	assert_int_equal(s.room, sizeof(zero));
	assert_memory_equal(s.data, zero, sizeof(zero));
	secret_free(&s);
	assert_int_equal(secret_new(&s, 0), 0);
	assert_non_null(s.data);
	secret_free(&s);
}

/* Not where the limit forbids it, nor under AddressSanitizer, which leaves mlock out. */
static bool memory_can_be_locked(void)
{
	void *page = mmap(NULL, 1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char flags[256];

	assert_true(page != MAP_FAILED);
	(void)mlock(page, 1);
	flags_of(flags, page);
	munmap(page, 1);
	return strstr(flags, " lo") != NULL;
}

static void it_is_locked_in_memory_and_kept_out_of_core_files(void **state)
{
	bool lockable = memory_can_be_locked();
	struct secret s;
	char flags[256];

	(void)state;
	assert_int_equal(secret_new(&s, 32), 0);
	flags_of(flags, s.data);
	assert_non_null(strstr(flags, " dd"));
	assert_int_equal(strstr(flags, " lo") != NULL, lockable);
	secret_free(&s);
}

static void freed_it_is_gone_and_freeing_again_is_nothing(void **state)
{
	struct secret s;
	unsigned char *data;

	(void)state;
	/* Large ones are unmapped; a small one's page is wiped and waits for the next secret. */
	assert_int_equal(secret_new(&s, 8192), 0);
	data = s.data;
	secret_free(&s);
	assert_int_equal(msync(data, 1, MS_ASYNC), -1);
	assert_int_equal(errno, ENOMEM);
	assert_int_equal(secret_new(&s, 32), 0);
	data = s.data;
	memset(data, 0x5a, 32);
	secret_free(&s);
	for (int i = 0; i < 32; i++)
		assert_int_equal(data[i], 0);
	assert_null(s.data);
	assert_int_equal(s.room, 0);
	secret_free(&s);
	secret_free(NULL);
}

static void what_can_not_be_had_is_out_of_memory(void **state)
{
	struct secret s;

	(void)state;
	assert_int_equal(secret_new(&s, SIZE_MAX / 2), HSMIME_ENOMEM);
	assert_null(s.data);
	assert_int_equal(s.room, 0);
}

static void a_copy_is_of_its_own(void **state)
{
	struct secret a, b, none = { 0 };

	(void)state;
	assert_int_equal(secret_new(&a, 10), 0);
	memcpy(a.data, "1234", 4);
	a.len = 4;
	assert_int_equal(secret_copy(&b, &a), 0);
	secret_free(&a);
	assert_int_equal(b.len, 4);
	assert_int_equal(b.room, 10);
	assert_memory_equal(b.data, "1234", 4);
	secret_free(&b);
	assert_int_equal(secret_copy(&b, &none), 0);
	assert_int_equal(b.len, 0);
	secret_free(&b);
}

static void selecting_takes_one_whole(void **state)
{
	unsigned char *a = octets(200), b[200], out[200];

	(void)state;
	for (size_t i = 0; i < sizeof(b); i++)
		b[i] = (unsigned char)~a[i];
	for (size_t len = 0; len <= sizeof(b); len += 40) {
		memset(out, 0x55, sizeof(out));
		secret_select(out, a, b, len, 1);
		assert_memory_equal(out, a, len);
		secret_select(out, a, b, len, 0);
		assert_memory_equal(out, b, len);
		for (size_t i = len; i < sizeof(out); i++)
			assert_int_equal(out[i], 0x55);
	}
	free(a);
}

static void in_place_is_possible(void **state)
{
	unsigned char key[4] = { 1, 2, 3, 4 };
	static const unsigned char other[4] = { 9, 9, 9, 9 };

	(void)state;
	secret_select(key, key, other, 4, 1);
	assert_memory_equal(key, "\1\2\3\4", 4);
	secret_select(key, key, other, 4, 0);
	assert_memory_equal(key, other, 4);
}

/* The last test: from here on this process has a secure heap. */
static void a_secure_heap_is_used_where_there_is_one_and_wiped(void **state)
{
	struct secret before, s;
	unsigned char *data;

	(void)state;
	assert_int_equal(secret_new(&before, 32), 0);
	if (CRYPTO_secure_malloc_init(16384, 32) != 1)
		skip();
	assert_int_equal(secret_new(&s, 1000), 0);
	assert_int_equal(CRYPTO_secure_allocated(s.data), 1);
	data = s.data;
	memset(s.data, 'x', s.room);
	secret_free(&s);
	/* The heap keeps its list of free blocks in the first octets. */
	for (size_t i = 32; i < 1000; i++)
		assert_int_not_equal(data[i], 'x');
	assert_int_equal(secret_new(&s, 100000), HSMIME_ENOMEM);
	secret_free(&before); /* from before the heap: still freed as it was made */
	assert_int_equal(CRYPTO_secure_malloc_done(), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_secret_is_zero_and_unused),
		cmocka_unit_test(it_is_locked_in_memory_and_kept_out_of_core_files),
		cmocka_unit_test(freed_it_is_gone_and_freeing_again_is_nothing),
		cmocka_unit_test(what_can_not_be_had_is_out_of_memory),
		cmocka_unit_test(a_copy_is_of_its_own),
		cmocka_unit_test(selecting_takes_one_whole),
		cmocka_unit_test(in_place_is_possible),
		cmocka_unit_test(a_secure_heap_is_used_where_there_is_one_and_wiped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
