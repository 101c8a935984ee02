#include "util/source.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/block.h"

static ptrdiff_t fd_read(void *arg, void *buf, size_t len)
{
	struct pollfd wait = { .fd = *(int *)arg, .events = POLLIN };
	ssize_t got;

	/* A shell's or program's pipe may have been left non-blocking by whoever shares it. */
	do
		got = read(*(int *)arg, buf, len);
	while (got < 0 && (errno == EINTR || (errno == EAGAIN && poll(&wait, 1, -1) > 0)));
	return got < 0 ? HSMIME_EIO : got;
}

static int fd_seek(void *arg, uint64_t offset)
{
	return lseek(*(int *)arg, (off_t)offset, SEEK_SET) < 0 ? HSMIME_EIO : 0;
}

void hsmime_source_fd(hsmime_source *source, int *fd)
{
	struct stat st;

	*source = (hsmime_source){ .read = fd_read, .arg = fd, .size = HSMIME_SIZE_UNKNOWN };
	/* Standing elsewhere than at its start, a file is read like a pipe. */
	if (fstat(*fd, &st) != 0 || !S_ISREG(st.st_mode) || lseek(*fd, 0, SEEK_CUR) != 0)
		return;
	source->seek = fd_seek;
	source->size = (uint64_t)st.st_size;
}

static ptrdiff_t memory_read(void *arg, void *buf, size_t len)
{
	hsmime_memory *m = arg;
	size_t n = m->len - m->pos < len ? m->len - m->pos : len;

	if (n > 0)
		memcpy(buf, (const unsigned char *)m->data + m->pos, n);
	m->pos += n;
	return (ptrdiff_t)n;
}

static int memory_seek(void *arg, uint64_t offset)
{
	hsmime_memory *m = arg;

	if (offset > m->len)
		return HSMIME_EIO;
	m->pos = (size_t)offset;
	return 0;
}

void hsmime_source_memory(hsmime_source *source, hsmime_memory *memory)
{
	*source = (hsmime_source){
		.read = memory_read, .seek = memory_seek, .arg = memory, .size = memory->len
	};
}

static ptrdiff_t slice_read(void *arg, void *buf, size_t len)
{
	struct source_slice *s = arg;
	ptrdiff_t got;
	int status;

	if (!s->placed) {
		status = source_seek(&s->base, s->start + s->pos);
		if (status != 0)
			return status;
		s->placed = true;
	}
	if (s->end != HSMIME_SIZE_UNKNOWN && len > s->end - s->start - s->pos)
		len = (size_t)(s->end - s->start - s->pos);
	if (len == 0)
		return 0;
	got = s->base.read(s->base.arg, buf, len);
	if (got > 0)
		s->pos += (uint64_t)got;
	return got;
}

static int slice_seek(void *arg, uint64_t offset)
{
	struct source_slice *s = arg;

	if (s->end != HSMIME_SIZE_UNKNOWN && offset > s->end - s->start)
		return HSMIME_EIO;
	s->pos = offset;
	s->placed = false;
	return 0;
}

void source_slice_open(hsmime_source *out, struct source_slice *slice, const hsmime_source *base,
    uint64_t start, uint64_t end)
{
	*slice = (struct source_slice){ .base = *base, .start = start, .end = end };
	*out = (hsmime_source){
		.read = slice_read, .seek = slice_seek, .arg = slice, .size = HSMIME_SIZE_UNKNOWN
	};
	if (end != HSMIME_SIZE_UNKNOWN)
		out->size = end - start;
	else if (base->size != HSMIME_SIZE_UNKNOWN)
		out->size = base->size - start;
}

int source_drain(const hsmime_source *source)
{
	unsigned char scratch[4096];
	ptrdiff_t got;

	do
		got = source->read(source->arg, scratch, sizeof(scratch));
	while (got > 0);
	return (int)got;
}

int source_copy(const hsmime_sink *sink, const hsmime_source *source)
{
	unsigned char *buf = block_new(WINDOW_ROOM);
	ptrdiff_t got;
	int status = 0;

	if (buf == NULL)
		return HSMIME_ENOMEM;
	while (status == 0 && (got = source->read(source->arg, buf, WINDOW_ROOM)) != 0)
		status = got < 0 ? (int)got : sink->write(sink->arg, buf, (size_t)got);
	free(buf);
	return status;
}

int source_seek(const hsmime_source *source, uint64_t offset)
{
	return source->seek == NULL ? HSMIME_EUSAGE : source->seek(source->arg, offset);
}
