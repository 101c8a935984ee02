/*
 * rearmor: CMS written in the form in which it came (api/input.h): DER; or base64 behind the same
 * header, in lines as long as they were.
 */
#ifndef API_REARMOR_H
#define API_REARMOR_H

#include "api/input.h"
#include "util/base64.h"

#define REARMOR_PEM_HEAD ((size_t)5 * 1024 * 1024) /* more than cms_input takes */

/* Zero before use. */
struct rearmor {
	hsmime_sink out;
	bool encoding;
	struct base64_encoder base64;
};

/*
 * rearmor_open(sink, a, out, c, smime_type, err):
 * sink takes the CMS that is to take the place of that in c, of which nothing was read yet; what
 * stands before it goes to out octet for octet: the header, or c->pem_head; smime_type, where it is not
 * NULL, takes the place of the header's (mail/smime_type.h). Lines are as
 * long, and end, as those at the beginning of the base64 where these are all alike; else 76
 * characters, of PEM 64, and as the header's lines end. 0, HSMIME_ENOMEM, HSMIME_EUNSUPPORTED
 * (quoted-printable), the source's or out's status.
 */
int rearmor_open(hsmime_sink *sink, struct rearmor *a, const hsmime_sink *out, struct cms_input *c,
    const char *smime_type, struct error *err);

/* rearmor_finish(a, c): the end, after cms_input_finish: of PEM its END line as it is. 0 or out's status. */
int rearmor_finish(struct rearmor *a, struct cms_input *c);

/* rearmor_close(a): zeroed is allowed. */
void rearmor_close(struct rearmor *a);

/*
 * rearmor_lines(length, crlf, data, len):
 * How long the lines at data, the beginning of base64, all are, and whether they end with CRLF;
 * *length stays as it is where they differ or there is only one, *crlf where they differ or
 * there is none.
 */
void rearmor_lines(unsigned *length, bool *crlf, const unsigned char *data, size_t len);

#endif
