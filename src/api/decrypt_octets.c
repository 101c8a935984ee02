#include "api/decryption.h"

#include "api/held_content.h"
#include "util/output.h"
#include "util/source.h"

static int take_layer(struct decryption *d, const hsmime_source *in)
{
	struct cms_env env = ctx_env(d->ctx);
	struct cms_input c = { 0 };
	enum cms_type type = CMS_UNKNOWN;
	int status = cms_input_open(&c, in, d->options->format, &env);

	if (status == 0)
		status = decryption_enter(&type, d, &c);
	if (status == 0)
		status = decryption_layer(d, &c, type);
	cms_input_close(&c);
	return status;
}

static int is_cbc(bool *cbc, struct decryption *d, const hsmime_source *in)
{
	struct cms_env env = ctx_env(d->ctx);
	struct cms_input c = { 0 };
	enum cms_type type = CMS_UNKNOWN;
	int status = cms_input_open(&c, in, d->options->format, &env);

	if (status == 0)
		status = decryption_enter(&type, d, &c);
	cms_input_close(&c);
	*cbc = type == CMS_ENVELOPED_DATA;
	return status == 0 && in->seek != NULL ? source_seek(in, 0) : status;
}

/* The second time the key is known, and what is told of the layer thrown away. */
static int decrypt_again(struct decryption *d, const hsmime_source *in)
{
	const struct trust none = { .no_chain = true };
	struct decryption again = *d;
	hsmime_result *scratch = NULL;
	int status =
	    output_begin(d->out, false, d->ctx->shared->libctx, d->ctx->spool_max, &d->ctx->err);

	if (status == 0 && (scratch = result_new(&none)) == NULL)
		status = error_nomem(&d->ctx->err);
	again.result = scratch;
	output_sink(&again.content, d->out);
	if (status == 0)
		status = source_seek(in, 0);
	if (status == 0)
		status = take_layer(&again, in);
	hsmime_result_free(scratch);
	return status;
}

/*
 * For a pipe, and from a file: first all of it is decrypted to nothing, then again into the
 * pipe. This takes half the time that keeping it takes, and no disk. Only for what nothing
 * authenticates (a file that is changed between the two is noticed, but perhaps late), and not where
 * the content is signed, since then it is read once more.
 */
static int decrypt_twice(struct decryption *d, const hsmime_source *in)
{
	struct content_key content_key = { 0 };
	struct held_content held;
	hsmime_source kept;
	int status = held_content_open(&d->content, &held, d->ctx, held_content_signed_octets);

	d->content_key = &content_key;
	if (status == 0)
		status = take_layer(d, in);
	if (status == 0 && held.dropped)
		status = decrypt_again(d, in);
	output_sink(&d->content, d->out);
	if (status == 0 && !held.dropped) {
		spool_source(&kept, held.spool);
		status = source_copy(&d->content, &kept);
	}
	d->content_key = NULL;
	content_key_clear(&content_key);
	held_content_close(&held);
	return status;
}

int decrypt_octets(struct decryption *d, const hsmime_source *in)
{
	bool cbc = false;
	int status = 0;

	if (in->seek != NULL && !output_is_file(d->out) && !d->options->deep)
		status = is_cbc(&cbc, d, in);
	if (status != 0)
		return status;
	return cbc ? decrypt_twice(d, in) : take_layer(d, in);
}
