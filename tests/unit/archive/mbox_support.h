/*
 * mbox_support: mboxes from text, listed.
 */
#ifndef TESTS_ARCHIVE_MBOX_SUPPORT_H
#define TESTS_ARCHIVE_MBOX_SUPPORT_H

#include "mailbox.h"

#define FROM "From a@example.org Fri Jul  1 09:13:09 1994\n"
#define CRLF "From a@example.org Fri Jul  1 09:13:09 1994\r\n"
#define FROM_LEN (sizeof(FROM) - 1)

/* As source_mbox.c and mbox_octets.c read. */
#define ROOM_LIST ((size_t)256 * 1024)
#define ROOM_READ ((size_t)32768)

/* mbox_listed(l, data, len): the file mbox has these octets; it is opened and listed, sorted by place. */
struct mail_source *mbox_listed(struct listing *l, const void *data, size_t len);

#endif
