#include "engine/process_id.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BOOT_DIGITS 36

/* What a small file of /proc says; "" where it can't be read. */
static void read_text(char *out, size_t size, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, out, size - 1);

	out[n > 0 ? n : 0] = '\0';
	if (fd >= 0)
		close(fd);
}

/* The 22nd field of proc(5)'s stat, in ticks since the start; the second one may hold anything. */
static unsigned long long started(long pid)
{
	char path[64], text[1024];
	const char *at;

	snprintf(path, sizeof(path), "/proc/%ld/stat", pid);
	read_text(text, sizeof(text), path);
	at = strrchr(text, ')');
	for (int field = 2; at != NULL && field < 22; field++)
		at = strchr(at + 1, ' ');
	return at != NULL ? strtoull(at, NULL, 10) : 0;
}

/* One start of one host, and the processes in it that see each other. */
static void place(char *out, size_t size)
{
	char boot[BOOT_DIGITS + 1];
	struct stat space = { 0 };

	read_text(boot, sizeof(boot), "/proc/sys/kernel/random/boot_id");
	(void)stat("/proc/self/ns/pid", &space);
	snprintf(out, size, "%s/%llu", boot, (unsigned long long)space.st_ino);
}

void process_id(char out[PROCESS_ID_ROOM])
{
	char here[PROCESS_ID_ROOM / 2];
	long pid = (long)getpid();

	place(here, sizeof(here));
	snprintf(out, PROCESS_ID_ROOM, "%s/%ld/%llu", here, pid, started(pid));
}

enum process_state process_state(const char *id)
{
	char here[PROCESS_ID_ROOM / 2];
	size_t len;
	char *end = NULL;
	unsigned long long since;
	long pid;

	place(here, sizeof(here));
	len = strlen(here);
	if (strncmp(id, here, len) != 0 || id[len] != '/')
		return PROCESS_ELSEWHERE;
	pid = strtol(id + len + 1, &end, 10);
	since = *end == '/' ? strtoull(end + 1, NULL, 10) : 0;
	/* Where /proc hides others, whether there is such a process is all that can be told. */
	if (pid > 0 && started(pid) == 0)
		return kill((pid_t)pid, 0) == 0 || errno == EPERM ? PROCESS_ELSEWHERE
								  : PROCESS_GONE;
	return since != 0 && started(pid) == since ? PROCESS_LIVES : PROCESS_GONE;
}
