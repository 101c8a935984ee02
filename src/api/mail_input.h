/*
 * mail_input: a whole mail as an operation's input: seekable, its header read,
 * its structure known.
 */
#ifndef API_MAIL_INPUT_H
#define API_MAIL_INPUT_H

#include "api/ctx.h"
#include "api/input.h"
#include "mail/structure.h"

struct mail_input {
	struct progress_source progress;
	hsmime_source source; /* seekable */
	struct spool *spool;  /* what came from a pipe */
	struct header header;
	struct structure structure;
	bool has_header;
	bool has_structure;
};

/*
 * mail_input_open(m, ctx, in):
 * Make in seekable (a pipe is spooled), read its header, scan its structure.
 * m is zero before; free with mail_input_close in any case. 0, HSMIME_EFORMAT,
 * HSMIME_EIO or HSMIME_ENOMEM.
 */
int mail_input_open(struct mail_input *m, hsmime_ctx *ctx, const hsmime_source *in);
void mail_input_close(struct mail_input *m);

#endif
