/*
 * pin_record: the files of the PIN memory, one for each token and source: who and where, and the
 * token's answer. Visible are those of PINs that were sent: with a dot and a number in its name one
 * that is under way, without it one that counts as refused. Hidden, behind a dot, are the state in
 * which a source was accepted last (".NAME"), the turn (engine/pin_turn.h), and who waits for it.
 */
#ifndef ENGINE_PIN_RECORD_H
#define ENGINE_PIN_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <time.h>

#include "engine/pin_names.h"
#include "engine/process_id.h"

#define PIN_RECORD_MAX 8192 /* octets */
#define PIN_ANSWER_ROOM 48

struct token;
struct pin_source;

/* What a record says; what it lacks is "". */
struct pin_record {
	char state[PIN_STATE_ROOM];
	char process[PROCESS_ID_ROOM];
	char answer[PIN_ANSWER_ROOM]; /* "CKR_…" */
	time_t time;                  /* when it was written */
	ino_t file;
};

/* pin_record_folder(path): its descriptor; -1 also where others may write there. */
int pin_record_folder(const char *path);

/* pin_record_read(r, folder, name): false where there is none. */
bool pin_record_read(struct pin_record *r, int folder, const char *name);

/* pin_record_write(fd, state, t, source): of this process. Whether it is written. */
bool pin_record_write(
    int fd, const char *state, const struct token *t, const struct pin_source *source);

/*
 * pin_record_lives(r): its process is still at it, as far as can be seen. One that is not whole is
 * being written, or was when its process ended.
 */
bool pin_record_lives(const struct pin_record *r);

/* pin_record_is_done(name): the name is not that of one under way. */
bool pin_record_is_done(const char *name);

/* What is done with each file whose name begins so; it may remove it. How many gave true. */
typedef bool (*pin_record_each)(void *arg, int folder, const char *name);
size_t pin_record_for_each(int folder, const char *beginning, pin_record_each each, void *arg);

/* pin_record_sweep(folder, beginning): remove them, but for those of processes that are still at it. */
void pin_record_sweep(int folder, const char *beginning);

#endif
