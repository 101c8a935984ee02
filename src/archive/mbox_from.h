/*
 * mbox_from: the line "From " that stands before a message of an mbox.
 */
#ifndef ARCHIVE_MBOX_FROM_H
#define ARCHIVE_MBOX_FROM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Octets of such a line at most, its end among them; a longer one begins no message. */
#define MBOX_FROM_MAX 4096
/* Octets that mbox_from_read wants to see, unless the file ends before. */
#define MBOX_FROM_AHEAD (MBOX_FROM_MAX + 512)

struct mbox_from {
	size_t len;       /* octets, with its end */
	int64_t modified; /* nanoseconds since 1970, or 0 where it says no time */
};

/*
 * mbox_from_read(out, data, ahead, first):
 * Whether the line of data that begins with "From " and stands behind an empty line begins a
 * message. Programs that write mboxes put all kinds of text behind "From ", or none; and some do not
 * quote the lines of a message that begin so. So it does if it says a time as ctime(3) or
 * RFC 5322 write it, or if a header field follows. The first line of a file always does.
 */
bool mbox_from_read(struct mbox_from *out, const unsigned char *data, size_t ahead, bool first);

#endif
