/*
 * signed_parts: the two halves of a multipart/signed (RFC 1847, RFC 8551
 * section 3.5.3): which octets were signed, and where the signature is.
 */
#ifndef MAIL_SIGNED_PARTS_H
#define MAIL_SIGNED_PARTS_H

#include "mail/structure.h"

struct signed_parts {
	uint64_t content_start; /* the signed octets: [start, end) */
	uint64_t content_end;
	uint64_t signature_start; /* the signature's body, still transfer-encoded */
	uint64_t signature_end;
	enum transfer_encoding signature_encoding;
	size_t content_part; /* index of the signed part */
};

/*
 * signed_parts_find(out, s, part, err):
 * The halves of the multipart/signed at s->parts[part]: exactly two parts, the
 * second application/(x-)pkcs7-signature (or octet-stream named *.p7s), and no
 * header of it or of what it holds reads in two ways (ambiguity.h). 0 or
 * HSMIME_EFORMAT.
 */
int signed_parts_find(
    struct signed_parts *out, const struct structure *s, size_t part, struct error *err);

#endif
