#include "streams.h"

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static ptrdiff_t feed_read(void *arg, void *buf, size_t len)
{
	struct feed *f = arg;
	size_t n = f->len - f->pos;

	f->reads++;
	assert_true(len > 0);
	if (f->pos >= f->fail_at)
		return f->status;
	if (f->fail_at - f->pos < n)
		n = f->fail_at - f->pos;
	if (n > len)
		n = len;
	if (f->step > 0 && n > f->step)
		n = f->step;
	if (n > 0)
		memcpy(buf, f->data + f->pos, n);
	f->pos += n;
	return (ptrdiff_t)n;
}

static int feed_seek(void *arg, uint64_t offset)
{
	struct feed *f = arg;

	if (offset > f->len)
		return HSMIME_EIO;
	f->pos = (size_t)offset;
	return 0;
}

hsmime_source feed_open(struct feed *f, const void *data, size_t len)
{
	*f = (struct feed){ .data = data, .len = len, .fail_at = NEVER, .status = HSMIME_EIO };
	return (hsmime_source){ .read = feed_read, .seek = feed_seek, .arg = f, .size = len };
}

static int catch_write(void *arg, const void *buf, size_t len)
{
	struct catch *c = arg;

	c->writes++;
	if (c->limit != NEVER && c->got.len + len > c->limit)
		return c->status;
	return buffer_add(&c->got, buf, len);
}

hsmime_sink catch_open(struct catch *c)
{
	*c = (struct catch){ .limit = NEVER, .status = HSMIME_EIO };
	buffer_init(&c->got, SIZE_MAX / 2);
	return (hsmime_sink){ .write = catch_write, .arg = c };
}

void catch_close(struct catch *c)
{
	buffer_free(&c->got);
}

unsigned char *octets(size_t len)
{
	unsigned char *data = malloc(len + 1);
	uint32_t x = 0x12345678;

	assert_non_null(data);
	for (size_t i = 0; i < len; i++) {
		x = x * 1664525 + 1013904223;
		data[i] = (unsigned char)(x >> 24);
	}
	return data;
}

void assert_octets(const struct buffer *b, const void *data, size_t len)
{
	assert_int_equal(b->len, len);
	if (len > 0)
		assert_memory_equal(b->data, data, len);
}

static char state_of(pid_t process)
{
	char path[64], line[512] = "";
	FILE *file;
	const char *end;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)process);
	file = fopen(path, "r");
	if (file == NULL || fgets(line, sizeof(line), file) == NULL)
		line[0] = '\0';
	if (file != NULL)
		fclose(file);
	end = strrchr(line, ')');
	return end != NULL && end[1] == ' ' ? end[2] : '?';
}

int when_parent_waits(void (*act)(void *arg), void *arg)
{
	pid_t parent = getpid();
	pid_t child = fork();

	assert_true(child >= 0);
	if (child > 0)
		return child;
	while (getppid() == parent && state_of(parent) != 'S')
		sched_yield();
	act(arg);
	_exit(0);
}

void child_end(int child)
{
	int status = 0;

	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, &status, 0), child);
}
