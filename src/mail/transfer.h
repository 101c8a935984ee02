/*
 * transfer: content transfer encodings (RFC 2045 section 6) on the way in.
 */
#ifndef MAIL_TRANSFER_H
#define MAIL_TRANSFER_H

#include "mail/entity.h"
#include "mail/qp_decoder.h"
#include "util/base64.h"

struct transfer_decoder {
	struct base64_decoder base64;
	struct qp_decoder qp;
	struct window *in;
	enum transfer_encoding encoding;
	bool chosen_yet;
	enum transfer_encoding read_as; /* once the first octets told: never CTE_UNKNOWN */
	hsmime_source chosen;           /* how it is read then */
};

/*
 * transfer_open(out, d, in, encoding):
 * out gives the decoded octets of in: base64, quoted-printable, or as they are
 * (identity, and unknown: binary). It is for CMS content, so the first octets
 * overrule a wrong label (known faults of senders): what is plainly the base64
 * of a SEQUENCE is decoded though it is labelled 7bit or binary, and what is
 * plainly DER or BER is left as it is though it is labelled base64 or
 * quoted-printable. d and in must outlive out.
 */
void transfer_open(hsmime_source *out, struct transfer_decoder *d, struct window *in,
    enum transfer_encoding encoding);

/* transfer_choose(d): look at the first octets now: d->read_as is set. 0 or the window's status. */
int transfer_choose(struct transfer_decoder *d);

#endif
