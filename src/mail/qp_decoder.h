/*
 * qp_decoder: quoted-printable on the way in (RFC 2045 section 6.7).
 */
#ifndef MAIL_QP_DECODER_H
#define MAIL_QP_DECODER_H

#include <stddef.h>

#include <hsmime/stream.h>

#include "util/source.h"

struct qp_decoder {
	struct window *in; /* private */
	unsigned char hold[1024];
	size_t start, end; /* what of hold is still to be given */
};

/*
 * qp_decoder_open(out, d, in):
 * out gives the decoded octets of in. White space at line ends is dropped, as
 * section 6.7 (3) asks; '=' that starts nothing stays. d and in must outlive out.
 */
void qp_decoder_open(hsmime_source *out, struct qp_decoder *d, struct window *in);

#endif
