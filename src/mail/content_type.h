/*
 * content_type: a Content-Type field understood (RFC 2045 section 5.1).
 */
#ifndef MAIL_CONTENT_TYPE_H
#define MAIL_CONTENT_TYPE_H

#include <stdbool.h>
#include <stddef.h>

#define CONTENT_TYPE_MAX_PARAMS 32

/* Content-Type (RFC 2045 section 5.1, parameters also in RFC 2231 form), lower case where it has no case. */
struct content_type {
	char type[64];
	char subtype[128];
	struct content_param {
		char name[64];
		char *value; /* decoded; NUL-terminated */
	} params[CONTENT_TYPE_MAX_PARAMS];
	size_t count;
	const char *unclear; /* boundary, protocol, micalg or charset that has several values */
};

/*
 * content_type_parse(ct, body):
 * Understand a field body, leniently where the meaning is clear. 0,
 * HSMIME_EFORMAT or HSMIME_ENOMEM. Free with content_type_free. Of a parameter
 * that is there more than once the first counts; unclear tells that of those
 * that decide how the content is read.
 */
int content_type_parse(struct content_type *ct, const char *body);
void content_type_free(struct content_type *ct);

/* content_type_param(ct, name): the value, or NULL. */
const char *content_type_param(const struct content_type *ct, const char *name);

/* content_type_is(ct, type, subtype): subtype NULL for any. */
bool content_type_is(const struct content_type *ct, const char *type, const char *subtype);

#endif
