#include "util/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/rand.h>

#include "util/block.h"
#include "util/secret.h"
#include "util/sink.h"
#include "util/source.h"

#define IN_MEMORY (64 * 1024) /* octets kept in memory before there is a file */
#define BLOCK (64 * 1024)     /* octets encrypted and moved at a time */
#define KEY_SIZE 32
#define AES_BLOCK 16

struct spool {
	OSSL_LIB_CTX *libctx;
	EVP_CIPHER *cipher;
	struct secret key;
	uint64_t max;
	uint64_t size;
	int status;          /* sticky: the first failure to write */
	int fd;              /* -1: everything is in head */
	unsigned char *head; /* before there is a file: the content; then the block being filled */
	size_t head_len;
	unsigned char *cache; /* reading: the block at cache_at, decrypted */
	uint64_t cache_at;
	size_t cache_len;
	uint64_t pos;
};

int spool_new(struct spool **out, OSSL_LIB_CTX *libctx, uint64_t max, struct error *err)
{
	struct spool *s = calloc(1, sizeof(*s));

	*out = NULL;
	if (s == NULL)
		return error_nomem(err);
	s->libctx = libctx;
	s->max = max;
	s->fd = -1;
	s->head = block_new(IN_MEMORY);
	if (s->head == NULL) {
		free(s);
		return error_nomem(err);
	}
	*out = s;
	return 0;
}

static void wipe(unsigned char *data, size_t used, size_t room)
{
	if (data != NULL)
		OPENSSL_cleanse(data, used);
	block_free(data, room);
}

void spool_free(struct spool *s)
{
	if (s == NULL)
		return;
	if (s->fd >= 0)
		close(s->fd);
	wipe(s->head, s->size < IN_MEMORY ? (size_t)s->size : IN_MEMORY, IN_MEMORY);
	wipe(s->cache, BLOCK, BLOCK);
	secret_free(&s->key);
	EVP_CIPHER_free(s->cipher);
	free(s);
}

static int open_unlinked(void)
{
	const char *folder = getenv("TMPDIR");
	char path[4096];
	int fd;

	if (folder == NULL || folder[0] != '/')
		folder = "/var/tmp";
	fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd >= 0)
		return fd;
	if (snprintf(path, sizeof(path), "%s/hsmime-XXXXXX", folder) >= (int)sizeof(path))
		return -1;
	fd = mkostemp(path, O_CLOEXEC);
	if (fd >= 0)
		unlink(path);
	return fd;
}

static int start_file(struct spool *s)
{
	s->cipher = EVP_CIPHER_fetch(s->libctx, "AES-256-CTR", NULL);
	if (s->cipher == NULL || secret_new(&s->key, KEY_SIZE) != 0)
		return HSMIME_ENOMEM;
	s->key.len = KEY_SIZE;
	if (RAND_priv_bytes_ex(s->libctx, s->key.data, KEY_SIZE, 256) != 1)
		return HSMIME_EINTERNAL;
	s->fd = open_unlinked();
	return s->fd < 0 ? HSMIME_EIO : 0;
}

/* AES-256-CTR with the block's number as counter: any block by itself, and none twice. */
static int crypt_block(struct spool *s, unsigned char *data, size_t len, uint64_t offset)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	unsigned char counter[AES_BLOCK] = { 0 };
	uint64_t n = offset / AES_BLOCK;
	int moved = 0;
	int ok;

	if (ctx == NULL)
		return HSMIME_ENOMEM;
	for (int i = AES_BLOCK - 1; n > 0; i--, n >>= 8)
		counter[i] = (unsigned char)n;
	ok = EVP_EncryptInit_ex2(ctx, s->cipher, s->key.data, counter, NULL) == 1 &&
	     EVP_EncryptUpdate(ctx, data, &moved, data, (int)len) == 1;
	EVP_CIPHER_CTX_free(ctx);
	return ok ? 0 : HSMIME_EINTERNAL;
}

static int put_at(int fd, const unsigned char *data, size_t len, uint64_t offset)
{
	while (len > 0) {
		ssize_t n = pwrite(fd, data, len, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return HSMIME_EIO;
		data += n;
		len -= (size_t)n;
		offset += (uint64_t)n;
	}
	return 0;
}

static int get_at(int fd, unsigned char *data, size_t len, uint64_t offset)
{
	while (len > 0) {
		ssize_t n = pread(fd, data, len, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return HSMIME_EIO;
		data += n;
		len -= (size_t)n;
		offset += (uint64_t)n;
	}
	return 0;
}

/* The block in head is full: it goes to the file. */
static int flush_head(struct spool *s)
{
	uint64_t offset = s->size - s->head_len;
	int status = s->fd < 0 ? start_file(s) : 0;

	if (status == 0)
		status = crypt_block(s, s->head, s->head_len, offset);
	if (status == 0)
		status = put_at(s->fd, s->head, s->head_len, offset);
	s->head_len = 0;
	return s->status = status;
}

static int spool_write(void *arg, const void *buf, size_t len)
{
	struct spool *s = arg;
	const unsigned char *p = buf;

	if (s->status != 0)
		return s->status;
	if (s->max != 0 && (len > s->max || s->size > s->max - len))
		return HSMIME_EPOLICY;
	while (len > 0) {
		size_t n = IN_MEMORY - s->head_len < len ? IN_MEMORY - s->head_len : len;

		if (n == 0 && flush_head(s) != 0)
			return s->status;
		memcpy(s->head + s->head_len, p, n);
		s->head_len += n;
		s->size += n;
		p += n;
		len -= n;
	}
	return 0;
}

void spool_sink(hsmime_sink *out, struct spool *s)
{
	*out = (hsmime_sink){ .write = spool_write, .arg = s };
}

static int load_block(struct spool *s, uint64_t at, size_t len)
{
	int status;

	if (s->cache == NULL && (s->cache = block_new(BLOCK)) == NULL)
		return HSMIME_ENOMEM;
	if (s->cache_len == len && s->cache_at == at)
		return 0;
	s->cache_len = 0;
	status = get_at(s->fd, s->cache, len, at);
	if (status == 0)
		status = crypt_block(s, s->cache, len, at);
	if (status != 0)
		return status;
	s->cache_at = at;
	s->cache_len = len;
	return 0;
}

static ptrdiff_t spool_read(void *arg, void *buf, size_t len)
{
	struct spool *s = arg;
	uint64_t in_head = s->size - s->head_len;
	const unsigned char *from;
	size_t have;

	if (s->status != 0)
		return s->status;
	if (s->pos >= s->size)
		return 0;
	if (s->pos >= in_head) {
		from = s->head + (s->pos - in_head);
		have = (size_t)(s->size - s->pos);
	} else {
		uint64_t at = s->pos - s->pos % BLOCK;
		int status =
		    load_block(s, at, in_head - at < BLOCK ? (size_t)(in_head - at) : BLOCK);

		if (status != 0)
			return status;
		from = s->cache + (s->pos - at);
		have = s->cache_len - (size_t)(s->pos - at);
	}
	have = have < len ? have : len;
	memcpy(buf, from, have);
	s->pos += have;
	return (ptrdiff_t)have;
}

static int spool_seek(void *arg, uint64_t offset)
{
	struct spool *s = arg;

	s->pos = offset;
	return offset > s->size ? HSMIME_EIO : 0;
}

void spool_source(hsmime_source *out, struct spool *s)
{
	s->pos = 0;
	*out = (hsmime_source){ .read = spool_read, .seek = spool_seek, .arg = s, .size = s->size };
}

int spool_input(hsmime_source *out, struct spool **spool, const hsmime_source *in,
    OSSL_LIB_CTX *libctx, uint64_t max, struct error *err)
{
	hsmime_sink sink;
	int status;

	*spool = NULL;
	*out = *in;
	if (in->seek != NULL)
		return 0;
	status = spool_new(spool, libctx, max, err);
	if (status != 0)
		return status;
	spool_sink(&sink, *spool);
	status = source_copy(&sink, in);
	if (status == 0) {
		spool_source(out, *spool);
		return 0;
	}
	spool_free(*spool);
	*spool = NULL;
	return error_set(err, status,
	    status == HSMIME_EPOLICY ? "the input is larger than the spool may be"
				     : "spooling the input failed");
}
