/*
 * outputs: outputs of each kind, begun, and short ways to use them.
 */
#ifndef TESTS_UTIL_OUTPUTS_H
#define TESTS_UTIL_OUTPUTS_H

#include "folder.h"

#include <signal.h>

#include "util/output.h"
#include "util/sink.h"

/* What went wrong in an output that was begun here. */
static struct error err;

#define LARGE 200000 /* octets: more than a spool keeps in memory */

static inline int outputs_empty(void **state)
{
	return folder_leave(state) != 0 ? -1 : folder_enter(state);
}

static inline int outputs_setup(void **state)
{
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	return folder_enter(state);
}

static inline int put(hsmime_output *o, const void *data, size_t len)
{
	hsmime_sink sink;

	output_sink(&sink, o);
	return sink_write(&sink, data, len);
}

static inline hsmime_output *to_file(const char *path)
{
	hsmime_output *o = NULL;

	assert_int_equal(hsmime_output_file(&o, path), 0);
	error_clear(&err);
	assert_int_equal(output_begin(o, false, NULL, 0, &err), 0);
	return o;
}

static inline hsmime_output *to_catch(struct catch *c, bool hold, uint64_t max)
{
	hsmime_sink sink = catch_open(c);
	hsmime_output *o = NULL;

	assert_int_equal(hsmime_output_callback(&o, &sink), 0);
	error_clear(&err);
	assert_int_equal(output_begin(o, hold, NULL, max, &err), 0);
	return o;
}

static inline hsmime_output *to_fd(int fd, bool hold)
{
	hsmime_output *o = NULL;

	assert_int_equal(hsmime_output_fd(&o, fd), 0);
	error_clear(&err);
	assert_int_equal(output_begin(o, hold, NULL, 0, &err), 0);
	return o;
}

static inline void assert_reads_back(const hsmime_source *source, const void *data, size_t len)
{
	struct catch c;
	hsmime_sink sink = catch_open(&c);

	assert_int_equal(source->size, len);
	assert_int_equal(source_copy(&sink, source), 0);
	assert_octets(&c.got, data, len);
	catch_close(&c);
}

#endif
