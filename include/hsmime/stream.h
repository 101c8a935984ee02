/*
 * hsmime/stream.h: where octets come from and where they go.
 *
 * A source and a sink are a callback and a pointer; hsmime never keeps a whole
 * message in memory. An output holds back what must not leave yet.
 */
#ifndef HSMIME_STREAM_H
#define HSMIME_STREAM_H

#include <stddef.h>
#include <stdint.h>

#include <hsmime/error.h>

#ifdef __cplusplus
extern "C" {
#endif

#define HSMIME_SIZE_UNKNOWN UINT64_MAX

/* Where octets come from. The struct is copied freely; arg belongs to the caller. */
typedef struct hsmime_source {
	/*
	 * Store up to len (at least 1) octets at buf. Return how many, 0 at the
	 * end, or a negative hsmime_status. A short count is not the end.
	 */
	ptrdiff_t (*read)(void *arg, void *buf, size_t len);
	/* Go on reading at offset, counted from the start; NULL where that can't be. 0 or a status. */
	int (*seek)(void *arg, uint64_t offset);
	void *arg;
	/* Octets in all from offset 0, or HSMIME_SIZE_UNKNOWN. Where others come it is HSMIME_EIO. */
	uint64_t size;
} hsmime_source;

/* Where octets go. */
typedef struct hsmime_sink {
	/* Take all len octets at buf. Return 0 or a negative hsmime_status, which ends the operation. */
	int (*write)(void *arg, const void *buf, size_t len);
	void *arg;
} hsmime_sink;

/* What hsmime_source_fd reads. The caller only keeps it, as long as the source. */
typedef struct hsmime_file {
	int fd;
	int64_t modified; /* ns since 1970, as the size when the source was made */
	uint64_t size;
	int again; /* whether it was read before */
} hsmime_file;

/*
 * hsmime_source_fd(source, file, fd):
 * A source that reads the open descriptor fd from where it stands. A regular
 * file that stands at its start can seek, and its size is known unless it says
 * 0; anything else is read like a pipe, a file that stands elsewhere too. A file
 * that was changed (size or time of modification) before it is read a second time
 * gives HSMIME_EIO then. file is the source's memory; the caller closes the descriptor.
 */
HSMIME_API void hsmime_source_fd(hsmime_source *source, hsmime_file *file, int fd);

/* What hsmime_source_memory reads; the caller fills data and len and sets pos to 0. */
typedef struct hsmime_memory {
	const void *data;
	size_t len;
	size_t pos;
} hsmime_memory;

/*
 * hsmime_source_memory(source, memory):
 * A seekable source over memory->len octets at memory->data. Both must outlive
 * the source.
 */
HSMIME_API void hsmime_source_memory(hsmime_source *source, hsmime_memory *memory);

/*
 * The result of an operation on its way out. Operations write to it, and
 * commit it when all is well. It may be used again for the next operation, one
 * at a time: what a failed one left uncommitted is then removed (or else by
 * hsmime_output_free); a file is replaced, a descriptor or sink gets more.
 *
 * To a file: a temporary file (0600, same folder), then fsync and rename.
 * To a descriptor or sink: what must be held back until it has been verified
 * waits in an unlinked temporary file, encrypted under a key that exists only
 * in memory; everything else goes straight through.
 */
typedef struct hsmime_output hsmime_output;

/*
 * hsmime_output_file(out, path): replaces path when the operation succeeded.
 * hsmime_output_fd(out, fd): writes to the open descriptor fd, which stays the caller's.
 * hsmime_output_callback(out, sink): calls *sink, which is copied.
 * Return 0 or HSMIME_ENOMEM; *out is then NULL. Nothing is opened yet: a path
 * that can't be written is the operation's HSMIME_EIO. Free with
 * hsmime_output_free.
 */
HSMIME_API HSMIME_MUST_CHECK int hsmime_output_file(hsmime_output **out, const char *path);
HSMIME_API HSMIME_MUST_CHECK int hsmime_output_fd(hsmime_output **out, int fd);
HSMIME_API HSMIME_MUST_CHECK int hsmime_output_callback(
    hsmime_output **out, const hsmime_sink *sink);

/*
 * hsmime_output_free(output):
 * Free output; what was not committed by a successful operation is removed.
 * NULL is allowed.
 */
HSMIME_API void hsmime_output_free(hsmime_output *output);

/*
 * hsmime_output_remove_all():
 * Remove every temporary file of this process's outputs that is not committed.
 * Async-signal-safe: for the handler of a signal that ends the process.
 */
HSMIME_API void hsmime_output_remove_all(void);

#ifdef __cplusplus
}
#endif

#endif
