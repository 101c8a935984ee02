/*
 * secret: memory for PINs and keys, in OpenSSL's secure heap where the program
 * has one, else locked in memory and kept out of core files; wiped on every path.
 */
#ifndef UTIL_SECRET_H
#define UTIL_SECRET_H

#include <stddef.h>

struct secret {
	unsigned char *data;
	size_t len;  /* octets in use */
	size_t room; /* octets allocated */
};

/* secret_new(s, room): s gets room zeroed octets, len 0. Returns 0 or HSMIME_ENOMEM (s is then all zero). */
int secret_new(struct secret *s, size_t room);

/* secret_free(s): wipe and free; s is all zero afterwards. Idempotent; NULL is allowed. */
void secret_free(struct secret *s);

/* secret_copy(to, from): to, uninitialised, gets a copy of from. Returns 0 or HSMIME_ENOMEM. */
int secret_copy(struct secret *to, const struct secret *from);

/*
 * secret_select(out, a, b, len, choose_a):
 * out[0..len) = choose_a ? a : b, with choose_a 0 or 1, in time and memory
 * accesses that do not depend on choose_a.
 */
void secret_select(unsigned char *out, const unsigned char *a, const unsigned char *b, size_t len,
    unsigned choose_a);

#endif
