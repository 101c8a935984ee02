/*
 * mbox_scan: through the octets of an mbox for the lines that begin with "From ", or with '>'s
 * and "From ". Places are offsets in the file.
 */
#ifndef ARCHIVE_MBOX_SCAN_H
#define ARCHIVE_MBOX_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Octets before a place that stay in sight: an empty line and the octet before it. */
#define MBOX_BEHIND 4

struct mbox_scan {
	int fd; /* read by pread(2): others may read it too */
	uint64_t end;
	uint64_t base; /* of data[0] */
	unsigned char *data;
	size_t room;
	size_t len;
	bool arrows; /* of data[0]'s line there are only '>' before it, or nothing */
};

/* mbox_scan_open(s, fd, room): room for octets, more than MBOX_FROM_AHEAD. HSMIME_ENOMEM. */
int mbox_scan_open(struct mbox_scan *s, int fd, size_t room);
void mbox_scan_close(struct mbox_scan *s); /* zeroed is allowed; fd stays the caller's */

/* mbox_scan_set(s, start, end): from start, where a line begins, to end; nothing is in sight yet. */
void mbox_scan_set(struct mbox_scan *s, uint64_t start, uint64_t end);

/*
 * mbox_scan_more(s, keep):
 * Bring as much in sight as there is room for; what is before keep, but for MBOX_BEHIND octets, leaves.
 * HSMIME_EIO where the file can't be read or ends before its end (errno is 0 then).
 */
int mbox_scan_more(struct mbox_scan *s, uint64_t keep);

/* mbox_scan_seen(s): the place behind the last octet in sight. */
static inline uint64_t mbox_scan_seen(const struct mbox_scan *s)
{
	return s->base + s->len;
}

/* mbox_scan_at(s, place): its octet; it is in sight. */
static inline const unsigned char *mbox_scan_at(const struct mbox_scan *s, uint64_t place)
{
	return s->data + (place - s->base);
}

/*
 * mbox_scan_find(at, s, from):
 * *at is the place of the next "From " in sight at or behind from, at the start of a line or
 * behind the '>'s that a line starts with; where there is none, false, and *at is where to look on.
 */
bool mbox_scan_find(uint64_t *at, const struct mbox_scan *s, uint64_t from);

/* mbox_scan_quoted(s, at): whether there are '>'s before the "From " that was found there. */
bool mbox_scan_quoted(const struct mbox_scan *s, uint64_t at);

/* mbox_scan_blank(s, at, start): octets of the empty line before at, of what begins at start; 0: there is none. */
size_t mbox_scan_blank(const struct mbox_scan *s, uint64_t at, uint64_t start);

#endif
