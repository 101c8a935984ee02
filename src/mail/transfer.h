/*
 * transfer: content transfer encodings (RFC 2045 section 6) on the way in.
 */
#ifndef MAIL_TRANSFER_H
#define MAIL_TRANSFER_H

#include "mail/header.h"
#include "util/base64.h"

struct transfer_decoder {
	struct base64_decoder base64;
	struct window *in;
	struct quoted_printable {
		bool started;
		unsigned char hold[1024];
		size_t start, end;
	} qp;
};

/*
 * transfer_open(out, d, in, encoding):
 * out gives the decoded octets of in: base64, quoted-printable, or as they are
 * (identity, and unknown: binary). CTE_IDENTITY whose content is plainly base64
 * text though it should be DER (a known fault of senders) is decoded too.
 */
void transfer_open(hsmime_source *out, struct transfer_decoder *d, struct window *in,
    enum transfer_encoding encoding);

#endif
