/*
 * mbox_at: the message of an mbox that stands at a place, which somebody noted.
 */
#ifndef ARCHIVE_MBOX_AT_H
#define ARCHIVE_MBOX_AT_H

#include "archive/mail_source.h"

/*
 * mbox_from_at(item, s, from, err): whose "From " line begins there; what mail_source_next gives from then on comes behind
 * it. In the order of the file no octet is read twice.
 * mbox_next_at(item, s, offset, err): that itself begins there, of those that mail_source_next has not given yet; these are passed over.
 * s is an mbox. HSMIME_EIO where there is none, or the file can't be read; HSMIME_ENOMEM. The caller frees item.
 */
int mbox_from_at(struct mail_item *item, struct mail_source *s, uint64_t from, struct error *err);
int mbox_next_at(struct mail_item *item, struct mail_source *s, uint64_t offset, struct error *err);

#endif
