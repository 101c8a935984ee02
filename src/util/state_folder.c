#include "util/state_folder.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *path_of(const char *variable)
{
	const char *path = secure_getenv(variable);

	return path != NULL && path[0] == '/' ? path : NULL;
}

/* A service has no HOME where its unit names no user. */
static int below_home(char *out, size_t size)
{
	const char *home = path_of("HOME");
	char text[4096];
	struct passwd entry, *found = NULL;

	if (home == NULL && getpwuid_r(getuid(), &entry, text, sizeof(text), &found) == 0 &&
	    found != NULL && found->pw_dir[0] == '/')
		home = found->pw_dir;
	return home != NULL ? snprintf(out, size, "%s/.local/state/hsmime", home) : -1;
}

/* systemd gives a service with several state folders all of them, with colons between. */
static int below_state_directory(char *out, size_t size)
{
	const char *folder = path_of("STATE_DIRECTORY");

	return folder != NULL
		   ? snprintf(out, size, "%.*s/hsmime", (int)strcspn(folder, ":"), folder)
		   : -1;
}

int state_folder(char *out, size_t size, const char *given)
{
	const char *state = path_of("XDG_STATE_HOME");
	int len = -1;

	if (given != NULL)
		len = snprintf(out, size, "%s", given);
	else if (state != NULL)
		len = snprintf(out, size, "%s/hsmime", state);
	else
		len = below_state_directory(out, size);
	if (len < 0)
		len = below_home(out, size);
	if (len > 0 && (size_t)len < size)
		return 0;
	out[0] = '\0';
	return -1;
}

int state_folder_make(char *path)
{
	for (char *p = path + 1; *p != '\0'; p++) {
		int made;

		if (*p != '/')
			continue;
		*p = '\0';
		made = mkdir(path, 0700);
		*p = '/';
		if (made != 0 && errno != EEXIST)
			return -1;
	}
	return mkdir(path, 0700) == 0 || errno == EEXIST ? 0 : -1;
}
