/*
 * streams: sources and sinks for the tests of this layer, that do as little at a
 * time as they may, and fail when they are told to.
 */
#ifndef TESTS_UTIL_STREAMS_H
#define TESTS_UTIL_STREAMS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "util/buffer.h"
#include "util/source.h"

#define NEVER SIZE_MAX

/* A source over octets of the test. */
struct feed {
	const unsigned char *data;
	size_t len;
	size_t step;    /* octets in a read at most; 0: as many as there are */
	size_t fail_at; /* the read at that offset fails; NEVER: none does */
	int status;     /* with this */
	size_t pos;     /* private from here */
	unsigned reads; /* how often it was read; seeks do not change it */
};

/* feed_open(f, data, len): a source that does not fail; can_seek may be cleared by seek = NULL. */
hsmime_source feed_open(struct feed *f, const void *data, size_t len);

/* A sink that collects, up to a limit. */
struct catch
{
	struct buffer got;
	size_t limit; /* the write that would pass it fails; NEVER: none does */
	int status;   /* with this */
	unsigned writes;
};

/* catch_open(c): a sink that takes everything. */
hsmime_sink catch_open(struct catch *c);
void catch_close(struct catch *c);

/* octets(len): octets that repeat nowhere soon; free with free. */
unsigned char *octets(size_t len);

/* assert_octets(b, data, len): what b holds is that. */
void assert_octets(const struct buffer *b, const void *data, size_t len);

/*
 * when_parent_waits(act, arg):
 * In a child process, call act once this process sleeps in the kernel. Returns
 * the child, to be given to child_end.
 */
int when_parent_waits(void (*act)(void *arg), void *arg);
void child_end(int child);

#endif
