/*
 * Each allocation of this layer, and those that OpenSSL does for it, fails in
 * turn: out of memory is what comes back, and nothing else has happened.
 */
#include "failing_allocation.h"
#include "folder.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "util/atomic_file.h"
#include "util/base64.h"
#include "util/ber_reader.h"
#include "util/ber_writer.h"
#include "util/output.h"
#include "util/sink.h"
#include "util/spool.h"

#define TURNS_MAX 5000
#define LARGE 150000

static void *openssl_malloc(size_t len, const char *file, int line)
{
	(void)file, (void)line;
	return len > 0 ? malloc(len) : NULL;
}

static void *openssl_realloc(void *old, size_t len, const char *file, int line)
{
	(void)file, (void)line;
	if (len > 0)
		return realloc(old, len);
	free(old);
	return NULL;
}

static void openssl_free(void *old, const char *file, int line)
{
	(void)file, (void)line;
	free(old);
}

static unsigned char *data;

/* What a test does; its own claims hold whether it returns 0 or not. It has no allocation fail before them. */
typedef int (*scenario)(struct error *err);

static void in_turn(scenario act)
{
	unsigned turn;

	for (turn = 1; turn < TURNS_MAX; turn++) {
		struct error err = { .code = 0 };
		int status;

		allocation_fail(turn);
		status = act(&err);
		allocation_fail(0);
		if (!allocation_failed()) {
			assert_int_equal(status, 0);
			break;
		}
		/* OpenSSL does without some of its memory, and hides some failures' cause. */
		assert_true(status == HSMIME_ENOMEM || status == 0 || status == HSMIME_EINTERNAL);
	}
	assert_in_range(turn, 2, TURNS_MAX - 1);
}

static int growing(struct error *err)
{
	struct buffer b;
	size_t len = 0;
	int status = 0;

	(void)err;
	buffer_init(&b, LARGE);
	for (; status == 0 && len < 5000; len = b.len)
		status = buffer_add(&b, data + len, 100);
	if (len > 0)
		assert_memory_equal(b.data, data, len);
	if (status == 0)
		status = buffer_printf(&b, "%d", 42);
	if (status == 0)
		status = buffer_string(&b) != NULL ? 0 : b.status;
	assert_int_equal(b.status, status);
	if (status != 0)
		assert_int_equal(buffer_add(&b, "x", 1), HSMIME_ENOMEM);
	buffer_free(&b);
	return status;
}

static void a_buffer_keeps_what_it_has(void **state)
{
	(void)state;
	in_turn(growing);
}

static int reading_ber(struct error *err)
{
	hsmime_memory memory = { "\x30\x03\x02\x01\x05", 5, 0 };
	hsmime_source source;
	struct ber_reader r;
	struct buffer b;
	int status;

	hsmime_source_memory(&source, &memory);
	buffer_init(&b, 100);
	status = ber_open(&r, &source, err);
	if (status == 0)
		status = ber_collect(&r, &b);
	ber_close(&r);
	buffer_free(&b);
	return status;
}

static int filtering(struct error *err)
{
	struct base64_encoder e;
	struct ber_chunks c;
	hsmime_sink nowhere, text, chunks;
	hsmime_memory memory = { data, LARGE, 0 };
	hsmime_source source;
	int status;

	(void)err;
	sink_null(&nowhere);
	hsmime_source_memory(&source, &memory);
	status = base64_encoder_open(&text, &e, &nowhere, BASE64_LINE, "\n");
	if (status == 0) {
		status = ber_chunks_open(&chunks, &c, &text, 1000);
		if (status == 0)
			status = source_copy(&chunks, &source);
		ber_chunks_close(&c);
	}
	base64_encoder_close(&e);
	return status;
}

static void readers_and_filters_do_not_open(void **state)
{
	(void)state;
	in_turn(reading_ber);
	in_turn(filtering);
}

static void assert_same(const hsmime_source *source, size_t len)
{
	static unsigned char back[LARGE]; /* which is not the allocation that fails */
	size_t at = 0;
	ptrdiff_t got;

	assert_true(len <= LARGE);
	while (at < len && (got = source->read(source->arg, back + at, len - at)) > 0)
		at += (size_t)got;
	assert_int_equal(at, len);
	assert_memory_equal(back, data, len);
}

static int spooling(struct error *err)
{
	hsmime_memory memory = { data, LARGE, 0 };
	hsmime_source in, out;
	struct spool *s = NULL;
	unsigned char octet;
	int status;

	hsmime_source_memory(&in, &memory);
	in.seek = NULL;
	status = spool_input(&out, &s, &in, NULL, 0, err);
	assert_int_equal(s != NULL, status == 0);
	if (status != 0)
		assert_int_equal(err->code, status);
	if (status == 0) {
		ptrdiff_t got = out.read(out.arg, &octet, 1);

		status = got < 0 ? (int)got : 0;
		allocation_fail(0);
		if (status == 0 && source_seek(&out, 0) == 0)
			assert_same(&out, LARGE);
	}
	spool_free(s);
	return status;
}

static void a_spool_gives_its_octets_or_nothing(void **state)
{
	struct error err;

	(void)state;
	/* Once before: OpenSSL 3.0 crashes where it lacks memory to initialise itself. */
	assert_int_equal(spooling(&err), 0);
	in_turn(spooling);
	assert_int_equal(fd_unlinked(), -1);
}

static int replacing(struct error *err)
{
	hsmime_output *o = NULL;
	hsmime_sink sink;
	int status = hsmime_output_file(&o, "out");

	assert_int_equal(o != NULL, status == 0);
	if (status == 0)
		status = output_begin(o, true, NULL, 0, err);
	if (status == 0) {
		output_sink(&sink, o);
		status = sink_write(&sink, "after", 5);
	}
	if (status == 0)
		status = output_commit(o, err);
	hsmime_output_free(o);
	allocation_fail(0);
	assert_file("out", status == 0 ? "after" : "before");
	assert_int_equal(folder_count(), 1);
	return status;
}

static int replacing_what_was(struct error *err)
{
	unsigned left = allocation_fail(0);

	file_put("out", "before");
	allocation_fail(left);
	return replacing(err);
}

static void a_file_is_replaced_or_as_before(void **state)
{
	(void)state;
	in_turn(replacing_what_was);
}

static int staging(struct error *err)
{
	hsmime_output *o = NULL;
	int status = output_staged(&o, "out", "stem");

	assert_int_equal(o != NULL, status == 0);
	if (status == 0)
		status = output_begin(o, true, NULL, 0, err);
	if (status == 0)
		status = output_commit(o, err);
	if (status == 0)
		status = output_publish(o, err);
	hsmime_output_free(o);
	allocation_fail(0);
	assert_file("out", status == 0 ? "" : "before");
	assert_int_equal(folder_count(), 1);
	return status;
}

static int staging_what_was(struct error *err)
{
	unsigned left = allocation_fail(0);

	file_put("out", "before");
	allocation_fail(left);
	return staging(err);
}

static void a_staged_file_gets_its_name_or_nothing_has_changed(void **state)
{
	(void)state;
	in_turn(staging_what_was);
}

static int holding(struct error *err)
{
	struct catch c;
	hsmime_sink to = catch_open(&c), sink;
	hsmime_source back;
	hsmime_output *o = NULL;
	struct output_old *old = NULL;
	int status = hsmime_output_callback(&o, &to);

	if (status == 0)
		status = output_begin(o, true, NULL, 0, err);
	if (status == 0) {
		output_sink(&sink, o);
		status = sink_write(&sink, "first", 5);
	}
	if (status == 0)
		status = output_restart(&old, &back, o, err);
	if (status == 0)
		status = sink_write(&sink, "second", 6);
	assert_int_equal(c.writes, 0);
	if (status == 0)
		status = output_commit(o, err);
	output_old_free(old);
	hsmime_output_free(o);
	assert_octets(&c.got, "second", status == 0 ? 6 : 0);
	catch_close(&c);
	return status;
}

static void what_is_held_leaves_whole_or_not_at_all(void **state)
{
	(void)state;
	in_turn(holding);
}

static int setup(void **state)
{
	data = octets(LARGE);
	if (folder_enter(state) != 0)
		return -1;
	return setenv("TMPDIR", folder_path(), 1);
}

static int teardown(void **state)
{
	free(data);
	return folder_leave(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_buffer_keeps_what_it_has),
		cmocka_unit_test(readers_and_filters_do_not_open),
		cmocka_unit_test(a_spool_gives_its_octets_or_nothing),
		cmocka_unit_test(a_file_is_replaced_or_as_before),
		cmocka_unit_test(a_staged_file_gets_its_name_or_nothing_has_changed),
		cmocka_unit_test(what_is_held_leaves_whole_or_not_at_all),
	};

	if (CRYPTO_set_mem_functions(openssl_malloc, openssl_realloc, openssl_free) != 1)
		return 1;
	return cmocka_run_group_tests(tests, setup, teardown);
}
