/*
 * fuzz: what the targets share.
 */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <hsmime/stream.h>

#include "util/buffer.h"
#include "util/sink.h"

/* libFuzzer's entry, and the driver's. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* holds(claim): ends the process where it does not, whatever NDEBUG says. */
static inline void holds(int claim)
{
	if (!claim)
		abort();
}

/* fuzz_source(memory, data, len): those octets as a source, which reads memory. */
static inline hsmime_source fuzz_source(hsmime_memory *memory, const void *data, size_t len)
{
	hsmime_source source;

	*memory = (hsmime_memory){ data, len, 0 };
	hsmime_source_memory(&source, memory);
	return source;
}

/* fuzz_file(path, room, prefix, data, len): prefix and the path of a file of those octets; close what it gives. */
static inline int fuzz_file(
    char *path, size_t room, const char *prefix, const void *data, size_t len)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	holds(fd >= 0 && write(fd, data, len) == (ssize_t)len);
	snprintf(path, room, "%s/proc/self/fd/%d", prefix, fd);
	return fd;
}

/* fuzz_sink(out): out is empty, and what the sink takes is appended to it. */
static inline hsmime_sink fuzz_sink(struct buffer *out)
{
	hsmime_sink sink;

	buffer_init(out, SIZE_MAX / 2);
	sink_buffer(&sink, out);
	return sink;
}

/* fuzz_same(a, len, b, b_len): whether these are the same octets. */
static inline int fuzz_same(const void *a, size_t len, const void *b, size_t b_len)
{
	return len == b_len && (len == 0 || memcmp(a, b, len) == 0);
}

#endif
