/*
 * state_folder: where hsmime keeps, per user, what is to outlive a process.
 */
#ifndef UTIL_STATE_FOLDER_H
#define UTIL_STATE_FOLDER_H

#include <stddef.h>

/*
 * state_folder(out, size, given):
 * given, else hsmime in $XDG_STATE_HOME or in systemd's $STATE_DIRECTORY, else
 * ~/.local/state/hsmime, in out; without $HOME the home of the user database counts. Returns 0, or
 * -1 where none of these is an absolute path, or it is too long; out is then empty.
 */
int state_folder(char *out, size_t size, const char *given);

/* state_folder_make(path): make it with the folders above it, 0700; path is whole again afterwards. 0 or -1. */
int state_folder_make(char *path);

#endif
