/* sink_kinds: the kinds of mailbox that are written, each in its file sink_KIND.c. */
#ifndef ARCHIVE_SINK_KINDS_H
#define ARCHIVE_SINK_KINDS_H

#include "archive/mail_sink.h"

extern const struct mail_sink_kind mail_sink_maildir;
extern const struct mail_sink_kind mail_sink_eml;
extern const struct mail_sink_kind mail_sink_mbox;

#endif
