/*
 * held_content: the content of an opaque layer while it is not verified yet.
 * It is spooled where somebody will want it: an output, or the next layer's
 * reader; plain content that nobody wants is let go as it is hashed.
 */
#ifndef API_HELD_CONTENT_H
#define API_HELD_CONTENT_H

#include "api/ctx.h"
#include "util/spool.h"

struct held_content {
	struct spool *spool;
	hsmime_sink into; /* the spool */
	bool wanted;      /* keep everything */
	bool dropped;     /* no longer whole */
	uint64_t seen;
};

/*
 * held_content_open(sink, h, ctx, wanted):
 * sink takes the content. Without wanted it is kept only as long as its beginning
 * may be that of an S/MIME entity. Free with held_content_close in any case.
 */
int held_content_open(hsmime_sink *sink, struct held_content *h, hsmime_ctx *ctx, bool wanted);
void held_content_close(struct held_content *h);

#endif
