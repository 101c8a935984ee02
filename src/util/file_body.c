#include "util/file_body.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "util/atomic_file.h"
#include "util/block.h"
#include "util/sink.h"

struct file_body {
	char *path;
	char *temporary; /* of a staged one */
	struct atomic_file *file;
	unsigned char
	    *small; /* FILE_BODY_SMALL octets of room, or NULL: they are in the file alone */
	size_t len; /* of small */
};

int file_body_new(
    struct file_body **out, const char *path, const char *temporary, struct error *err)
{
	struct file_body *b = calloc(1, sizeof(*b));
	int status = 0;

	*out = NULL;
	if (b == NULL || (b->path = strdup(path)) == NULL) {
		free(b);
		return error_nomem(err);
	}
	if (temporary == NULL) {
		status = atomic_file_new(&b->file, path, err);
	} else {
		b->temporary = strdup(temporary);
		b->small = block_new(FILE_BODY_SMALL);
		if (b->temporary == NULL || b->small == NULL)
			status = error_nomem(err);
	}
	if (status != 0) {
		file_body_free(b);
		return status;
	}
	*out = b;
	return 0;
}

static void drop(struct file_body *b)
{
	if (b->small != NULL)
		OPENSSL_cleanse(b->small, b->len);
	block_free(b->small, FILE_BODY_SMALL);
	b->small = NULL;
}

void file_body_forget(struct file_body *b)
{
	if (b->file == NULL || b->small == NULL)
		return;
	drop(b);
}

void file_body_free(struct file_body *b)
{
	if (b == NULL)
		return;
	atomic_file_free(b->file);
	drop(b);
	free(b->temporary);
	free(b->path);
	free(b);
}

struct atomic_file *file_body_file(const struct file_body *b)
{
	return b->file;
}

bool file_body_is_direct(const struct file_body *b)
{
	return b->file != NULL && atomic_file_is_direct(b->file);
}

static int write_file(struct file_body *b, const void *buf, size_t len, struct error *err)
{
	return sink_descriptor(atomic_file_fd(b->file), buf, len) == 0
		   ? 0
		   : error_errno(err, "writing", b->path);
}

int file_body_complete(struct file_body *b, struct error *err)
{
	int status = 0;

	if (b->file == NULL) {
		status = atomic_file_staged(&b->file, b->path, b->temporary, err);
		if (status == 0)
			status = write_file(b, b->small, b->len, err);
	}
	return status;
}

int file_body_write(struct file_body *b, const void *buf, size_t len, struct error *err)
{
	if (b->file == NULL && len <= FILE_BODY_SMALL - b->len) {
		memcpy(b->small + b->len, buf, len);
		b->len += len;
		return 0;
	}
	if (b->file == NULL) {
		int status = file_body_complete(b, err);

		if (status != 0)
			return status;
	}
	file_body_forget(b);
	return write_file(b, buf, len, err);
}

static ptrdiff_t read_small(const struct file_body *b, uint64_t at, void *buf, size_t len)
{
	size_t left = at < b->len ? b->len - (size_t)at : 0;
	size_t n = len < left ? len : left;

	if (n > 0)
		memcpy(buf, b->small + at, n);
	return (ptrdiff_t)n;
}

ptrdiff_t file_body_read(const struct file_body *b, uint64_t at, void *buf, size_t len)
{
	ssize_t n;

	if (b->small != NULL)
		return read_small(b, at, buf, len);
	do
		n = pread(atomic_file_fd(b->file), buf, len, (off_t)at);
	while (n < 0 && errno == EINTR);
	return n < 0 ? HSMIME_EIO : n;
}
