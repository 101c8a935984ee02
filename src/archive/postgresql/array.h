/*
 * array: a column of values as PostgreSQL takes an array in text: {1,2}, {"a","b",NULL}.
 */
#ifndef ARCHIVE_POSTGRESQL_ARRAY_H
#define ARCHIVE_POSTGRESQL_ARRAY_H

#include <stddef.h>
#include <stdint.h>

#include "util/buffer.h"

/* Begun, one value each, and its text; NULL where memory ran out. Free with buffer_free. */
void array_init(struct buffer *a);
void array_number(struct buffer *a, int64_t number);
void array_text(struct buffer *a, const char *text);                 /* NULL is null */
void array_octets(struct buffer *a, const void *octets, size_t len); /* the same */
const char *array_end(struct buffer *a);

#endif
