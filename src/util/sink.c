#include "util/sink.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

int sink_descriptor(int fd, const void *data, size_t len)
{
	struct pollfd wait = { .fd = fd, .events = POLLOUT };
	const unsigned char *p = data;

	while (len > 0) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && (errno == EINTR || (errno == EAGAIN && poll(&wait, 1, -1) > 0)))
			continue;
		if (n < 0)
			return -1;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

int sink_write(const hsmime_sink *sink, const void *data, size_t len)
{
	return len == 0 ? 0 : sink->write(sink->arg, data, len);
}

int sink_string(const hsmime_sink *sink, const char *s)
{
	return sink_write(sink, s, strlen(s));
}

static int null_write(void *arg, const void *buf, size_t len)
{
	(void)arg;
	(void)buf;
	(void)len;
	return 0;
}

void sink_null(hsmime_sink *out)
{
	*out = (hsmime_sink){ .write = null_write };
}

static int buffer_write(void *arg, const void *buf, size_t len)
{
	return buffer_add(arg, buf, len);
}

void sink_buffer(hsmime_sink *out, struct buffer *b)
{
	*out = (hsmime_sink){ .write = buffer_write, .arg = b };
}

static int tee_write(void *arg, const void *buf, size_t len)
{
	struct sink_tee *tee = arg;
	int status = sink_write(&tee->a, buf, len);

	return status != 0 ? status : sink_write(&tee->b, buf, len);
}

void sink_tee_open(
    hsmime_sink *out, struct sink_tee *tee, const hsmime_sink *a, const hsmime_sink *b)
{
	*tee = (struct sink_tee){ .a = *a, .b = *b };
	*out = (hsmime_sink){ .write = tee_write, .arg = tee };
}

static int count_write(void *arg, const void *buf, size_t len)
{
	struct sink_count *c = arg;

	c->octets += len;
	return c->next.write == NULL ? 0 : sink_write(&c->next, buf, len);
}

void sink_count_open(hsmime_sink *out, struct sink_count *count, const hsmime_sink *next)
{
	*count = (struct sink_count){ .next = *next };
	*out = (hsmime_sink){ .write = count_write, .arg = count };
}
