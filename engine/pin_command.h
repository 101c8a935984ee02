/*
 * pin_command: a program that says a PIN on its standard output.
 */
#ifndef ENGINE_PIN_COMMAND_H
#define ENGINE_PIN_COMMAND_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * pin_command_start(pid, out, command): start the shell's command; what it says comes from *out.
 * 0, or an errno. After a success call pin_command_end.
 */
int pin_command_start(pid_t *pid, int *out, const char *command);

/*
 * pin_command_end(pid, out): read and wipe what it says beside, close out, wait for its end; whether
 * it succeeded.
 */
bool pin_command_end(pid_t pid, int out);

#endif
