#include "engine/pin_command.h"
#include "util/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/crypto.h>

#define DRAIN_MAX (64 * 1024) /* octets that a command may say after the PIN */
#define PERSON 10             /* times the limit for a PIN that a person may have to type */
#define KILLED_MAX 1000       /* milliseconds for the end of a command that was killed */
#define LOOK_AGAIN 20         /* milliseconds between two looks where nothing tells of an end */

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

int pin_command_start(struct pin_command *c, const char *command, unsigned limit)
{
	int ends[2] = { -1, -1 }, e;

	*c = (struct pin_command){ .out = -1, .pidfd = -1, .limit = limit };
	if (pipe2(ends, O_CLOEXEC) != 0)
		return errno;
	e = spawn(&c->pid, ends[1], command);
	close(ends[1]);
	if (e != 0) {
		close(ends[0]);
		return e;
	}
	c->out = ends[0];
	c->pidfd = (int)syscall(SYS_pidfd_open, c->pid, 0);
	c->until = clock_ms(CLOCK_MONOTONIC) + (int64_t)limit * PERSON;
	return 0;
}

/* A program that ignores SIGCHLD leaves nothing to wait for. */
static bool has_ended(const struct pin_command *c)
{
	siginfo_t info = { 0 };

	return waitid(P_PID, (id_t)c->pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
	       info.si_pid != 0;
}

/* Milliseconds for poll(2). */
static int time_left(const struct pin_command *c)
{
	int64_t left = c->limit > 0 ? c->until - clock_ms(CLOCK_MONOTONIC) : INT_MAX;

	if (left < 0)
		left = 0;
	if (c->pidfd < 0 && left > LOOK_AGAIN)
		left = LOOK_AGAIN;
	return left < INT_MAX ? (int)left : INT_MAX;
}

enum pin_command_state pin_command_await(struct pin_command *c)
{
	for (;;) {
		/* Before the look: what it says before its end is there when that shows. */
		bool ended = has_ended(c);
		struct pollfd fds[] = { { c->out, POLLIN, 0 }, { c->pidfd, POLLIN, 0 } };

		(void)poll(fds, 2, ended ? 0 : time_left(c));
		if (c->out >= 0 && fds[0].revents != 0)
			return PIN_COMMAND_SAYS;
		if (ended)
			return PIN_COMMAND_ENDED;
		if (c->limit > 0 && clock_ms(CLOCK_MONOTONIC) >= c->until)
			return PIN_COMMAND_LATE;
	}
}

/* False once nothing is to be read any more. */
static bool drain(struct pin_command *c, size_t *all)
{
	unsigned char rest[512];
	ssize_t n;

	do
		n = read(c->out, rest, sizeof(rest));
	while (n < 0 && errno == EINTR);
	*all += n > 0 ? (size_t)n : 0;
	OPENSSL_cleanse(rest, sizeof(rest));
	return n > 0 && *all < DRAIN_MAX;
}

/* One that was killed and does not end, in a call of a file system that hangs, is left behind. */
static bool ended_well(struct pin_command *c)
{
	int status = 0;
	pid_t w;

	do
		w = waitpid(c->pid, &status, WNOHANG);
	while (w < 0 && errno == EINTR);
	return w < 0 ? errno == ECHILD : w > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void stop(struct pin_command *c)
{
	kill(c->pid, SIGKILL);
	c->limit = KILLED_MAX;
	c->until = clock_ms(CLOCK_MONOTONIC) + KILLED_MAX;
	(void)pin_command_await(c);
}

static void close_output(struct pin_command *c)
{
	if (c->out >= 0)
		close(c->out);
	c->out = -1;
}

/* A command may say more than the PIN, and is not to fail for want of a reader. */
enum pin_command_state pin_command_end(struct pin_command *c)
{
	bool over = c->limit > 0 && clock_ms(CLOCK_MONOTONIC) >= c->until, well;
	enum pin_command_state state = PIN_COMMAND_LATE;
	size_t all = 0;

	c->until = clock_ms(CLOCK_MONOTONIC) + c->limit;
	while (!over && (state = pin_command_await(c)) == PIN_COMMAND_SAYS)
		if (!drain(c, &all))
			close_output(c);
	close_output(c);
	if (state == PIN_COMMAND_LATE)
		stop(c);
	well = ended_well(c);
	if (c->pidfd >= 0)
		close(c->pidfd);
	if (state != PIN_COMMAND_LATE && !well)
		state = PIN_COMMAND_FAILED;
	return state;
}
