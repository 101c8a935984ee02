#include "util/source.h"

#include <stdlib.h>
#include <string.h>

#include "util/block.h"

int window_open(struct window *w, const hsmime_source *source, size_t room)
{
	*w = (struct window){ .source = *source, .room = room };
	w->data = block_new(room);
	return w->data == NULL ? HSMIME_ENOMEM : 0;
}

void window_close(struct window *w)
{
	if (w == NULL)
		return;
	block_free(w->data, w->room);
	*w = (struct window){ 0 };
}

static void fill(struct window *w)
{
	ptrdiff_t got = w->source.read(w->source.arg, w->data + w->end, w->room - w->end);

	if (got < 0)
		w->status = (int)got;
	else if (got == 0)
		w->at_end = true;
	else
		w->end += (size_t)got;
}

ptrdiff_t window_need(struct window *w, size_t want)
{
	if (w->end - w->start >= want && w->end > w->start)
		return (ptrdiff_t)(w->end - w->start);
	if (w->start > 0 && w->start + want > w->room) {
		memmove(w->data, w->data + w->start, w->end - w->start);
		w->end -= w->start;
		w->start = 0;
	}
	while (w->end - w->start < want && w->end < w->room && !w->at_end && w->status == 0)
		fill(w);
	if (w->status != 0)
		return w->status;
	return (ptrdiff_t)(w->end - w->start);
}

void window_take(struct window *w, size_t len)
{
	w->start += len;
	w->offset += len;
	if (w->start == w->end)
		w->start = w->end = 0;
}

static ptrdiff_t read_window(void *arg, void *buf, size_t len)
{
	struct window *w = arg;
	ptrdiff_t have = (ptrdiff_t)(w->end - w->start);

	/* What is not in sight yet goes straight to the reader's buffer. */
	if (have == 0 && w->status == 0 && !w->at_end) {
		have = w->source.read(w->source.arg, buf, len);
		if (have < 0)
			w->status = (int)have;
		else if (have == 0)
			w->at_end = true;
		else
			w->offset += (uint64_t)have;
		return have;
	}
	if (have == 0)
		return w->status;
	if ((size_t)have > len)
		have = (ptrdiff_t)len;
	memcpy(buf, w->data + w->start, (size_t)have);
	window_take(w, (size_t)have);
	return have;
}

void window_source(hsmime_source *out, struct window *w)
{
	*out = (hsmime_source){ .read = read_window, .arg = w, .size = HSMIME_SIZE_UNKNOWN };
}
