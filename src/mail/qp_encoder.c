#include "mail/qp_encoder.h"

#include <string.h>

#include "mail/text.h"
#include "util/sink.h"

#define QP_LINE 75 /* characters before the '=' of a soft break */

static const char from[] = "From ";

static int flush(struct qp_encoder *e)
{
	size_t len = e->len;

	e->len = 0;
	return sink_write(&e->next, e->out, len);
}

static int put(struct qp_encoder *e, const char *text, size_t len)
{
	int status = e->len + len > sizeof(e->out) ? flush(e) : 0;

	memcpy(e->out + e->len, text, len);
	e->len += len;
	return status;
}

static int put_newline(struct qp_encoder *e, bool soft)
{
	int status = soft ? put(e, "=", 1) : 0;

	e->column = 0;
	e->continued = soft;
	return status != 0 ? status : put(e, e->newline, strlen(e->newline));
}

static int put_encoded(struct qp_encoder *e, unsigned char c)
{
	static const char digits[] = "0123456789ABCDEF";
	char text[3] = { '=', digits[c >> 4], digits[c & 15] };
	int status = e->column + 3 > QP_LINE ? put_newline(e, true) : 0;

	e->column += 3;
	return status != 0 ? status : put(e, text, 3);
}

static int put_literal(struct qp_encoder *e, unsigned char c)
{
	int status = e->column + 1 > QP_LINE ? put_newline(e, true) : 0;
	char text = (char)c;

	/* No line may be a boundary of what is around, and a soft break must not make a "From " line. */
	if (status == 0 && e->column == 0 && (c == '-' || (c == 'F' && e->continued)))
		return put_encoded(e, c);
	e->column++;
	return status != 0 ? status : put(e, &text, 1);
}

/* What waited turns out to be ordinary. */
static int release(struct qp_encoder *e)
{
	unsigned matched = e->from;
	int status = 0;

	e->from = 0;
	for (unsigned i = 0; i < matched && status == 0; i++)
		status = put_literal(e, (unsigned char)from[i]);
	if (status == 0 && e->space != 0)
		status = put_literal(e, e->space);
	e->space = 0;
	if (status == 0 && e->cr)
		status = put_encoded(e, '\r');
	e->cr = false;
	return status;
}

/* What waited stands at the end of a line: white space there would not survive. */
static int end_line(struct qp_encoder *e)
{
	unsigned char space = e->space;
	int status;

	e->space = 0;
	e->cr = false;
	status = release(e);
	return status != 0 || space == 0 ? status : put_encoded(e, space);
}

static int take_from(struct qp_encoder *e)
{
	int status = 0;

	if (++e->from < strlen(from))
		return 0;
	e->from = 0;
	status = put_encoded(e, 'F');
	for (size_t i = 1; i < strlen(from) - 1 && status == 0; i++)
		status = put_literal(e, (unsigned char)from[i]);
	e->space = ' ';
	return status;
}

static bool is_literal(unsigned char c)
{
	return c > 32 && c < 127 && c != '=';
}

static int take(struct qp_encoder *e, unsigned char c)
{
	bool start = e->column == 0 && !e->continued && e->space == 0 && !e->cr;
	int status;

	if (c == '\n') {
		status = end_line(e);
		return status != 0 ? status : put_newline(e, false);
	}
	if (start && c == (unsigned char)from[e->from])
		return take_from(e);
	if (c == '\r' && !e->cr) {
		e->cr = true;
		return 0;
	}
	status = release(e);
	if (status != 0)
		return status;
	e->cr = c == '\r';
	e->space = text_is_blank((char)c) ? c : 0;
	if (e->cr || e->space != 0)
		return 0;
	return is_literal(c) ? put_literal(e, c) : put_encoded(e, c);
}

/* The literals, and spaces between them, that go on a line which nothing waits for, in one piece. */
static size_t take_run(struct qp_encoder *e, const unsigned char *p, size_t len, int *status)
{
	size_t run = 0;

	if (e->column == 0 || e->column >= QP_LINE || e->space != 0 || e->cr)
		return 0;
	if (len > QP_LINE - e->column)
		len = QP_LINE - e->column;
	while (run < len &&
	       (is_literal(p[run]) || (p[run] == ' ' && run + 1 < len && is_literal(p[run + 1]))))
		run++;
	*status = put(e, (const char *)p, run);
	e->column += (unsigned)run;
	return run;
}

static int qp_write(void *arg, const void *buf, size_t len)
{
	struct qp_encoder *e = arg;
	const unsigned char *p = buf, *end = p + len;
	int status = 0;

	while (p < end && status == 0) {
		p += take_run(e, p, (size_t)(end - p), &status);
		if (p < end && status == 0)
			status = take(e, *p++);
	}
	return status;
}

void qp_encoder_open(
    hsmime_sink *out, struct qp_encoder *e, const hsmime_sink *next, const char *newline)
{
	memset(e, 0, sizeof(*e));
	e->next = *next;
	e->newline = newline;
	*out = (hsmime_sink){ .write = qp_write, .arg = e };
}

int qp_encoder_finish(struct qp_encoder *e)
{
	bool cr = e->cr;
	int status;

	/* A last CR is no line break: what is before it does not end a line. */
	status = cr ? release(e) : end_line(e);
	return status != 0 ? status : flush(e);
}
