/*
 * deep: what is encrypted inside a mail, opened in its place: parts, attached messages, and what is in these.
 *
 *   deep        through the mail: what stays is copied octet for octet
 *   deep_part   one part: opened and looked at, or left closed
 */
#ifndef API_DEEP_H
#define API_DEEP_H

#include <hsmime/operation.h>

#include "api/input.h"
#include "api/result.h"
#include "mail/inner_parts.h"
#include "util/spool.h"

#define DEEP_PARTS 256 /* CMS parts that are looked at; opening each costs a token operation */

struct deep {
	hsmime_ctx *ctx;
	const hsmime_decrypt_options *options;
	hsmime_result *result; /* gets a layer for each encrypted part */
	size_t parts;          /* that were looked at */
	size_t opened;         /* in whose place there is what was in them */
};

/* A mail, or what was in one of its parts, which may have such parts itself. */
struct deep_level {
	struct deep *deep;
	const struct deep_level *outer; /* NULL: the mail */
	const struct inner_part *part;  /* of in, at hand */
	const hsmime_source *in;        /* seekable */
	const hsmime_sink *out;         /* NULL: a signature is around it, and nothing is written */
	const char *place;              /* of in, in the mail; "" */
	int depth;                      /* layers around it */
	uint64_t at;                    /* octets of in that are dealt with */
};

/*
 * deep_mail(deep, in, depth, out):
 * The mail at in (seekable), around which depth layers were, to out; nothing is written where deep->opened is 0 then. 0, or a
 * failure that is not one of a part: HSMIME_ETOKEN, HSMIME_EPIN, HSMIME_EUSAGE, HSMIME_EIO, HSMIME_ENOMEM and so on.
 */
int deep_mail(struct deep *deep, const hsmime_source *in, int depth, const hsmime_sink *out);

/*
 * deep_open(spool, l, c, type):
 * Open the encrypted part l->part, at whose envelope c is. 0: *spool, which the caller frees in any case, has what may
 * stand in its place, or is NULL: it stays as it is, and its layer says why. Else as deep_mail.
 */
int deep_open(struct spool **spool, struct deep_level *l, struct cms_input *c, enum cms_type type);

/* deep_not_searched(deep, place, words): what is there was not looked through. 0 or HSMIME_ENOMEM. */
int deep_not_searched(struct deep *deep, const char *place, const char *words);

/* deep_place(l): which part of the mail l->part is; "" the mail itself. The caller frees it; NULL without memory. */
char *deep_place(const struct deep_level *l);

#endif
