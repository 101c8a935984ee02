#include "api/armor.h"

#include "util/sink.h"

static int begin(const struct armor *a, enum compose_cms what)
{
	if (a->format == HSMIME_FORMAT_PEM)
		return sink_string(
		    &a->out, a->crlf ? "-----BEGIN CMS-----\r\n" : "-----BEGIN CMS-----\n");
	return compose_cms_header(&a->out, what, true, a->crlf);
}

int armor_open(hsmime_sink *sink, struct armor *a, const hsmime_sink *out,
    enum hsmime_format format, enum compose_cms what, bool crlf, struct error *err)
{
	unsigned line = format == HSMIME_FORMAT_PEM ? BASE64_PEM_LINE : BASE64_LINE;
	int status;

	*a = (struct armor){ .out = *out, .format = format, .crlf = crlf };
	*sink = *out;
	if (format == HSMIME_FORMAT_DER || format == HSMIME_FORMAT_AUTO)
		return 0;
	status = begin(a, what);
	if (status != 0)
		return error_set(err, status, "writing the output failed");
	a->encoding = true;
	status = base64_encoder_open(sink, &a->base64, out, line, crlf ? "\r\n" : "\n");
	return status == 0 ? 0 : error_nomem(err);
}

int armor_finish(struct armor *a)
{
	int status;

	if (!a->encoding)
		return 0;
	status = base64_encoder_finish(&a->base64);
	if (status == 0 && a->format == HSMIME_FORMAT_PEM)
		status =
		    sink_string(&a->out, a->crlf ? "-----END CMS-----\r\n" : "-----END CMS-----\n");
	return status;
}

void armor_close(struct armor *a)
{
	if (a->encoding)
		base64_encoder_close(&a->base64);
	a->encoding = false;
}
