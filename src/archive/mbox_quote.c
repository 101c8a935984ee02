#include "archive/mbox_quote.h"

#include <string.h>

#include "util/sink.h"

static const char from[] = "From ";
#define FROM_LEN (sizeof(from) - 1)

/* data[0..len) of the line so far, but for the octets of "From " that stand at its end. */
static int pass_matched(struct mbox_quote *q, const unsigned char *data, size_t len)
{
	int status = sink_write(&q->next, data, len);

	if (status == 0)
		status = sink_write(&q->next, ">", 1);
	if (status == 0)
		status = sink_write(&q->next, from, q->held);
	q->in_line = true;
	q->held = q->matched = 0;
	return status;
}

static int pass_held(struct mbox_quote *q)
{
	int status = sink_write(&q->next, from, q->held);

	q->held = q->matched = 0;
	return status;
}

/* Octets of data up to the end of the line; the next begins anew. */
static size_t rest_of_line(struct mbox_quote *q, const unsigned char *data, size_t len)
{
	const unsigned char *end = memchr(data, '\n', len);

	if (end == NULL)
		return len;
	q->in_line = false;
	q->matched = 0;
	if (!q->lines)
		q->crlf = end > data ? end[-1] == '\r' : q->any && q->last == '\r';
	q->lines = true;
	return (size_t)(end - data) + 1;
}

static int quote_write(void *arg, const void *buf, size_t len)
{
	struct mbox_quote *q = arg;
	const unsigned char *data = buf;
	size_t gone = 0, at = 0, kept;
	int status = 0;

	while (at < len && status == 0) {
		if (q->in_line) {
			at += rest_of_line(q, data + at, len - at);
		} else if (q->matched == 0 && data[at] == '>') {
			at++;
		} else if (data[at] != (unsigned char)from[q->matched]) {
			status = pass_held(q);
			q->in_line = true;
		} else if (at++, ++q->matched == FROM_LEN) {
			kept = at - (FROM_LEN - q->held);
			status = pass_matched(q, data + gone, kept - gone);
			gone = kept;
		}
	}
	if (status != 0 || len == 0)
		return status;
	q->last = data[len - 1];
	q->any = true;
	kept = len - (q->matched - q->held);
	q->held = q->matched;
	return sink_write(&q->next, data + gone, kept - gone);
}

void mbox_quote_open(hsmime_sink *out, struct mbox_quote *q, const hsmime_sink *next)
{
	*q = (struct mbox_quote){ .next = *next };
	*out = (hsmime_sink){ .write = quote_write, .arg = q };
}

int mbox_quote_end(struct mbox_quote *q)
{
	int status = pass_held(q);

	if (status != 0 || !q->any || q->last == '\n')
		return status;
	return sink_string(&q->next, q->crlf ? "\r\n" : "\n");
}
