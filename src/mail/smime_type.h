/*
 * smime_type: the parameter of Content-Type that names what kind of CMS a mail is (RFC 8551 section 3.2.2).
 */
#ifndef MAIL_SMIME_TYPE_H
#define MAIL_SMIME_TYPE_H

#include <hsmime/stream.h>

#include "mail/header.h"

/*
 * smime_type_write(h, value, sink):
 * The header octet for octet, but for the value of smime-type in Content-Type where that is "enveloped-data" (in any
 * case, quoted or not): that becomes value. NULL: the header as it is. The sink's status.
 */
int smime_type_write(const struct header *h, const char *value, const hsmime_sink *sink);

#endif
