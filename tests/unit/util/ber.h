/*
 * ber: BER written as hexadecimal text, and a reader on it.
 */
#ifndef TESTS_UTIL_BER_H
#define TESTS_UTIL_BER_H

#include "streams.h"

#include "util/ber_reader.h"

/* A message of the test with its reader. */
struct message {
	unsigned char data[1024];
	size_t len;
	struct feed feed;
	hsmime_source source;
	struct error err;
	struct ber_reader r;
};

/* message_parse(m, hex): the octets of "30 03 0201 05" in m; nothing is opened. */
void message_parse(struct message *m, const char *hex);

/* message_open(m, hex), message_close(m): a reader on those octets. */
void message_open(struct message *m, const char *hex);
void message_close(struct message *m);

/* message_reopen(m, len, step): read the first len octets again, step at a time. */
void message_reopen(struct message *m, size_t len, size_t step);

/* What one read of everything came to. */
struct walk {
	struct buffer octets; /* of all OCTET STRINGs, universal or [0] */
	unsigned elements;
};

/*
 * walk_all(w, r):
 * Read to the end of the input: into what is constructed and universal, through
 * OCTET STRINGs (universal 4 or [0]), over everything else. 0 or the first failure.
 */
int walk_all(struct walk *w, struct ber_reader *r);

#endif
