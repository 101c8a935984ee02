/*
 * process_id: a process, told apart from a later one with the same number and from those of
 * other hosts and containers.
 */
#ifndef ENGINE_PROCESS_ID_H
#define ENGINE_PROCESS_ID_H

#define PROCESS_ID_ROOM 128

/* process_id(out): this process, as a word. */
void process_id(char out[PROCESS_ID_ROOM]);

/*
 * process_state(id): whether the process that wrote id lives. PROCESS_ELSEWHERE: it can't be seen
 * from here: another host, an earlier start of this one, or another container.
 */
enum process_state { PROCESS_GONE, PROCESS_LIVES, PROCESS_ELSEWHERE };
enum process_state process_state(const char *id);

#endif
