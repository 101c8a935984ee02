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

#include "engine/watch.h"
#include "util/state_folder.h"

enum finding { KEPT, NOT_KEPT, EXPOSED, DAMAGED };

/* Who knows or chooses the secret can tell what takes a content key's place from a token's answer. */
static bool is_exposed(int fd)
{
	struct stat st;

	return fstat(fd, &st) != 0 || st.st_uid != geteuid() || (st.st_mode & 077) != 0;
}

static enum finding read_secret(unsigned char *out, const char *file)
{
	unsigned char kept[CTX_SUBSTITUTE_SIZE + 1];
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	enum finding found = DAMAGED;

	if (fd < 0)
		return NOT_KEPT;
	if (is_exposed(fd))
		found = EXPOSED;
	else if (read(fd, kept, sizeof(kept)) == CTX_SUBSTITUTE_SIZE)
		found = KEPT;
	if (found == KEPT)
		memcpy(out, kept, CTX_SUBSTITUTE_SIZE);
	OPENSSL_cleanse(kept, sizeof(kept));
	close(fd);
	return found;
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

int ctx_keep_substitute(hsmime_ctx *ctx, const char *folder)
{
	char *absolute = realpath(folder, NULL);

	if (absolute == NULL)
		return error_nomem(&ctx->err);
	free(ctx->shared->secret_dir);
	ctx->shared->secret_dir = absolute;
	return 0;
}

static enum finding kept_secret(unsigned char *secret, char file[PATH_MAX], hsmime_ctx *ctx)
{
	const struct ctx_shared *shared = ctx->shared;
	char folder[PATH_MAX - 32];
	enum finding found;

	if (state_folder(folder, sizeof(folder),
		shared->secret_dir != NULL ? shared->secret_dir : shared->state_dir) != 0)
		return NOT_KEPT;
	snprintf(file, PATH_MAX, "%s/" CTX_SUBSTITUTE_FILE, folder);
	found = read_secret(secret, file);
	if (found != NOT_KEPT)
		return found;
	if (state_folder_make(folder) != 0 || make_secret(folder, file, secret) != 0)
		return NOT_KEPT;
	found = read_secret(secret, file);
	/* It is there, and can't be opened. */
	return found == NOT_KEPT ? DAMAGED : found;
}

/* Nothing is repaired here: that others could read the secret is for a person to judge. */
static void warn(const hsmime_ctx *ctx, enum finding found, const char *file)
{
	if (found == EXPOSED)
		ctx_log(ctx, 0,
		    "%s is not yours alone: the defence against replayed messages holds for this "
		    "run only; chmod 600 it if it is your file, else remove it",
		    file);
	else if (found == DAMAGED)
		ctx_log(ctx, 0,
		    "%s is damaged: the defence against replayed messages holds for this run only; "
		    "remove it, and it is made again",
		    file);
	else if (found == NOT_KEPT)
		ctx_log(ctx, 0,
		    "the state folder can't be used: the defence against "
		    "replayed messages holds for this run only");
}

static int load_secret(enum finding *found, char file[PATH_MAX], hsmime_ctx *ctx)
{
	struct secret *s = &ctx->shared->substitute;
	struct secret fresh;

	if (secret_new(&fresh, CTX_SUBSTITUTE_SIZE) != 0)
		return error_nomem(&ctx->err);
	fresh.len = CTX_SUBSTITUTE_SIZE;
	/* From the kernel: OpenSSL's generators of a new context take a millisecond to start. */
	if (getentropy(fresh.data, CTX_SUBSTITUTE_SIZE) != 0) {
		secret_free(&fresh);
		return error_set(&ctx->err, HSMIME_EINTERNAL, "the system gives no random octets");
	}
	*found = kept_secret(fresh.data, file, ctx);
	*s = fresh;
	return 0;
}

int ctx_substitute(const unsigned char **secret, hsmime_ctx *ctx)
{
	struct ctx_shared *s = ctx->shared;
	enum finding found = KEPT;
	char file[PATH_MAX] = "";
	int status = 0;

	if (!gate_enter(&s->making))
		return watch_stuck(&ctx->err, NULL);
	if (s->substitute.data == NULL)
		status = load_secret(&found, file, ctx);
	gate_leave(&s->making);
	/* Who gets the message may come back by another context of the family. */
	warn(ctx, found, file);
	*secret = s->substitute.data;
	return status;
}
