/*
 * armor: the form in which CMS is written: DER, PEM, or a MIME entity in base64.
 */
#ifndef API_ARMOR_H
#define API_ARMOR_H

#include <hsmime/operation.h>

#include "mail/compose.h"
#include "util/base64.h"
#include "util/error.h"

struct armor {
	hsmime_sink out;
	enum hsmime_format format;
	bool crlf;
	bool encoding;
	struct base64_encoder base64;
};

/*
 * armor_open(sink, a, out, format, what, crlf, err):
 * sink takes CMS octets and writes them to out in that format (AUTO: DER). For
 * S/MIME the entity's header comes first (MIME-Version included), smime-type by
 * what. Lines end with CRLF or LF. 0, HSMIME_ENOMEM or out's status.
 */
int armor_open(hsmime_sink *sink, struct armor *a, const hsmime_sink *out,
    enum hsmime_format format, enum compose_cms what, bool crlf, struct error *err);

/* armor_finish(a): the end. 0 or out's status. */
int armor_finish(struct armor *a);

/* armor_close(a): zeroed is allowed. */
void armor_close(struct armor *a);

#endif
