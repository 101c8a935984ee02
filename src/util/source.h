/*
 * source: helpers around hsmime_source, and the window through which readers
 * look at it.
 */
#ifndef UTIL_SOURCE_H
#define UTIL_SOURCE_H

#include <hsmime/stream.h>

#include <stdbool.h>
#include <stdint.h>

#include "util/error.h"

/* source_slice: octets [start, end) of a seekable source as a source of its own. */
struct source_slice {
	hsmime_source base;
	uint64_t start;
	uint64_t end; /* HSMIME_SIZE_UNKNOWN: to the end */
	uint64_t pos; /* private from here */
	bool placed;
};

/* A source whose octets go to a sink as well, as they are read. */
struct source_tee {
	hsmime_source base;
	hsmime_sink out;
};

/* source_file(out, file, fd, st): as hsmime_source_fd, of a regular file that stands at its start and is st. */
struct stat;
void source_file(hsmime_source *out, hsmime_file *file, int fd, const struct stat *st);

/* source_tee_open(out, tee, base, sink): out reads base and writes what it read to sink. */
void source_tee_open(
    hsmime_source *out, struct source_tee *tee, const hsmime_source *base, const hsmime_sink *sink);

/*
 * source_slice_open(out, slice, base, start, end):
 * out reads base's octets [start, end) and can seek; slice is its memory and
 * must outlive it. base must be able to seek, and is to be read by one
 * slice at a time (each seeks before its first read).
 */
void source_slice_open(hsmime_source *out, struct source_slice *slice, const hsmime_source *base,
    uint64_t start, uint64_t end);

/* A window on a source: look at octets, then consume them. One large buffer, few reads. */
struct window {
	hsmime_source source;
	unsigned char *data;
	size_t start; /* the octets in sight are data[start..end) */
	size_t end;
	size_t room;
	uint64_t offset; /* of data[start], counted from where the window was opened */
	bool at_end;     /* the source has given its end */
	int status;      /* sticky: the first failure of the source */
};

#define WINDOW_ROOM (128 * 1024)

/* window_open(w, source, room): w looks at source with a buffer of room octets. 0 or HSMIME_ENOMEM. */
int window_open(struct window *w, const hsmime_source *source, size_t room);

/* window_close(w): free the buffer; NULL or a zeroed window is allowed. */
void window_close(struct window *w);

/*
 * window_need(w, want):
 * Bring at least want octets (<= room) in sight, unless the source ends
 * before. Returns how many are in sight (0: the end), or a negative status.
 * They are w->data + w->start. Pointers from before are void.
 */
ptrdiff_t window_need(struct window *w, size_t want);

/* window_take(w, len): the first len octets in sight are done with. */
void window_take(struct window *w, size_t len);

/* window_source(out, w): what is left in w as a source (not seekable); w must outlive it. */
void window_source(hsmime_source *out, struct window *w);

/* source_drain(source): read to the end and drop it. 0 or the source's status. */
int source_drain(const hsmime_source *source);

/*
 * source_copy(sink, source):
 * Everything from source, which stands at its start, to sink. Return 0, the first failure's
 * status, or HSMIME_EIO where source->size announced more octets than come, or fewer, of which
 * no more than announced reach sink.
 */
int source_copy(const hsmime_sink *sink, const hsmime_source *source);

/* source_seek(source, offset): 0, HSMIME_EUSAGE where source can't, or its status. */
int source_seek(const hsmime_source *source, uint64_t offset);

#endif
