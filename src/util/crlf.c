#include "util/crlf.h"

#include <string.h>

#include "util/sink.h"

/* The octets [from, to) of a line without its ending, then the ending. */
static int put_line(struct crlf_sink *c, const unsigned char *from, size_t len)
{
	int status = sink_write(&c->next, from, len);

	return status != 0 ? status : sink_string(&c->next, c->to_crlf ? "\r\n" : "\n");
}

/* A slice that has the right line endings already goes through in one piece. */
static int put_converted(struct crlf_sink *c, const unsigned char *p, size_t len)
{
	const unsigned char *end = p + len;
	const unsigned char *done = p;
	const unsigned char *lf;
	int status = 0;

	while (status == 0 && (lf = memchr(p, '\n', (size_t)(end - p))) != NULL) {
		bool crlf = lf > done && lf[-1] == '\r';

		p = lf + 1;
		if (crlf == c->to_crlf)
			continue;
		c->changed = true;
		status = put_line(c, done, (size_t)(lf - done) - (crlf ? 1 : 0));
		done = p;
	}
	return status != 0 ? status : sink_write(&c->next, done, (size_t)(end - done));
}

static int crlf_write(void *arg, const void *buf, size_t len)
{
	struct crlf_sink *c = arg;
	const unsigned char *p = buf;
	int status = 0;

	if (len == 0)
		return 0;
	if (c->held_cr) {
		c->held_cr = false;
		if (p[0] == '\n') {
			c->changed = c->changed || !c->to_crlf;
			status = put_line(c, p, 0);
			p++;
			len--;
		} else {
			status = sink_write(&c->next, "\r", 1);
		}
	}
	if (status == 0 && len > 0 && p[len - 1] == '\r') {
		c->held_cr = true;
		len--;
	}
	return status != 0 || len == 0 ? status : put_converted(c, p, len);
}

void crlf_sink_open(hsmime_sink *out, struct crlf_sink *c, const hsmime_sink *next, bool to_crlf)
{
	*c = (struct crlf_sink){ .next = *next, .to_crlf = to_crlf };
	*out = (hsmime_sink){ .write = crlf_write, .arg = c };
}

int crlf_sink_finish(struct crlf_sink *c)
{
	bool held = c->held_cr;

	c->held_cr = false;
	return held ? sink_write(&c->next, "\r", 1) : 0;
}
