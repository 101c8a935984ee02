#include "engine/pin_turn.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "engine/log.h"
#include "engine/pin_memory.h"
#include "engine/pin_record.h"

#define POLL 2000000L /* nanoseconds between two looks at first, and ten times as many at last */
#define NAME_ROOM (PIN_TRY_NAME + 16)

struct turn {
	int folder;
	char name[NAME_ROOM], accepted[NAME_ROOM];
	const char *record, *state;
	ino_t before;                  /* the accepted record when the waiting began; 0: none */
	char process[PROCESS_ID_ROOM]; /* that is waited for */
	struct timespec since;
	bool said;
};

static void name_turn(char out[NAME_ROOM], const char *name)
{
	snprintf(out, NAME_ROOM, ".%s.turn", name);
}

/* The accepted record in that state; 0: there is none. */
static ino_t accepted(const struct turn *t)
{
	struct pin_record r;

	if (!pin_record_read(&r, t->folder, t->accepted) || strcmp(r.state, t->state) != 0)
		return 0;
	return r.file;
}

/* Whether who has the turn is to be waited for. */
static bool is_busy(const struct pin_record *r)
{
	char self[PROCESS_ID_ROOM];

	process_id(self);
	return strcmp(r->process, self) != 0 && pin_record_lives(r);
}

/*
 * Who died has none, and neither has what says nothing. Another one may have seen that too and have the
 * turn by now: it gets it back. False where it can't be taken away.
 */
static bool take_away(const struct turn *t)
{
	char aside[NAME_ROOM + 8];
	struct pin_record r;
	int back = 0;

	snprintf(aside, sizeof(aside), "%s.old", t->record);
	if (renameat(t->folder, t->name, t->folder, aside) != 0)
		return errno == ENOENT;
	if (pin_record_read(&r, t->folder, aside) && is_busy(&r))
		back = linkat(t->folder, aside, t->folder, t->name, 0);
	(void)back;
	unlinkat(t->folder, aside, 0);
	return true;
}

/* Of one process; the next that has the turn may take as long again. */
static bool too_long(struct turn *t, const struct pin_record *r, const char *label)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (strcmp(t->process, r->process) != 0) {
		snprintf(t->process, sizeof(t->process), "%s", r->process);
		t->since = now;
	}
	if (!t->said)
		log_say(1,
		    "another process is logging in to token \"%s\" with the same PIN source: this "
		    "one waits for what comes of it",
		    label);
	t->said = true;
	return now.tv_sec - t->since.tv_sec > PIN_TURN_WAIT;
}

bool pin_turn_take(
    int folder, const char *name, const char *record, const char *state, const char *label)
{
	struct turn t = { .folder = folder, .record = record, .state = state };
	struct timespec moment = { 0, POLL };

	name_turn(t.name, name);
	snprintf(t.accepted, sizeof(t.accepted), ".%s", name);
	t.before = accepted(&t);
	while (linkat(folder, record, folder, t.name, 0) != 0) {
		struct pin_record r;
		ino_t now;

		if (errno != EEXIST)
			return false;
		if (!pin_record_read(&r, folder, t.name) || !is_busy(&r)) {
			if (!take_away(&t))
				return false;
			continue;
		}
		now = accepted(&t);
		if ((now != 0 && now != t.before) || too_long(&t, &r, label))
			return false;
		nanosleep(&moment, NULL);
		if (moment.tv_nsec < 10 * POLL)
			moment.tv_nsec += POLL;
	}
	return true;
}

void pin_turn_leave(int folder, const char *name)
{
	char turn[NAME_ROOM];

	name_turn(turn, name);
	unlinkat(folder, turn, 0);
}
