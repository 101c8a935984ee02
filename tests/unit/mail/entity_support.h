/*
 * entity_support: the entity of a mail, written whole.
 */
#ifndef TEST_MAIL_ENTITY_SUPPORT_H
#define TEST_MAIL_ENTITY_SUPPORT_H

#include "mail_support.h"

#include "mail/entity_writer.h"

/* The status of entity_write, which entity_size confirms; what was written is in out, to be freed. */
int write_entity(struct buffer *out, const void *data, size_t len, const struct entity_write *how,
    struct error *err);

/* The entity of mail, made 7-bit safe with LF, is expected. */
void assert_safe(const char *mail, const char *expected);

/* The same without making it 7-bit safe. */
void assert_copied(const char *mail, const char *expected);

/* Making it 7-bit safe is refused with status, and message says where. */
void assert_refused(const char *mail, int status, const char *message);

#endif
