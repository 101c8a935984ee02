/* mail_kinds: the kinds of mailbox, each in its file source_KIND.c. */
#ifndef ARCHIVE_MAIL_KINDS_H
#define ARCHIVE_MAIL_KINDS_H

#include "archive/mail_source.h"

extern const struct mail_source_kind mail_source_maildir;
extern const struct mail_source_kind mail_source_tree;
extern const struct mail_source_kind mail_source_mbox;
extern const struct mail_source_kind mail_source_list;

#endif
