#include "engine/pin_names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <openssl/evp.h>

#include "engine/crypto.h"
#include "engine/pin.h"
#include "engine/slot.h"
#include "util/buffer.h"
#include "util/hex.h"

/* The parts are told apart by the NUL behind each. */
static bool digest(char out[PIN_NAME_ROOM], const char *const *parts, size_t count)
{
	unsigned char md[EVP_MAX_MD_SIZE];
	struct buffer all;
	bool done;

	buffer_init(&all, 65536);
	for (size_t i = 0; i < count; i++)
		buffer_add(&all, parts[i], strlen(parts[i]) + 1);
	done = all.status == 0 &&
	       EVP_Q_digest(crypto_context(), "SHA256", NULL, all.data, all.len, md, NULL) == 1;
	if (done)
		hex_lower(out, md, PIN_NAME_DIGITS / 2);
	buffer_free(&all);
	return done;
}

bool pin_name_token(char out[PIN_NAME_ROOM], const struct token *t)
{
	const char *parts[] = { t->serial, t->manufacturer, t->model };

	return digest(out, parts, 3);
}

const char *pin_source_kind(const struct pin_source *source)
{
	static const char *const names[] = { "person", "file", "fd", "command", "cred", "env" };

	return names[source->kind];
}

/* A file without a name, as a shell makes it for a here-document, is another one each time. */
static bool is_named_file(const struct stat *st)
{
	return S_ISREG(st->st_mode) && st->st_nlink > 0;
}

/* Of the file behind a descriptor; NULL: there is none. */
static char *path_of_fd(int fd)
{
	char link[32];
	struct stat st;

	if (fstat(fd, &st) != 0 || !is_named_file(&st))
		return NULL;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	return realpath(link, NULL);
}

/* The same file has one name, from whichever folder it is named, and open or not. */
static bool name_file(char out[PIN_NAME_ROOM], const char *path, long long start)
{
	char line[32] = "";
	const char *parts[] = { "file", path, line };

	/* Which line of it was not read before is another PIN. */
	if (start > 0)
		snprintf(line, sizeof(line), "%lld", start);
	return digest(out, parts, 3);
}

bool pin_name_source(char out[PIN_NAME_ROOM], const struct pin_source *source)
{
	const char *folder =
	    source->kind == PIN_CRED ? secure_getenv("CREDENTIALS_DIRECTORY") : NULL;
	const char *parts[] = { pin_source_kind(source), source->kind != PIN_FD ? source->name : "",
		folder != NULL ? folder : "" };
	char *path = NULL;
	bool done;

	if (source->kind == PIN_FILE)
		path = realpath(source->name, NULL);
	else if (source->kind == PIN_FD)
		path = path_of_fd(source->fd);
	done = path != NULL ? name_file(out, path, source->start) : digest(out, parts, 3);
	free(path);
	return done;
}

/*
 * Of a file, also one that stands behind a descriptor. A credential is made anew at each start of
 * its service, with the same octets; the others have nothing to look at. The device's number may
 * be another one after each mount.
 */
void pin_source_state(char state[PIN_STATE_ROOM], const struct pin_source *source)
{
	struct stat st;
	bool file = (source->kind == PIN_FILE && stat(source->name, &st) == 0) ||
		    (source->kind == PIN_FD && fstat(source->fd, &st) == 0);

	if (!file || !is_named_file(&st))
		snprintf(state, PIN_STATE_ROOM, PIN_UNCHANGING);
	else
		snprintf(state, PIN_STATE_ROOM, "%llu.%lld.%lld.%09ld",
		    (unsigned long long)st.st_ino, (long long)st.st_size,
		    (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
}
