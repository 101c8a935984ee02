/*
 * pin_command: a program that says a PIN on its standard output.
 *
 * What it starts may keep that output open when it is long gone, so its own end counts as the end
 * of what it says. It may ask a person for the PIN: until then it has ten times the limit.
 */
#ifndef ENGINE_PIN_COMMAND_H
#define ENGINE_PIN_COMMAND_H

#include <stdint.h>
#include <sys/types.h>

/* Private to pin_command.c but for out, to read from. */
struct pin_command {
	int out;
	pid_t pid;
	int pidfd;      /* -1: the system has none */
	unsigned limit; /* milliseconds; 0: none */
	int64_t until;  /* milliseconds of CLOCK_MONOTONIC */
};

enum pin_command_state {
	PIN_COMMAND_SAYS,  /* something can be read, if it is the end of it */
	PIN_COMMAND_ENDED, /* well, or before it ended: there is nothing more to read */
	PIN_COMMAND_FAILED,
	PIN_COMMAND_LATE /* its time is over */
};

/*
 * pin_command_start(c, command, limit): start the shell's command, which has so many milliseconds to
 * end once the PIN is read. 0, or an errno. After a success call pin_command_end.
 */
int pin_command_start(struct pin_command *c, const char *command, unsigned limit);

/* pin_command_await(c): wait for more of what it says: SAYS, ENDED or LATE. */
enum pin_command_state pin_command_await(struct pin_command *c);

/*
 * pin_command_end(c): read and wipe what it says beside, until it has ended. ENDED: with status 0;
 * FAILED; LATE: it was killed. What it started goes on.
 */
enum pin_command_state pin_command_end(struct pin_command *c);

#endif
