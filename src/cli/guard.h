/*
 * guard: what holds for the whole process: no core dumps, secure memory for
 * secrets, and nothing left behind when a signal ends it.
 */
#ifndef CLI_GUARD_H
#define CLI_GUARD_H

/*
 * guard_start():
 * Called first of all. SIGPIPE is ignored: writing to a closed pipe is an error like another.
 * SIGHUP, SIGINT, SIGQUIT and SIGTERM remove temporary files and restore the terminal before
 * they end the process; one that was ignored at the start stays ignored (nohup).
 */
void guard_start(void);

#endif
