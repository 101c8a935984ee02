#include "mail/entity_writer.h"

#include <string.h>

#include "mail/entity_header.h"
#include "mail/entity_plan.h"
#include "mail/header_block.h"
#include "mail/line.h"
#include "mail/part_table.h"
#include "mail/qp_encoder.h"
#include "mail/transfer.h"
#include "mail/utf8_check.h"
#include "util/crlf.h"
#include "util/sink.h"

struct writer {
	const hsmime_source *in;
	const struct structure *s;
	const struct entity_write *how;
	struct error *err;
	const char *newline;
	hsmime_sink out;   /* as it is */
	hsmime_sink lines; /* with line endings made one form */
	struct crlf_sink crlf;
	uint64_t at; /* octets of the input that are dealt with */
};

static void open_lines(struct writer *w, const hsmime_sink *sink)
{
	const struct structure *s = w->s;
	bool mixed = w->how->crlf ? s->lf_lines > 0 : s->crlf_lines > 0;

	w->out = w->lines = *sink;
	w->newline = w->how->crlf ? "\r\n" : "\n";
	if (mixed)
		crlf_sink_open(&w->lines, &w->crlf, sink, w->how->crlf);
}

/* A failure of the source or the sink, which may have said more already. */
static int failed(struct error *err, int status)
{
	if (status != 0 && err != NULL && err->code == 0)
		error_set(err, status, "the content of the mail can't be copied");
	return status;
}

static int copy_range(struct writer *w, uint64_t start, uint64_t end, const hsmime_sink *sink)
{
	struct source_slice slice;
	hsmime_source octets;

	if (start >= end)
		return 0;
	source_slice_open(&octets, &slice, w->in, start, end);
	return source_copy(sink, &octets);
}

static int copy_up_to(struct writer *w, uint64_t offset)
{
	int status = copy_range(w, w->at, offset, &w->lines);

	w->at = offset;
	return failed(w->err, status);
}

/* The header block in [start, end), which the scanner found there, through a window of the same size. */
static int take_header(
    struct header *h, const hsmime_source *in, uint64_t start, uint64_t end, struct error *err)
{
	static const struct header_rules rules = { .first_line = true };
	struct source_slice slice;
	struct window window = { 0 };
	hsmime_source octets;
	int status;

	memset(h, 0, sizeof(*h));
	if (start == end)
		return 0;
	source_slice_open(&octets, &slice, in, start, end);
	if (window_open(&window, &octets, WINDOW_ROOM) != 0)
		return error_nomem(err);
	status = header_take(h, &window, &rules, err);
	window_close(&window);
	return status;
}

static const char *encoding_name(const struct edit *edit)
{
	static const char *const names[] = {
		[CTE_IDENTITY] = "7bit",
		[CTE_BASE64] = "base64",
		[CTE_QUOTED_PRINTABLE] = "quoted-printable",
	};

	return edit->keep_encoding ? NULL : names[edit->encoding];
}

/*
 * What RFC 2045 section 5.2 implies is said aloud, but for a mail that holds more
 * than ASCII without saying what: RFC 1428 section 3 has a name for that.
 */
static int implied_type(const char **type, struct writer *w, const struct header *h)
{
	const struct part *mail = &w->s->parts[0];
	struct source_slice slice;
	hsmime_source body;
	bool utf8 = false;
	int status;

	*type = entity_header_has_content(h) ? NULL : "text/plain; charset=us-ascii";
	if (header_count(h, "Content-Type") > 0 || !mail->eight_bit ||
	    mail->encoding != CTE_IDENTITY)
		return 0;
	source_slice_open(&body, &slice, w->in, mail->body, mail->end);
	status = utf8_check(&utf8, &body);
	*type = utf8 ? "text/plain; charset=utf-8" : "text/plain; charset=unknown-8bit";
	return failed(w->err, status);
}

static int write_mail_header(struct writer *w, const struct edit *edit, const struct header *h)
{
	struct entity_header how = {
		.content_only = !w->how->whole,
		.encoding = encoding_name(edit),
		.empty_line = true,
		.newline = w->newline,
	};
	int status = 0;

	if (!w->how->whole)
		status = implied_type(&how.content_type, w, h);
	return status != 0 ? status : failed(w->err, entity_header_write(h, &how, &w->lines));
}

static int write_part_header(struct writer *w, const struct edit *edit, const struct header *h)
{
	const struct part *p = &w->s->parts[edit->part];
	struct entity_header how = {
		.encoding = encoding_name(edit),
		.empty_line = p->body < p->end,
		.newline = w->newline,
	};
	int status = 0;

	if (!p->mbox_line)
		status = sink_write(&w->lines, h->octets.data, h->mbox_len);
	if (status == 0)
		status = entity_header_write(h, &how, &w->lines);
	return failed(w->err, status);
}

static int write_header(struct writer *w, const struct edit *edit)
{
	struct header h;
	int status = take_header(&h, w->in, edit->start, edit->end, w->err);

	if (status == 0)
		status = edit->part == 0 ? write_mail_header(w, edit, &h)
					 : write_part_header(w, edit, &h);
	header_free(&h);
	return status;
}

static int copy_to_qp(struct writer *w, const hsmime_source *octets)
{
	struct qp_encoder encoder;
	hsmime_sink sink;
	int status;

	qp_encoder_open(&sink, &encoder, &w->out, w->newline);
	status = source_copy(&sink, octets);
	return status != 0 ? status : qp_encoder_finish(&encoder);
}

static int copy_to_base64(struct writer *w, const hsmime_source *octets)
{
	struct base64_encoder encoder = { 0 };
	hsmime_sink sink;
	int status = base64_encoder_open(&sink, &encoder, &w->out, BASE64_LINE, w->newline);

	if (status == 0)
		status = source_copy(&sink, octets);
	if (status == 0)
		status = base64_encoder_finish(&encoder);
	base64_encoder_close(&encoder);
	return status;
}

/* What an encoding that was there already stands for, then that in the new encoding. */
static int transcode(struct writer *w, const struct edit *edit, struct window *window)
{
	struct transfer_decoder decoder = { 0 };
	hsmime_source octets;
	enum transfer_encoding from = w->s->parts[edit->part].encoding;

	if (from == CTE_BASE64)
		base64_decoder_open(&octets, &decoder.base64, window, false);
	else if (from == CTE_QUOTED_PRINTABLE)
		qp_decoder_open(&octets, &decoder.qp, window);
	else
		window_source(&octets, window);
	return edit->encoding == CTE_BASE64 ? copy_to_base64(w, &octets) : copy_to_qp(w, &octets);
}

static int write_body(struct writer *w, const struct edit *edit)
{
	struct source_slice slice;
	struct window window = { 0 };
	hsmime_source body;
	char name[512];
	int status;

	source_slice_open(&body, &slice, w->in, edit->start, edit->end);
	if (window_open(&window, &body, WINDOW_ROOM) != 0)
		return error_nomem(w->err);
	status = transcode(w, edit, &window);
	window_close(&window);
	if (status == HSMIME_EFORMAT && w->s->parts[edit->part].encoding == CTE_BASE64) {
		part_name(name, sizeof(name), w->s, edit->part);
		return error_set(w->err, status, "%s is no valid base64", name);
	}
	return failed(w->err, status);
}

static int write_verbatim(struct writer *w, const struct edit *edit)
{
	return failed(w->err, copy_range(w, edit->start, edit->end, &w->out));
}

static int drop(struct writer *w, const struct edit *edit)
{
	/* A boundary line needs its end where no other boundary follows. */
	if (edit->end == w->s->size && edit->end > edit->start)
		return failed(w->err, sink_string(&w->out, w->newline));
	return 0;
}

static int apply(struct writer *w, const struct edit *edit)
{
	static int (*const writers[])(struct writer *, const struct edit *) = {
		[EDIT_HEADER] = write_header,
		[EDIT_BODY] = write_body,
		[EDIT_VERBATIM] = write_verbatim,
		[EDIT_DROP] = drop,
	};
	int status = copy_up_to(w, edit->start);

	if (status == 0)
		status = failed(w->err, crlf_sink_finish(&w->crlf));
	if (status == 0)
		status = writers[edit->kind](w, edit);
	w->at = edit->end;
	return status;
}

static int write_plan(struct writer *w, const struct entity_plan *plan)
{
	int status = 0;

	for (size_t i = 0; i < plan->count && status == 0; i++)
		status = apply(w, &plan->edits[i]);
	if (status == 0)
		status = copy_up_to(w, w->s->size);
	if (status == 0)
		status = failed(w->err, crlf_sink_finish(&w->crlf));
	return status;
}

int entity_write(const hsmime_source *in, const struct structure *s, const struct entity_write *how,
    const hsmime_sink *sink, struct error *err)
{
	struct writer w = { .in = in, .s = s, .how = how, .err = err };
	struct entity_plan plan;
	int status = entity_plan_make(&plan, s, how, err);

	if (status != 0)
		return status;
	open_lines(&w, sink);
	status = write_plan(&w, &plan);
	entity_plan_free(&plan);
	return status;
}

static int size_by_writing(uint64_t *size, struct writer *w, const struct entity_plan *plan)
{
	hsmime_sink none = { 0 }, counter;
	struct sink_count count;
	int status;

	sink_count_open(&counter, &count, &none);
	open_lines(w, &counter);
	status = write_plan(w, plan);
	*size = status == 0 ? count.octets : 0;
	return status;
}

/* Only the mail's header changes: how long that becomes, and one octet per line ending that does. */
static int size_by_lines(uint64_t *size, struct writer *w, const struct edit *edit)
{
	hsmime_sink none = { 0 }, counter;
	struct sink_count count;
	struct header h;
	uint64_t lf = 0, crlf = 0;
	int status = take_header(&h, w->in, edit->start, edit->end, w->err);

	sink_count_open(&counter, &count, &none);
	open_lines(w, &counter);
	if (status == 0)
		status = write_mail_header(w, edit, &h);
	if (status == 0)
		status = failed(w->err, crlf_sink_finish(&w->crlf));
	if (status == 0) {
		line_count(&lf, &crlf, h.octets.data, h.octets.len);
		*size = count.octets + w->s->size - edit->end;
		*size += w->how->crlf ? w->s->lf_lines - lf : crlf - w->s->crlf_lines;
	}
	header_free(&h);
	return status;
}

int entity_size(uint64_t *size, const hsmime_source *in, const struct structure *s,
    const struct entity_write *how, struct error *err)
{
	struct writer w = { .in = in, .s = s, .how = how, .err = err };
	struct entity_plan plan;
	int status = entity_plan_make(&plan, s, how, err);

	*size = 0;
	if (status != 0)
		return status;
	status = plan.count == 1 ? size_by_lines(size, &w, &plan.edits[0])
				 : size_by_writing(size, &w, &plan);
	entity_plan_free(&plan);
	return status;
}
