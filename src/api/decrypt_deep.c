/* hsmime_decrypt with deep: what came out, or a mail that is not encrypted outside, is looked through. */
#include "api/decryption.h"

#include "api/deep.h"
#include "util/output.h"

/* The output as it is read, and written again from the first octet on that is written: most have nothing to be opened. */
struct rewriting {
	hsmime_output *out;
	struct output_old *old; /* NULL: nothing was written yet */
	hsmime_source from;
	hsmime_sink to;
	uint64_t at; /* in from */
	struct error *err;
};

static ptrdiff_t rewriting_read(void *arg, void *buf, size_t len)
{
	struct rewriting *r = arg;
	ptrdiff_t got = r->from.read(r->from.arg, buf, len);

	r->at += got > 0 ? (uint64_t)got : 0;
	return got;
}

static int rewriting_seek(void *arg, uint64_t offset)
{
	struct rewriting *r = arg;

	r->at = offset;
	return r->from.seek(r->from.arg, offset);
}

static int rewriting_write(void *arg, const void *buf, size_t len)
{
	struct rewriting *r = arg;
	int status = 0;

	if (r->old == NULL) {
		status = output_restart(&r->old, &r->from, r->out, r->err);
		if (status == 0)
			status = r->from.seek(r->from.arg, r->at);
		output_sink(&r->to, r->out);
	}
	return status == 0 ? r->to.write(r->to.arg, buf, len) : status;
}

static int open_output(struct decryption *d, struct deep *deep)
{
	struct rewriting r = { .out = d->out, .err = &d->ctx->err };
	hsmime_sink out = { .write = rewriting_write, .arg = &r };
	hsmime_source in = { .read = rewriting_read, .seek = rewriting_seek, .arg = &r };
	int status;

	output_source(&r.from, d->out);
	in.size = r.from.size;
	status = deep_mail(deep, &in, 1, &out);
	output_old_free(r.old);
	return status;
}

/* It is told why each of them stays; the first is what is the matter with the mail. */
static int nothing_opened(struct decryption *d)
{
	const hsmime_layer *first = d->result->layers;
	struct error *err = &d->ctx->err;

	d->told = d->result->layer_count > 0 || d->result->not_searched != NULL;
	if (d->result->layer_count == 0) {
		*err = d->why_plain;
		return err->code;
	}
	error_set(err, first->status, "nothing in the mail could be decrypted: %s%s: %s",
	    first->place != NULL ? "part " : "the mail", first->place != NULL ? first->place : "",
	    first->problem);
	if (first->inside_signature)
		return error_hint(
		    err, "hsmime verify opens it, and gives the signed content with -o");
	return first->status;
}

static int open_plain(struct decryption *d, struct deep *deep, const hsmime_source *in)
{
	int status = deep_mail(deep, in, 0, &d->content);

	return status == 0 && deep->opened == 0 ? nothing_opened(d) : status;
}

int decrypt_deep(struct decryption *d, const hsmime_source *in)
{
	struct deep deep = { .ctx = d->ctx, .options = d->options, .result = d->result };

	return d->plain ? open_plain(d, &deep, in) : open_output(d, &deep);
}
