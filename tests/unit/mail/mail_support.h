/*
 * mail_support: sources that trickle or break, sinks that break, and short ways
 * to scan a mail.
 */
#ifndef TEST_MAIL_SUPPORT_H
#define TEST_MAIL_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mail/header.h"
#include "mail/structure.h"
#include "util/buffer.h"
#include "util/sink.h"

#define MEMORY_MAX (64 * 1024 * 1024)

/* A seekable source over octets in memory. */
struct octets {
	const unsigned char *data;
	size_t len;
	size_t pos;
	size_t step;    /* octets of one read at most; 0: no bound */
	size_t fail_at; /* reading this octet or a later one fails; SIZE_MAX: never */
};

void octets_open(hsmime_source *out, struct octets *o, const void *data, size_t len);
void octets_string(hsmime_source *out, struct octets *o, const char *text);

/* A sink that takes that many octets and then fails with HSMIME_EIO. */
struct short_sink {
	size_t room;
	struct buffer got;
};

void short_sink_open(hsmime_sink *out, struct short_sink *s, size_t room);

/* The header of text, which has to be one; free with header_free. */
void header_of(struct header *h, const char *text);

/* The structure of the mail, which has to be one; free with structure_free. */
void scan_octets(struct structure *s, const void *data, size_t len);
void scan_string(struct structure *s, const char *text);

/* [start, end) of text equals expected. */
void assert_slice(const char *text, uint64_t start, uint64_t end, const char *expected);

/* b's octets equal expected. */
void assert_text(struct buffer *b, const char *expected);

#endif
