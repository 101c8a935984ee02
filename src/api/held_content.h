/*
 * held_content: the content of an opaque layer while it is not verified yet.
 * It is spooled where somebody will want it: an output, or the next layer's
 * reader; plain content that nobody wants is let go as it is hashed.
 */
#ifndef API_HELD_CONTENT_H
#define API_HELD_CONTENT_H

#include "api/ctx.h"
#include "util/spool.h"

/* Whether content that begins so may be wanted; the content of less than 32 KiB is kept in any case. */
typedef bool held_content_judge(const unsigned char *data, size_t len);

struct held_content {
	struct spool *spool;
	hsmime_sink into;           /* the spool */
	held_content_judge *wanted; /* NULL: everything is */
	bool dropped;               /* no longer whole */
	uint64_t seen;
};

/* held_content_smime: may be an S/MIME entity. held_content_signed_octets: may be DER SignedData. */
held_content_judge held_content_smime, held_content_signed_octets;

/*
 * held_content_open(sink, h, ctx, wanted):
 * sink takes the content. It is kept as long as its beginning may be wanted. Free with
 * held_content_close in any case.
 */
int held_content_open(
    hsmime_sink *sink, struct held_content *h, hsmime_ctx *ctx, held_content_judge *wanted);
void held_content_close(struct held_content *h);

#endif
