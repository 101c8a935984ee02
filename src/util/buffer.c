#include "util/buffer.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hsmime/error.h>

#define FIRST_ROOM 256

void buffer_init(struct buffer *b, size_t max)
{
	*b = (struct buffer){ .max = max };
}

static size_t room_for(const struct buffer *b, size_t need)
{
	size_t room = b->room > 0 ? b->room : FIRST_ROOM;

	while (room < need)
		room = room > SIZE_MAX / 2 ? need : room * 2;
	return room;
}

static int grow(struct buffer *b, size_t need)
{
	size_t room = room_for(b, need);
	unsigned char *data = realloc(b->data, room);

	if (data == NULL)
		return b->status = HSMIME_ENOMEM;
	b->data = data;
	b->room = room;
	return 0;
}

unsigned char *buffer_extend(struct buffer *b, size_t len)
{
	unsigned char *at;
	size_t need;

	if (b->status != 0)
		return NULL;
	if (len > b->max || b->len > b->max - len) {
		b->status = HSMIME_EFORMAT;
		return NULL;
	}
	/* One octet more, so that buffer_string always has room for its NUL. */
	need = b->len + len + 1;
	if (need == 0)
		b->status = HSMIME_ENOMEM;
	if (b->status != 0 || (need > b->room && grow(b, need) != 0))
		return NULL;
	at = b->data + b->len;
	b->len += len;
	return at;
}

int buffer_add(struct buffer *b, const void *data, size_t len)
{
	unsigned char *at = buffer_extend(b, len);

	if (at != NULL && len > 0)
		memcpy(at, data, len);
	return b->status;
}

int buffer_add_string(struct buffer *b, const char *s)
{
	return buffer_add(b, s, strlen(s));
}

int buffer_printf(struct buffer *b, const char *fmt, ...)
{
	char *text = NULL;
	va_list args;
	int len;

	va_start(args, fmt);
	len = vasprintf(&text, fmt, args);
	va_end(args);
	if (len < 0)
		return b->status = b->status != 0 ? b->status : HSMIME_ENOMEM;
	buffer_add(b, text, (size_t)len);
	free(text);
	return b->status;
}

const char *buffer_string(struct buffer *b)
{
	if (buffer_extend(b, 0) == NULL)
		return NULL;
	b->data[b->len] = '\0';
	return (const char *)b->data;
}

void buffer_reset(struct buffer *b)
{
	b->len = 0;
	b->status = 0;
}

void buffer_free(struct buffer *b)
{
	if (b == NULL)
		return;
	buffer_reset(b);
	free(b->data);
	b->data = NULL;
	b->room = 0;
}
