/* proxy_commands: the lines of the control file. */
#ifndef TESTS_TOKEN_PROXY_COMMANDS_H
#define TESTS_TOKEN_PROXY_COMMANDS_H

#include <stdio.h>

/* commands_run(line): do what it says; the process ends where it says nothing known. line is cut up. */
void commands_run(char *line);

/* commands_write_state(out): lines "sessions", "wrong_pins", "repeated_pins" with their numbers. */
void commands_write_state(FILE *out);

#endif
