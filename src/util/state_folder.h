/*
 * state_folder: where hsmime keeps, per user, what is to outlive a process.
 */
#ifndef UTIL_STATE_FOLDER_H
#define UTIL_STATE_FOLDER_H

#include <stddef.h>

/*
 * state_folder(out, size, given):
 * given, else $XDG_STATE_HOME/hsmime, else ~/.local/state/hsmime, in out. Returns 0, or -1 where
 * neither variable holds an absolute path or it is too long; out is then empty.
 */
int state_folder(char *out, size_t size, const char *given);

/* state_folder_make(path): make it with the folders above it, 0700; path is whole again afterwards. 0 or -1. */
int state_folder_make(char *path);

#endif
