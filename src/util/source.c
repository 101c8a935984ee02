#include "util/source.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/block.h"

static int64_t modified(const struct stat *st)
{
	return (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
}

/* What is read twice has to be the same; size and time are what a file system tells of that. */
static bool unchanged(const hsmime_file *file)
{
	struct stat st;

	return fstat(file->fd, &st) == 0 && (uint64_t)st.st_size == file->size &&
	       modified(&st) == file->modified;
}

static ptrdiff_t fd_read(void *arg, void *buf, size_t len)
{
	const hsmime_file *file = arg;
	struct pollfd wait = { .fd = file->fd, .events = POLLIN };
	ssize_t got;

	/* A shell's or program's pipe may have been left non-blocking by whoever shares it. */
	do
		got = read(file->fd, buf, len);
	while (got < 0 && (errno == EINTR || (errno == EAGAIN && poll(&wait, 1, -1) > 0)));
	if (got == 0 && file->again && !unchanged(file))
		return HSMIME_EIO;
	return got < 0 ? HSMIME_EIO : got;
}

static int fd_seek(void *arg, uint64_t offset)
{
	hsmime_file *file = arg;

	file->again = 1;
	if (!unchanged(file))
		return HSMIME_EIO;
	return lseek(file->fd, (off_t)offset, SEEK_SET) < 0 ? HSMIME_EIO : 0;
}

static void open_fd(hsmime_source *source, hsmime_file *file, int fd)
{
	*file = (hsmime_file){ .fd = fd };
	*source = (hsmime_source){ .read = fd_read, .arg = file, .size = HSMIME_SIZE_UNKNOWN };
}

void source_file(hsmime_source *source, hsmime_file *file, int fd, const struct stat *st)
{
	open_fd(source, file, fd);
	file->modified = modified(st);
	file->size = (uint64_t)st->st_size;
	source->seek = fd_seek;
	/* Files of /proc have no size and yet content. */
	if (st->st_size > 0)
		source->size = file->size;
}

void hsmime_source_fd(hsmime_source *source, hsmime_file *file, int fd)
{
	struct stat st;

	/* Standing elsewhere than at its start, a file is read like a pipe. */
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || lseek(fd, 0, SEEK_CUR) != 0)
		open_fd(source, file, fd);
	else
		source_file(source, file, fd, &st);
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

static ptrdiff_t tee_read(void *arg, void *buf, size_t len)
{
	struct source_tee *tee = arg;
	ptrdiff_t got = tee->base.read(tee->base.arg, buf, len);
	int status = got > 0 ? tee->out.write(tee->out.arg, buf, (size_t)got) : 0;

	return status != 0 ? status : got;
}

static int tee_seek(void *arg, uint64_t offset)
{
	return source_seek(&((struct source_tee *)arg)->base, offset);
}

void source_tee_open(
    hsmime_source *out, struct source_tee *tee, const hsmime_source *base, const hsmime_sink *sink)
{
	*tee = (struct source_tee){ .base = *base, .out = *sink };
	*out = (hsmime_source){ .read = tee_read, .arg = tee, .size = base->size };
	if (base->seek != NULL)
		out->seek = tee_seek;
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
	uint64_t left = source->size; /* HSMIME_SIZE_UNKNOWN is more than there ever is */
	ptrdiff_t got;
	int status = 0;

	if (buf == NULL)
		return HSMIME_ENOMEM;
	while (status == 0 && (got = source->read(source->arg, buf, WINDOW_ROOM)) != 0) {
		if (got < 0)
			status = (int)got;
		else if ((uint64_t)got > left)
			status = HSMIME_EIO;
		else
			status = sink->write(sink->arg, buf, (size_t)got);
		left -= (uint64_t)got;
	}
	block_free(buf, WINDOW_ROOM);
	if (status == 0 && source->size != HSMIME_SIZE_UNKNOWN && left > 0)
		return HSMIME_EIO;
	return status;
}

int source_seek(const hsmime_source *source, uint64_t offset)
{
	return source->seek == NULL ? HSMIME_EUSAGE : source->seek(source->arg, offset);
}
