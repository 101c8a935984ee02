/*
 * buffer: octets that grow up to a fixed maximum, with a sticky error.
 */
#ifndef UTIL_BUFFER_H
#define UTIL_BUFFER_H

#include <stddef.h>

/* data[0..len) are the octets; data is NULL while nothing was allocated. Initialise with buffer_init. */
struct buffer {
	unsigned char *data;
	size_t len;
	size_t room;
	size_t max;
	int status; /* 0, HSMIME_ENOMEM, or HSMIME_EFORMAT once max would have been passed; sticky */
};

/* buffer_init(b, max): an empty buffer that may grow to max octets. */
void buffer_init(struct buffer *b, size_t max);

/* buffer_add(b, data, len): append; returns b->status (nothing is appended once it is set). */
int buffer_add(struct buffer *b, const void *data, size_t len);

/* buffer_add_string(b, s): append s without its final NUL. */
int buffer_add_string(struct buffer *b, const char *s);

/* buffer_printf(b, fmt, ...): append formatted text without a final NUL. */
int buffer_printf(struct buffer *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/*
 * buffer_extend(b, len):
 * Append len octets for the caller to fill; returns where they start, or NULL
 * once the status is set.
 */
unsigned char *buffer_extend(struct buffer *b, size_t len);

/* buffer_string(b): the content with a NUL behind it (not counted), or NULL when that fails. */
const char *buffer_string(struct buffer *b);

/* buffer_reset(b): empty again, status 0, memory kept. */
void buffer_reset(struct buffer *b);

/* buffer_free(b): free the memory; b is empty and usable again. NULL is allowed. */
void buffer_free(struct buffer *b);

#endif
