#include "util/state_folder.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int state_folder(char *out, size_t size, const char *given)
{
	const char *state = secure_getenv("XDG_STATE_HOME");
	const char *home = secure_getenv("HOME");
	int len = -1;

	if (given != NULL)
		len = snprintf(out, size, "%s", given);
	else if (state != NULL && state[0] == '/')
		len = snprintf(out, size, "%s/hsmime", state);
	else if (home != NULL && home[0] == '/')
		len = snprintf(out, size, "%s/.local/state/hsmime", home);
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
