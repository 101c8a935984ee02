#include "api/mail_input.h"

#include <string.h>

static int read_header(struct mail_input *m, struct error *err)
{
	struct window w = { 0 };
	int status = source_seek(&m->source, 0);

	if (status != 0)
		return error_keep(err, status, "reading the input failed");
	if (window_open(&w, &m->source, WINDOW_ROOM) != 0)
		return error_nomem(err);
	status = header_read(&m->header, &w, err);
	m->has_header = status == 0;
	window_close(&w);
	return status;
}

int mail_input_open(struct mail_input *m, hsmime_ctx *ctx, const hsmime_source *in)
{
	struct cms_env env = ctx_env(ctx);
	hsmime_source watched;
	int status;

	progress_open(&watched, &m->progress, ctx, in);
	status = spool_input(&m->source, &m->spool, &watched, env.libctx, ctx->spool_max, env.err);
	if (status == 0)
		status = read_header(m, env.err);
	if (status == 0 && source_seek(&m->source, 0) != 0)
		status = error_set(env.err, HSMIME_EIO, "reading the input again failed");
	if (status == 0)
		status = structure_scan(&m->structure, &m->source, env.err);
	m->has_structure = status == 0;
	return status;
}

void mail_input_close(struct mail_input *m)
{
	if (m->has_structure)
		structure_free(&m->structure);
	if (m->has_header)
		header_free(&m->header);
	spool_free(m->spool);
	memset(m, 0, sizeof(*m));
}
