#include "verdict.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

void verify_source(struct verdict *v, const hsmime_source *in, const hsmime_verify_options *extra,
    bool with_output)
{
	hsmime_verify_options options = *extra;
	hsmime_certs *trusted = anchors();
	hsmime_output *out = NULL;
	hsmime_ctx *ctx;

	*v = (struct verdict){ 0 };
	assert_int_equal(hsmime_ctx_new(&ctx), 0);
	if (options.anchors == NULL)
		options.anchors = trusted;
	if (with_output)
		out = text_output(&v->output);
	v->status = hsmime_verify(ctx, &v->result, out, in, &options);
	if (v->status != 0)
		assert_true(hsmime_ctx_error(ctx)[0] != '\0');
	hsmime_output_free(out);
	hsmime_certs_free(trusted);
	hsmime_ctx_free(ctx);
}

void verify_text(struct verdict *v, const char *mail, size_t len, bool with_output)
{
	hsmime_verify_options options = HSMIME_VERIFY_OPTIONS_INIT;
	hsmime_memory memory;
	hsmime_source in;

	memory_source(&in, &memory, mail, len);
	verify_source(v, &in, &options, with_output);
}

void verdict_free(struct verdict *v)
{
	hsmime_result_free(v->result);
	text_free(&v->output);
}
