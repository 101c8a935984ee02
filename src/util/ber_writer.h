/*
 * ber_writer: headers of BER and DER elements. Content is written by the
 * caller; sizes are 64-bit.
 */
#ifndef UTIL_BER_WRITER_H
#define UTIL_BER_WRITER_H

#include <hsmime/stream.h>

#include <stdbool.h>
#include <stdint.h>

#include "util/ber_reader.h"

/* ber_header_size(length): octets of a header with a low tag (< 31) and that content length. */
size_t ber_header_size(uint64_t length);

/* ber_element_size(length): header and content together. */
uint64_t ber_element_size(uint64_t length);

/*
 * ber_put_header(sink, cls, tag, constructed, length):
 * Write a DER header; length HSMIME_SIZE_UNKNOWN writes the indefinite form
 * (constructed only). tag < 31. Returns the sink's status.
 */
int ber_put_header(
    const hsmime_sink *sink, enum ber_class cls, uint32_t tag, bool constructed, uint64_t length);

/* ber_put_end(sink): end-of-contents octets. */
int ber_put_end(const hsmime_sink *sink);

/* A sink that cuts what it takes into primitive OCTET STRINGs of chunk octets, for constructed strings. */
struct ber_chunks {
	hsmime_sink next;
	size_t chunk;
	size_t have;
	unsigned char *data;
};

/* ber_chunks_open(out, c, next, chunk): 0 or HSMIME_ENOMEM. */
int ber_chunks_open(hsmime_sink *out, struct ber_chunks *c, const hsmime_sink *next, size_t chunk);

/* ber_chunks_finish(c): write the last, shorter one. */
int ber_chunks_finish(struct ber_chunks *c);

/* ber_chunks_close(c): free; zeroed is allowed. */
void ber_chunks_close(struct ber_chunks *c);

#endif
