#include "engine/pin_command.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/crypto.h>

#define DRAIN_MAX (64 * 1024) /* octets that a command may say after the PIN */

/* The command is to end by the signals that end others, though this thread may take none. */
static int spawn_attributes(posix_spawnattr_t *attributes)
{
	sigset_t none, usual;
	int e = posix_spawnattr_init(attributes);

	sigemptyset(&none);
	sigemptyset(&usual);
	sigaddset(&usual, SIGPIPE);
	sigaddset(&usual, SIGXFSZ);
	if (e == 0)
		e = posix_spawnattr_setsigmask(attributes, &none);
	if (e == 0)
		e = posix_spawnattr_setsigdefault(attributes, &usual);
	if (e == 0)
		e = posix_spawnattr_setflags(
		    attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	return e;
}

static int spawn(pid_t *pid, int out, const char *command)
{
	char shell[] = "sh", option[] = "-c";
	char *const argv[] = { shell, option, (char *)command, NULL };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	int e = posix_spawn_file_actions_init(&actions);

	if (e != 0)
		return e;
	e = spawn_attributes(&attributes);
	if (e != 0) {
		posix_spawn_file_actions_destroy(&actions);
		return e;
	}
	e = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	if (e == 0)
		e = posix_spawn_file_actions_adddup2(&actions, out, 1);
	if (e == 0)
		e = posix_spawn(pid, "/bin/sh", &actions, &attributes, argv, environ);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	return e;
}

/* A program that ignores SIGCHLD leaves no status to wait for. */
static bool ended_well(pid_t pid)
{
	int status = 0;
	pid_t w;

	do
		w = waitpid(pid, &status, 0);
	while (w < 0 && errno == EINTR);
	return w < 0 ? errno == ECHILD : WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* A command may say more than the PIN, and is not to fail for want of a reader. */
static void drain(int fd)
{
	unsigned char rest[512];
	size_t all = 0;
	ssize_t n = 1;

	while (all < DRAIN_MAX && (n > 0 || (n < 0 && errno == EINTR))) {
		n = read(fd, rest, sizeof(rest));
		all += n > 0 ? (size_t)n : 0;
	}
	OPENSSL_cleanse(rest, sizeof(rest));
}

int pin_command_start(pid_t *pid, int *out, const char *command)
{
	int ends[2] = { -1, -1 }, e;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return errno;
	e = spawn(pid, ends[1], command);
	close(ends[1]);
	if (e != 0)
		close(ends[0]);
	else
		*out = ends[0];
	return e;
}

bool pin_command_end(pid_t pid, int out)
{
	drain(out);
	close(out);
	return ended_well(pid);
}
