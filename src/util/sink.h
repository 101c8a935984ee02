/*
 * sink: helpers around hsmime_sink, and the small filters every layer uses.
 */
#ifndef UTIL_SINK_H
#define UTIL_SINK_H

#include <hsmime/stream.h>

#include "util/buffer.h"

/* sink_write(sink, data, len): all of it; len 0 is a no-op. 0 or the sink's status. */
int sink_write(const hsmime_sink *sink, const void *data, size_t len);

/* sink_string(sink, s): s without its NUL. */
int sink_string(const hsmime_sink *sink, const char *s);

/* sink_descriptor(fd, data, len): all of it into a descriptor, which may be a non-blocking one. 0, or -1 and errno. */
int sink_descriptor(int fd, const void *data, size_t len);

/* sink_null(out): takes everything, keeps nothing. */
void sink_null(hsmime_sink *out);

/* sink_buffer(out, b): appends to b; HSMIME_EFORMAT past its maximum. */
void sink_buffer(hsmime_sink *out, struct buffer *b);

/* sink_tee: to both, first a, then b. */
struct sink_tee {
	hsmime_sink a;
	hsmime_sink b;
};
void sink_tee_open(
    hsmime_sink *out, struct sink_tee *tee, const hsmime_sink *a, const hsmime_sink *b);

/* sink_count: passes on to next (which may have a NULL write) and counts octets. */
struct sink_count {
	hsmime_sink next;
	uint64_t octets;
};
void sink_count_open(hsmime_sink *out, struct sink_count *count, const hsmime_sink *next);

#endif
