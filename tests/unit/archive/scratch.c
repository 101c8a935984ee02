#include "scratch.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

static char path[256];
static char before[4096];

int scratch_enter(void **state)
{
	const char *tmp = getenv("TMPDIR");

	(void)state;
	snprintf(
	    path, sizeof(path), "%s/archive-XXXXXX", tmp != NULL && *tmp == '/' ? tmp : "/tmp");
	if (getcwd(before, sizeof(before)) == NULL || mkdtemp(path) == NULL)
		return -1;
	return chdir(path);
}

/* Paths may be longer than the system takes. */
static int remove_all(int at, const char *name)
{
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *folder = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (folder == NULL)
		return unlinkat(at, name, 0);
	while ((entry = readdir(folder)) != NULL) {
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			(void)remove_all(fd, entry->d_name);
	}
	closedir(folder);
	return unlinkat(at, name, AT_REMOVEDIR);
}

int scratch_leave(void **state)
{
	(void)state;
	return chdir(before) == 0 ? remove_all(AT_FDCWD, path) : -1;
}

void limit_files(uint64_t octets)
{
	struct rlimit limit;

	assert_true(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = octets > 0 ? (rlim_t)octets : limit.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}
