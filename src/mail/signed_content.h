/*
 * signed_content: what an opaque signature holds, which may be a mail or not.
 */
#ifndef MAIL_SIGNED_CONTENT_H
#define MAIL_SIGNED_CONTENT_H

#include <hsmime/stream.h>

#include "util/error.h"

/*
 * signed_content_judge(in, err):
 * Read in (seekable) from its start. Where it is a MIME entity, no header of it or
 * of a part may read in two ways (ambiguity.h), and it has to be within the bounds
 * of structure_scan: HSMIME_EFORMAT. Other content is 0, as is a good entity.
 * 0, HSMIME_EFORMAT, HSMIME_ENOMEM or in's status.
 */
int signed_content_judge(const hsmime_source *in, struct error *err);

#endif
