/* The secret behind substitute content keys: made once per user, kept in the state folder. */
#include "api/ctx.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/rand.h>

static int folder_of(char *out, size_t size, const hsmime_ctx *ctx)
{
	const char *state = getenv("XDG_STATE_HOME");
	const char *home = getenv("HOME");
	int len = -1;

	if (ctx->shared->state_dir != NULL)
		len = snprintf(out, size, "%s", ctx->shared->state_dir);
	else if (state != NULL && state[0] == '/')
		len = snprintf(out, size, "%s/hsmime", state);
	else if (home != NULL && home[0] == '/')
		len = snprintf(out, size, "%s/.local/state/hsmime", home);
	return len > 0 && (size_t)len < size ? 0 : -1;
}

static int make_folders(char *path)
{
	for (char *p = path + 1; *p != '\0'; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		int made = mkdir(path, 0700);
		*p = '/';
		if (made != 0 && errno != EEXIST)
			return -1;
	}
	return mkdir(path, 0700) == 0 || errno == EEXIST ? 0 : -1;
}

static int read_secret(unsigned char *out, const char *file)
{
	unsigned char kept[CTX_SUBSTITUTE_SIZE + 1];
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	int ok = fd >= 0 && read(fd, kept, sizeof(kept)) == CTX_SUBSTITUTE_SIZE;

	if (ok)
		memcpy(out, kept, CTX_SUBSTITUTE_SIZE);
	OPENSSL_cleanse(kept, sizeof(kept));
	if (fd >= 0)
		close(fd);
	return ok ? 0 : -1;
}

/* Two processes may do this at once: whoever links first has made it. */
static int make_secret(const char *folder, const char *file, const unsigned char *secret)
{
	char temporary[PATH_MAX];
	int len = snprintf(temporary, sizeof(temporary), "%s/.secret-XXXXXX", folder);
	int fd = len > 0 && (size_t)len < sizeof(temporary) ? mkostemp(temporary, O_CLOEXEC) : -1;
	int made = -1;

	if (fd < 0)
		return -1;
	if (write(fd, secret, CTX_SUBSTITUTE_SIZE) == CTX_SUBSTITUTE_SIZE && fsync(fd) == 0)
		made = link(temporary, file) == 0 || errno == EEXIST ? 0 : -1;
	close(fd);
	unlink(temporary);
	return made;
}

static int kept_secret(unsigned char *secret, hsmime_ctx *ctx)
{
	char folder[PATH_MAX - 32];
	char file[PATH_MAX];

	if (folder_of(folder, sizeof(folder), ctx) != 0)
		return -1;
	snprintf(file, sizeof(file), "%s/substitute-secret", folder);
	if (read_secret(secret, file) == 0)
		return 0;
	if (make_folders(folder) != 0 || make_secret(folder, file, secret) != 0)
		return -1;
	return read_secret(secret, file);
}

static int load_secret(hsmime_ctx *ctx)
{
	struct secret *s = &ctx->shared->substitute;
	struct secret fresh;

	if (secret_new(&fresh, CTX_SUBSTITUTE_SIZE) != 0)
		return error_nomem(&ctx->err);
	fresh.len = CTX_SUBSTITUTE_SIZE;
	if (RAND_priv_bytes_ex(ctx->shared->libctx, fresh.data, CTX_SUBSTITUTE_SIZE, 256) != 1) {
		secret_free(&fresh);
		return error_openssl(&ctx->err, HSMIME_EINTERNAL, "random octets");
	}
	if (kept_secret(fresh.data, ctx) != 0)
		ctx_log(ctx, 0,
		    "the state folder can't be used: the defence against "
		    "replayed messages holds for this run only");
	*s = fresh;
	return 0;
}

int ctx_substitute(const unsigned char **secret, hsmime_ctx *ctx)
{
	struct ctx_shared *s = ctx->shared;
	int status = 0;

	pthread_mutex_lock(&s->lock);
	if (s->substitute.data == NULL)
		status = load_secret(ctx);
	pthread_mutex_unlock(&s->lock);
	*secret = s->substitute.data;
	return status;
}
