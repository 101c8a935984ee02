#include "api/decryption.h"

#include "api/envelope.h"
#include "api/layers.h"
#include "cms/content_key.h"
#include "mail/address.h"
#include "mail/looks_like.h"
#include "util/output.h"

/* AuthEnvelopedData with attributes: the plaintext again, without the outer header before it. */
struct read_back {
	struct decryption *d;
	hsmime_source whole;
	struct source_slice slice;
};

static int read_back_plaintext(void *arg, hsmime_source *out)
{
	struct read_back *back = arg;

	output_source(&back->whole, back->d->out);
	source_slice_open(
	    out, &back->slice, &back->whole, back->d->entity_start, output_size(back->d->out));
	return 0;
}

int decryption_layer(struct decryption *d, struct cms_input *c, enum cms_type type)
{
	struct read_back back = { .d = d };
	struct envelope e = {
		.ctx = d->ctx,
		.key_uri = d->options->key_uri,
		.certs = d->options->certs,
		.require_authenticated = d->options->require_authenticated != 0,
		.read_back = read_back_plaintext,
		.read_back_arg = &back,
	};

	e.content = d->content;
	e.content_key = d->content_key;
	d->entity_start = output_size(d->out);
	return envelope_open(d->result, c, type, &e);
}

/* The first signature ends what decrypt takes off, and this one is outside of all. */
int decryption_signed_outside(struct decryption *d, const char *what)
{
	error_set(&d->ctx->err, HSMIME_EFORMAT,
	    "the input is not encrypted on its outside: it is signed (%s), and a signature is "
	    "not taken off",
	    what);
	return error_hint(&d->ctx->err,
	    "use hsmime verify: it shows all layers, opens encrypted ones with the token, and "
	    "gives the signed content with -o");
}

static int other_type(struct decryption *d, enum cms_type type)
{
	if (type == CMS_SIGNED_DATA) {
		d->plain = d->has_outer;
		return decryption_signed_outside(d, cms_type_name(type));
	}
	error_set(
	    &d->ctx->err, HSMIME_EUNSUPPORTED, "hsmime does not decrypt %s", cms_type_name(type));
	return error_hint(&d->ctx->err,
	    "only EnvelopedData and AuthEnvelopedData have recipients with a key on a token");
}

int decryption_enter(enum cms_type *type, struct decryption *d, struct cms_input *c)
{
	struct cms_env env = ctx_env(d->ctx);
	int status = cms_content_info_enter(type, &c->ber, &env);

	if (status == 0 && *type != CMS_ENVELOPED_DATA && *type != CMS_AUTH_ENVELOPED_DATA)
		return other_type(d, *type);
	return status;
}

void decryption_entity(hsmime_source *out, struct source_slice *slice, const hsmime_source *whole,
    const struct decryption *d)
{
	source_slice_open(out, slice, whole, d->entity_start, whole->size);
}

static struct trust trust_of(const hsmime_decrypt_options *options)
{
	struct trust trust = {
		.anchors = options->anchors,
		.certs = options->certs,
		.no_chain = options->anchors == NULL,
		.at = options->at,
	};

	return trust;
}

/* The verdict on a signature inside; it never stands in the way of the plaintext. */
static void judge_signature(struct decryption *d)
{
	struct trust trust = trust_of(d->options);
	struct layers l = { .ctx = d->ctx, .result = d->result, .trust = &trust, .searches = true };
	struct source_slice slice;
	hsmime_source whole, entity;
	char **from = NULL;
	size_t count = 0;
	int status = 0;

	output_source(&whole, d->out);
	decryption_entity(&entity, &slice, &whole, d);
	if (d->has_outer)
		status = address_list(&from, &count, &d->outer, "From");
	l.from = from;
	if (status == 0 && from != NULL)
		status = result_set_from(d->result, from);
	if (status == 0)
		status = d->has_outer ? layers_mail(&l, &entity, 1)
				      : layers_cms(&l, &entity, HSMIME_FORMAT_DER, 1);
	if (status != 0 && d->has_outer)
		ctx_log(d->ctx, 0, "the signature inside was not judged: %s", d->ctx->err.message);
	error_clear(&d->ctx->err);
	address_list_free(from);
}

/* The same words as where it did not decrypt, so that nobody learns which it was. */
static int check_beginning(struct decryption *d)
{
	unsigned char first[LOOKS_LIKE_BEGINNING];
	struct cms_env env = ctx_env(d->ctx);
	struct source_slice slice;
	hsmime_source whole, entity;
	size_t have = 0;
	ptrdiff_t got = 1;

	output_source(&whole, d->out);
	decryption_entity(&entity, &slice, &whole, d);
	while (got > 0 && have < sizeof(first)) {
		got = entity.read(entity.arg, first + have, sizeof(first) - have);
		have += got > 0 ? (size_t)got : 0;
	}
	if (got < 0)
		return (int)got;
	return looks_like_content(first, have) ? 0 : content_key_refuse(&env);
}

static int take_off(struct decryption *d, const hsmime_source *in)
{
	int status = d->options->form == HSMIME_CMS ? decrypt_octets(d, in) : decrypt_mail(d, in);

	if (status == 0 && d->options->require_message && !d->result->authenticated)
		status = check_beginning(d);
	return status == 0 && d->options->deep ? decrypt_deep(d, in) : status;
}

static int decrypt(struct decryption *d, const hsmime_source *in)
{
	struct progress_source progress;
	struct spool *spool = NULL;
	hsmime_source watched, read;
	OSSL_LIB_CTX *libctx = d->ctx->shared->libctx;
	int status = output_begin(d->out, !d->ctx->looks, libctx, d->ctx->spool_max, &d->ctx->err);

	if (status != 0)
		return status;
	output_sink(&d->content, d->out);
	progress_open(&watched, &progress, d->ctx, in);
	read = watched;
	/* What is perhaps not encrypted outside is read again. */
	if (d->options->deep && d->options->form == HSMIME_MAIL)
		status =
		    spool_input(&read, &spool, &watched, libctx, d->ctx->spool_max, &d->ctx->err);
	if (status == 0)
		status = take_off(d, &read);
	spool_free(spool);
	if (status != 0)
		return status;
	if (output_is_held(d->out))
		judge_signature(d);
	return output_commit(d->out, &d->ctx->err);
}

struct call {
	hsmime_ctx *ctx;
	hsmime_result **result;
	hsmime_output *out;
	const hsmime_source *in;
	const hsmime_decrypt_options *options;
};

static int run(void *arg)
{
	const struct call *c = arg;
	struct decryption d = { .ctx = c->ctx, .options = c->options, .out = c->out };
	struct trust trust = trust_of(c->options);
	int status;

	d.result = result_new(&trust);
	if (d.result == NULL)
		return error_nomem(&c->ctx->err);
	status = decrypt(&d, c->in);
	if (d.has_outer)
		header_free(&d.outer);
	if (status == 0 || d.told)
		*c->result = d.result;
	else
		hsmime_result_free(d.result);
	return status;
}

int hsmime_decrypt(hsmime_ctx *ctx, hsmime_result **result, hsmime_output *out,
    const hsmime_source *in, const hsmime_decrypt_options *options)
{
	struct call c = { ctx, result, out, in, options };

	*result = NULL;
	return ctx_run(ctx, run, &c);
}
