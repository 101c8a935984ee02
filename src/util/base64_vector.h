/*
 * base64_vector: the bulk of base64 with the processor's 128-bit vectors
 * (x86-64 with SSSE3; elsewhere nothing is done here). The method is that of
 * Mula and Lemire, "Faster Base64 Encoding and Decoding using AVX2
 * Instructions", 2018.
 */
#ifndef UTIL_BASE64_VECTOR_H
#define UTIL_BASE64_VECTOR_H

#include <stddef.h>

/*
 * base64_vector_encode(out, p, triples):
 * As many of the triples at p as make whole vectors; returns how many were done. Each
 * gives 4 characters; nothing else of out is written.
 */
size_t base64_vector_encode(unsigned char *out, const unsigned char *p, size_t triples);

/*
 * base64_vector_decode(out, p, quads):
 * As many of the quads at p as make whole vectors without any character that is not base64;
 * returns how many were done. out has room for all the quads and may be written up to there.
 */
size_t base64_vector_decode(unsigned char *out, const unsigned char *p, size_t quads);

#endif
