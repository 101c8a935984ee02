#include "util/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "util/atomic_file.h"
#include "util/file_body.h"
#include "util/sink.h"
#include "util/source.h"

struct hsmime_output {
	char *path;       /* to a file */
	char *temporary;  /* of a staged one */
	bool complete;    /* a staged one was committed */
	int fd;           /* to a descriptor, or -1 */
	hsmime_sink sink; /* to a callback */
	struct file_body *file;
	bool left; /* something went into a file that is written directly */
	struct spool *spool;
	uint64_t size;
	uint64_t started; /* octets of a file that are on their way to the disk */
	uint64_t read_at;
	const EVP_MD *md;
	EVP_MD_CTX *digest; /* NULL: none is made along */
	bool digested;      /* of all that was written */
	OSSL_LIB_CTX *libctx;
	uint64_t spool_max;
	struct error *err;
};

struct output_old {
	struct file_body *file;
	struct spool *spool;
	uint64_t size;
	uint64_t read_at;
};

static hsmime_output *output_new(void)
{
	hsmime_output *o = calloc(1, sizeof(*o));

	if (o != NULL)
		o->fd = -1;
	return o;
}

int hsmime_output_file(hsmime_output **out, const char *path)
{
	hsmime_output *o = output_new();

	*out = NULL;
	if (o == NULL || (o->path = strdup(path)) == NULL) {
		free(o);
		return HSMIME_ENOMEM;
	}
	*out = o;
	return 0;
}

int output_staged(hsmime_output **out, const char *path, const char *temporary)
{
	int status = hsmime_output_file(out, path);

	if (status != 0)
		return status;
	(*out)->temporary = strdup(temporary);
	if ((*out)->temporary != NULL)
		return 0;
	hsmime_output_free(*out);
	*out = NULL;
	return HSMIME_ENOMEM;
}

int hsmime_output_fd(hsmime_output **out, int fd)
{
	*out = output_new();
	if (*out == NULL)
		return HSMIME_ENOMEM;
	(*out)->fd = fd;
	return 0;
}

int hsmime_output_callback(hsmime_output **out, const hsmime_sink *sink)
{
	*out = output_new();
	if (*out == NULL)
		return HSMIME_ENOMEM;
	(*out)->sink = *sink;
	return 0;
}

void hsmime_output_free(hsmime_output *o)
{
	if (o == NULL)
		return;
	file_body_free(o->file);
	spool_free(o->spool);
	EVP_MD_CTX_free(o->digest);
	free(o->path);
	free(o->temporary);
	free(o);
}

void hsmime_output_remove_all(void)
{
	atomic_file_remove_all();
}

int output_digest_along(hsmime_output *o, const EVP_MD *md)
{
	o->md = md;
	if (o->digest == NULL)
		o->digest = EVP_MD_CTX_new();
	return o->digest != NULL ? 0 : HSMIME_ENOMEM;
}

bool output_digest(unsigned char *digest, hsmime_output *o)
{
	bool digested = o->digested && EVP_DigestFinal_ex(o->digest, digest, NULL) == 1;

	o->digested = false;
	return digested;
}

int output_begin(
    hsmime_output *o, bool hold, OSSL_LIB_CTX *libctx, uint64_t spool_max, struct error *err)
{
	/* What was left uncommitted before. A FIFO's reader would take a second opening for the end. */
	if (o->file != NULL && (o->left || !file_body_is_direct(o->file))) {
		file_body_free(o->file);
		o->file = NULL;
	}
	o->left = o->complete = false;
	o->digested = o->digest != NULL && EVP_DigestInit_ex2(o->digest, o->md, NULL) == 1;
	spool_free(o->spool);
	o->spool = NULL;
	o->size = o->started = 0;
	o->libctx = libctx;
	o->spool_max = spool_max;
	o->err = err;
	if (o->path != NULL && o->file == NULL) {
		int status = file_body_new(&o->file, o->path, o->temporary, err);

		if (status != 0 || !file_body_is_direct(o->file))
			return status;
	}
	return hold ? spool_new(&o->spool, libctx, spool_max, err) : 0;
}

bool output_is_file(const hsmime_output *o)
{
	return o->file != NULL && !file_body_is_direct(o->file);
}

bool output_is_held(const hsmime_output *o)
{
	return o->spool != NULL || output_is_file(o);
}

static int fd_write(hsmime_output *o, const void *buf, size_t len)
{
	return sink_descriptor(o->fd, buf, len) == 0 ? 0
						     : error_errno(o->err, "writing", "the output");
}

#define START_EVERY (4 * 1024 * 1024)

/*
 * The disk works while the rest is made, and the fsync at the end finds little to do. That this
 * may fail is for that fsync to tell.
 */
static void start_writing(hsmime_output *o)
{
	if (!output_is_file(o) || o->size - o->started < START_EVERY)
		return;
	sync_file_range(atomic_file_fd(file_body_file(o->file)), (off_t)o->started,
	    (off_t)(o->size - o->started), SYNC_FILE_RANGE_WRITE);
	o->started = o->size;
}

static int leave(hsmime_output *o, const void *buf, size_t len)
{
	o->left = true;
	if (o->file != NULL)
		return file_body_write(o->file, buf, len, o->err);
	return o->fd >= 0 ? fd_write(o, buf, len) : sink_write(&o->sink, buf, len);
}

static int output_write(void *arg, const void *buf, size_t len)
{
	hsmime_output *o = arg;
	hsmime_sink spool;
	int status;

	if (o->spool != NULL) {
		spool_sink(&spool, o->spool);
		status = sink_write(&spool, buf, len);
		if (status != 0)
			error_set(o->err, status, "%s",
			    status == HSMIME_EPOLICY ? "the output is larger than the spool may be"
						     : "writing the spool failed");
	} else {
		status = leave(o, buf, len);
	}
	if (status != 0)
		return status;
	o->size += len;
	o->digested = o->digested && EVP_DigestUpdate(o->digest, buf, len) == 1;
	start_writing(o);
	return 0;
}

void output_sink(hsmime_sink *out, hsmime_output *o)
{
	*out = (hsmime_sink){ .write = output_write, .arg = o };
}

uint64_t output_size(const hsmime_output *o)
{
	return o->size;
}

static ptrdiff_t read_file(const struct file_body *file, uint64_t *at, void *buf, size_t len)
{
	ptrdiff_t n = file_body_read(file, *at, buf, len);

	*at += n > 0 ? (uint64_t)n : 0;
	return n;
}

static ptrdiff_t read_output(void *arg, void *buf, size_t len)
{
	hsmime_output *o = arg;

	return read_file(o->file, &o->read_at, buf, len);
}

static int seek_output(void *arg, uint64_t offset)
{
	((hsmime_output *)arg)->read_at = offset;
	return 0;
}

void output_source(hsmime_source *out, hsmime_output *o)
{
	o->read_at = 0;
	if (o->spool != NULL) {
		spool_source(out, o->spool);
		return;
	}
	*out =
	    (hsmime_source){ .read = read_output, .seek = seek_output, .arg = o, .size = o->size };
}

static ptrdiff_t read_old(void *arg, void *buf, size_t len)
{
	struct output_old *old = arg;

	return read_file(old->file, &old->read_at, buf, len);
}

static int seek_old(void *arg, uint64_t offset)
{
	((struct output_old *)arg)->read_at = offset;
	return 0;
}

int output_restart(struct output_old **old, hsmime_source *out, hsmime_output *o, struct error *err)
{
	struct output_old *aside = calloc(1, sizeof(*aside));

	*old = NULL;
	if (aside == NULL)
		return error_nomem(err);
	*aside = (struct output_old){ .file = o->file, .spool = o->spool, .size = o->size };
	o->file = NULL;
	o->spool = NULL;
	o->size = o->started = 0;
	if (aside->spool != NULL)
		spool_source(out, aside->spool);
	else
		*out = (hsmime_source){
			.read = read_old, .seek = seek_old, .arg = aside, .size = aside->size
		};
	*old = aside;
	return output_begin(o, true, o->libctx, o->spool_max, err);
}

void output_old_free(struct output_old *old)
{
	if (old == NULL)
		return;
	file_body_free(old->file);
	spool_free(old->spool);
	free(old);
}

void output_restore(hsmime_output *o, struct output_old *old)
{
	file_body_free(o->file);
	spool_free(o->spool);
	o->file = old->file;
	o->spool = old->spool;
	o->size = o->started = old->size;
	o->digested = false;
	free(old);
}

static int release(void *arg, const void *buf, size_t len)
{
	return leave(arg, buf, len);
}

int output_prepare(hsmime_output *o, struct error *err)
{
	int status = output_is_file(o) ? file_body_complete(o->file, err) : 0;

	return status == 0 && output_is_file(o) ? atomic_file_prepare(file_body_file(o->file), err)
						: status;
}

bool output_is_complete(const hsmime_output *o)
{
	return o->complete;
}

struct atomic_file *output_staged_file(const hsmime_output *o)
{
	return file_body_file(o->file);
}

void output_settle(hsmime_output *o)
{
	file_body_forget(o->file);
}

/* What is small is not started on its way: that takes longer for each than for all when they are synced. */
static int complete(hsmime_output *o, struct error *err)
{
	int status = o->file != NULL ? file_body_complete(o->file, err) : 0;

	o->complete = status == 0 && o->file != NULL;
	return status;
}

int output_publish(hsmime_output *o, struct error *err)
{
	if (!o->complete)
		return error_set(err, HSMIME_EUSAGE, "an output that is not complete gets no name");
	return atomic_file_commit(file_body_file(o->file), err);
}

int output_commit(hsmime_output *o, struct error *err)
{
	hsmime_sink away = { .write = release, .arg = o };
	hsmime_source held;
	int status;

	if (o->temporary != NULL)
		return complete(o, err);
	if (o->spool == NULL)
		return o->file != NULL ? atomic_file_commit(file_body_file(o->file), err) : 0;
	spool_source(&held, o->spool);
	status = source_copy(&away, &held);
	/* A descriptor's failure is described already. */
	return status == 0 ? 0 : error_keep(err, status, "writing the output failed");
}
