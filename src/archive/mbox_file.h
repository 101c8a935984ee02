/*
 * mbox_file: an mbox as it was when it was opened, and the octets of its messages.
 */
#ifndef ARCHIVE_MBOX_FILE_H
#define ARCHIVE_MBOX_FILE_H

#include "archive/mail_source.h"

struct mbox_file {
	int fd;
	uint64_t size; /* when it was opened: what is appended later belongs to no message */
	int64_t modified;
};

/*
 * mbox_file_unchanged(f):
 * Not shorter than it was, and not written to; where it grew, a message may have been delivered, and
 * the time tells nothing.
 */
bool mbox_file_unchanged(const struct mbox_file *f);

/*
 * mbox_octets_open(out, f, item, place, err):
 * As mail_source_read; place is the mbox's name for messages, f stays until the octets are closed.
 */
int mbox_octets_open(struct mail_octets *out, const struct mbox_file *f,
    const struct mail_item *item, const char *place, struct error *err);
void mbox_octets_done(struct mail_octets *octets);

#endif
