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
	for (size_t i = 0; done && i < PIN_NAME_DIGITS / 2; i++)
		snprintf(out + 2 * i, 3, "%02x", md[i]);
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

/* The same file has one name, from whichever folder it is named. */
bool pin_name_source(
    char out[PIN_NAME_ROOM], const struct pin_source *source, enum hsmime_pin_kind kind)
{
	const char *folder = source->kind == PIN_CRED ? getenv("CREDENTIALS_DIRECTORY") : NULL;
	char *path = source->kind == PIN_FILE ? realpath(source->name, NULL) : NULL;
	char wanted[12];
	const char *parts[] = { pin_source_kind(source), path != NULL ? path : source->name,
		folder != NULL ? folder : "", wanted };
	bool done;

	snprintf(wanted, sizeof(wanted), "%d", (int)kind);
	done = digest(out, parts, 4);
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

	if (!file || !S_ISREG(st.st_mode))
		snprintf(state, PIN_STATE_ROOM, PIN_UNCHANGING);
	else
		snprintf(state, PIN_STATE_ROOM, "%llu.%lld.%lld.%09ld",
		    (unsigned long long)st.st_ino, (long long)st.st_size,
		    (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
}
