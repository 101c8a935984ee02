#include "mail_support.h"

static ptrdiff_t octets_read(void *arg, void *buf, size_t len)
{
	struct octets *o = arg;
	size_t stop = o->fail_at < o->len ? o->fail_at : o->len;

	if (o->step > 0 && len > o->step)
		len = o->step;
	if (o->pos >= stop)
		return o->fail_at <= o->len ? HSMIME_EIO : 0;
	if (len > stop - o->pos)
		len = stop - o->pos;
	memcpy(buf, o->data + o->pos, len);
	o->pos += len;
	return (ptrdiff_t)len;
}

static int octets_seek(void *arg, uint64_t offset)
{
	struct octets *o = arg;

	if (offset > o->len)
		return HSMIME_EIO;
	o->pos = (size_t)offset;
	return 0;
}

void octets_open(hsmime_source *out, struct octets *o, const void *data, size_t len)
{
	*o = (struct octets){ .data = data, .len = len, .fail_at = SIZE_MAX };
	*out = (hsmime_source){ .read = octets_read, .seek = octets_seek, .arg = o, .size = len };
}

void octets_string(hsmime_source *out, struct octets *o, const char *text)
{
	octets_open(out, o, text, strlen(text));
}

static int short_write(void *arg, const void *buf, size_t len)
{
	struct short_sink *s = arg;

	if (len > s->room)
		return HSMIME_EIO;
	s->room -= len;
	return buffer_add(&s->got, buf, len);
}

void short_sink_open(hsmime_sink *out, struct short_sink *s, size_t room)
{
	s->room = room;
	buffer_init(&s->got, MEMORY_MAX);
	*out = (hsmime_sink){ .write = short_write, .arg = s };
}

void header_of(struct header *h, const char *text)
{
	struct octets o;
	hsmime_source in;
	struct window w;
	struct error err = { 0 };

	octets_string(&in, &o, text);
	assert_int_equal(window_open(&w, &in, WINDOW_ROOM), 0);
	assert_int_equal(header_read(h, &w, &err), 0);
	window_close(&w);
}

void scan_octets(struct structure *s, const void *data, size_t len)
{
	struct octets o;
	hsmime_source in;
	struct error err = { 0 };

	octets_open(&in, &o, data, len);
	assert_int_equal(structure_scan(s, &in, &err), 0);
	assert_int_equal(s->size, len);
}

void scan_string(struct structure *s, const char *text)
{
	scan_octets(s, text, strlen(text));
}

void assert_slice(const char *text, uint64_t start, uint64_t end, const char *expected)
{
	assert_true(start <= end && end <= strlen(text));
	assert_int_equal(end - start, strlen(expected));
	assert_memory_equal(text + start, expected, strlen(expected));
}

void assert_text(struct buffer *b, const char *expected)
{
	assert_int_equal(b->status, 0);
	assert_string_equal(buffer_string(b), expected);
}
