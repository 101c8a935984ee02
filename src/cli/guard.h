/*
 * guard: what holds for the whole process: descriptors 0, 1 and 2 are open, no
 * core dumps, secure memory for secrets, and nothing left behind when a signal
 * ends it.
 */
#ifndef CLI_GUARD_H
#define CLI_GUARD_H

#include <stdbool.h>

/*
 * guard_start(many):
 * many: as many threads work at a time, which takes more secure memory. Called first of all. A standard descriptor that is closed is opened on /dev/null, so that no
 * other file gets its number; reading or writing it fails all the same. SIGPIPE and SIGXFSZ are
 * ignored: writing to a closed pipe, or past the limit of a file's size, is an error like another.
 * The other signals that end a process, less those of a crash and SIGKILL, remove temporary files
 * and restore the terminal before they do; one that was ignored at the start stays ignored (nohup).
 */
void guard_start(bool many);

#endif
