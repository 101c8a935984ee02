/*
 * json: writing JSON (RFC 8259): right commas, escapes and UTF-8 whatever the text.
 */
#ifndef TEXT_JSON_H
#define TEXT_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define JSON_MAX_DEPTH 8

/* Set out and, for all of it in one line, compact; the rest all zero. */
struct json {
	FILE *out;
	bool compact;
	int depth;
	bool some[JSON_MAX_DEPTH + 1]; /* there is a member before, at each depth */
};

/*
 * json_open(j, key, bracket), json_close(j, bracket):
 * The start ('{' or '[') and end ('}' or ']') of an object or array; key is NULL inside an
 * array and outside of all. Closing the outermost one ends the line, but of what is compact.
 */
void json_open(struct json *j, const char *key, char bracket);
void json_close(struct json *j, char bracket);

/*
 * Members: text (NULL gives null; what is not UTF-8 becomes U+FFFD), number, one with a digit behind the point, truth,
 * null, a Unix time as RFC 3339 (null for HSMIME_NO_TIME), and an array of texts (NULL-terminated, or NULL).
 */
void json_text(struct json *j, const char *key, const char *value);
void json_number(struct json *j, const char *key, uint64_t value);
void json_tenths(struct json *j, const char *key, uint64_t tenths);
void json_bool(struct json *j, const char *key, bool value);
void json_null(struct json *j, const char *key);
void json_time(struct json *j, const char *key, int64_t value);
void json_texts(struct json *j, const char *key, const char *const *values);

#endif
