/* What the program itself runs on: libraries, memory, clock, folders, where the PIN comes from. */
#include "api/doctor.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "util/state_folder.h"

#define LOCKED 16384          /* octets that secrets take at most */
#define EARLIEST 1767225600LL /* 2026-01-01: no clock that is right is before it */

static void versions(struct doctor *d)
{
	char built[32];

	snprintf(built, sizeof(built), "%lu.%lu.%lu", OPENSSL_VERSION_NUMBER >> 28,
	    OPENSSL_VERSION_NUMBER >> 20 & 0xff, OPENSSL_VERSION_NUMBER >> 4 & 0xff);
	doctor_say(d, DOCTOR_VERSIONS, NULL, "hsmime %s, OpenSSL %s (built with %s and p11-kit %s)",
	    hsmime_version(), OpenSSL_version(OPENSSL_VERSION_STRING), built, diagnose_p11kit());
	if (OpenSSL_version_num() < (OPENSSL_VERSION_NUMBER & ~0xfUL))
		doctor_say(d, DOCTOR_OPENSSL_OLDER, NULL,
		    "OpenSSL %s is older than %s, which hsmime was built with",
		    OpenSSL_version(OPENSSL_VERSION_STRING), built);
}

static void memory(struct doctor *d)
{
	void *pages =
	    mmap(NULL, LOCKED, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	bool locked = pages != MAP_FAILED && mlock(pages, LOCKED) == 0;
	int why = errno;

	if (pages != MAP_FAILED)
		munmap(pages, LOCKED);
	if (locked)
		doctor_say(d, DOCTOR_MEMORY_LOCKED, NULL,
		    "PINs and content keys are kept out of swap space");
	else
		doctor_say(d, DOCTOR_MEMORY_NOT_LOCKED, NULL,
		    "memory for PINs and content keys can't be locked (%s): they may get into swap "
		    "space",
		    strerror(why));
}

static void wall_clock(struct doctor *d)
{
	if ((long long)time(NULL) < EARLIEST)
		doctor_say(d, DOCTOR_CLOCK_WRONG, NULL,
		    "the clock is before 2026: certificates look as if they were not valid yet");
}

/* As ctx_substitute takes it; that is made at first use. */
static void check_secret(struct doctor *d, const char *folder)
{
	char path[4096 + 32];
	struct stat st;

	snprintf(path, sizeof(path), "%s/" CTX_SUBSTITUTE_FILE, folder);
	if (lstat(path, &st) != 0)
		return;
	if (!S_ISREG(st.st_mode) || st.st_size != CTX_SUBSTITUTE_SIZE || access(path, R_OK) != 0)
		doctor_say(d, DOCTOR_STATE_SECRET, path,
		    "the secret against replayed messages is damaged: it protects one run only");
	else if (st.st_uid != geteuid() || (st.st_mode & 077) != 0)
		doctor_say(d, DOCTOR_STATE_SECRET, path,
		    "the secret against replayed messages is not yours alone: it protects one run "
		    "only");
}

/* The folder, or the part of it that is there, is made at first use. */
static void check_state_folder(struct doctor *d)
{
	char path[4096];
	struct stat st;

	if (state_folder(path, sizeof(path), d->ctx->shared->state_dir) != 0) {
		doctor_say(d, DOCTOR_STATE_FOLDER_UNUSABLE, NULL,
		    "there is no state folder: neither XDG_STATE_HOME, STATE_DIRECTORY nor HOME "
		    "is set, and the user database has no home");
		return;
	}
	if (stat(path, &st) != 0 && errno == ENOENT)
		doctor_say(d, DOCTOR_STATE_FOLDER, path, "the state folder is made at first use");
	else if (stat(path, &st) != 0)
		doctor_say(d, DOCTOR_STATE_FOLDER_UNUSABLE, path,
		    "the state folder can't be looked at: %s", strerror(errno));
	else if (!S_ISDIR(st.st_mode) || access(path, R_OK | W_OK | X_OK) != 0)
		doctor_say(
		    d, DOCTOR_STATE_FOLDER_UNUSABLE, path, "the state folder can't be written to");
	else if (st.st_uid != geteuid() || (st.st_mode & 022) != 0)
		doctor_say(
		    d, DOCTOR_STATE_FOLDER_OPEN, path, "others can write to the state folder");
	else
		doctor_say(d, DOCTOR_STATE_FOLDER, path, "the state folder is well");
	check_secret(d, path);
}

/* Nothing of its content is read. */
static void pin_file(struct doctor *d, const char *path)
{
	struct stat st;

	if (stat(path, &st) != 0)
		doctor_say(d, DOCTOR_PIN_SOURCE_MISSING, path, "the file with the PIN: %s",
		    strerror(errno));
	else if (access(path, R_OK) != 0)
		doctor_say(d, DOCTOR_PIN_SOURCE_MISSING, path,
		    "the file with the PIN can't be read: %s", strerror(errno));
	else if ((st.st_mode & 077) != 0)
		doctor_say(
		    d, DOCTOR_PIN_SOURCE_OPEN, path, "others have rights to the file with the PIN");
	else
		doctor_say(d, DOCTOR_PIN_SOURCE, path,
		    "the PIN comes from a file that you alone can read");
}

static void pin_credential(struct doctor *d, const char *name)
{
	const char *folder = secure_getenv("CREDENTIALS_DIRECTORY");
	char path[4096];
	int len = folder != NULL ? snprintf(path, sizeof(path), "%s/%s", folder, name) : -1;

	if (len > 0 && (size_t)len < sizeof(path))
		pin_file(d, path);
	else
		doctor_say(d, DOCTOR_PIN_SOURCE_MISSING, name,
		    "there is no credential: CREDENTIALS_DIRECTORY is not set");
}

static void pin_variable(struct doctor *d, const char *name)
{
	if (getenv(name) == NULL)
		doctor_say(d, DOCTOR_PIN_SOURCE_MISSING, name,
		    "the environment variable with the PIN is not set");
	else
		doctor_say(d, DOCTOR_PIN_SOURCE_OPEN, name,
		    "the PIN is in the environment, which all programs that are started get to "
		    "see");
}

/* A command is not run, and not shown: it may have words that are nobody's business. */
static void pin_command(struct doctor *d, const char *command)
{
	(void)command;
	doctor_say(d, DOCTOR_PIN_SOURCE, NULL, "the PIN comes from a command");
}

static void pin_descriptor(struct doctor *d, const char *number)
{
	doctor_say(d, DOCTOR_PIN_SOURCE, number, "the PIN comes from an open file descriptor");
}

static void pin_source(struct doctor *d)
{
	static const struct {
		const char *prefix;
		void (*look)(struct doctor *d, const char *name);
	} rows[] = {
		{ "file:", pin_file },
		{ "cred:", pin_credential },
		{ "env:", pin_variable },
		{ "command:", pin_command },
		{ "fd:", pin_descriptor },
	};
	const char *spec = d->ctx->shared->pin_source;

	for (size_t i = 0; i < d->keys.count; i++) {
		char *path = diagnose_pin_file(d->keys.names[i]);

		if (path != NULL)
			pin_file(d, path);
		free(path);
	}
	if (spec == NULL)
		spec = secure_getenv("HSMIME_PIN_SOURCE");
	if (spec == NULL || spec[0] == '\0') {
		doctor_say(d, DOCTOR_PIN_SOURCE, NULL, "the PIN is asked for");
		return;
	}
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strncmp(spec, rows[i].prefix, strlen(rows[i].prefix)) == 0)
			rows[i].look(d, spec + strlen(rows[i].prefix));
}

void doctor_host(struct doctor *d)
{
	versions(d);
	memory(d);
	wall_clock(d);
	check_state_folder(d);
	pin_source(d);
}
