#include "engine/pin_memory.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/log.h"
#include "engine/pin.h"
#include "engine/pin_names.h"
#include "engine/pin_record.h"
#include "engine/pin_turn.h"
#include "engine/recovery.h"
#include "engine/slot.h"
#include "util/state_folder.h"

struct pin_memory {
	char *folder;
	atomic_flag warned;
	atomic_uint tries;
};

int pin_memory_new(struct pin_memory **out, const char *state, struct error *err)
{
	struct pin_memory *m = calloc(1, sizeof(*m));
	size_t size = strlen(state) + sizeof("/pins");

	*out = NULL;
	if (m != NULL)
		m->folder = malloc(size);
	if (m == NULL || m->folder == NULL) {
		free(m);
		return error_nomem(err);
	}
	snprintf(m->folder, size, "%s/pins", state);
	atomic_flag_clear(&m->warned);
	atomic_init(&m->tries, 0);
	*out = m;
	return 0;
}

void pin_memory_free(struct pin_memory *m)
{
	if (m == NULL)
		return;
	free(m->folder);
	free(m);
}

/* What stands against a try, the worst first. */
enum against { AGAINST_REFUSED, AGAINST_VAGUE, AGAINST_LOST, AGAINST_DEAD, AGAINST_NOTHING };

struct verdict {
	const struct pin_try *try;
	enum against against;
	char answer[PIN_ANSWER_ROOM];
};

static enum against of_answer(const char *answer)
{
	if (strcmp(answer, "CKR_DEVICE_REMOVED") == 0 || strcmp(answer, "CKR_SLOT_ID_INVALID") == 0)
		return AGAINST_LOST;
	return answer[0] == '\0' || strncmp(answer, "CKR_PIN_", 8) == 0 ? AGAINST_REFUSED
									: AGAINST_VAGUE;
}

/* Not whole: nobody knows what it was of. */
static bool is_of(const struct pin_record *r, const struct pin_try *try)
{
	return r->state[0] == '\0' || strcmp(r->state, try->state) == 0;
}

static bool weigh(void *arg, int folder, const char *name)
{
	struct verdict *v = arg;
	enum against against = AGAINST_DEAD;
	struct pin_record r;

	if (strcmp(name, v->try->record) == 0 || !pin_record_read(&r, folder, name))
		return false;
	if (pin_record_is_done(name))
		against = of_answer(r.answer);
	else if (pin_record_lives(&r))
		return false;
	if (!is_of(&r, v->try) || against >= v->against)
		return false;
	v->against = against;
	snprintf(v->answer, sizeof(v->answer), "%s", r.answer);
	return true;
}

static bool remove_dead(void *arg, int folder, const char *name)
{
	const struct pin_try *try = arg;
	struct pin_record r;

	if (pin_record_is_done(name) || strcmp(name, try->record) == 0 ||
	    !pin_record_read(&r, folder, name) || !is_of(&r, try) || pin_record_lives(&r))
		return false;
	return unlinkat(folder, name, 0) == 0;
}

/* A source in the state in which it was accepted last. */
static bool is_accepted(const struct pin_try *try, int folder)
{
	char name[PIN_TRY_NAME + 1];
	struct pin_record r;

	snprintf(name, sizeof(name), ".%s", try->name);
	return pin_record_read(&r, folder, name) && strcmp(r.state, try->state) == 0;
}

/* Of several at once one removes it. */
static bool use_up_accepted(const struct pin_try *try, int folder)
{
	char name[PIN_TRY_NAME + 1];

	snprintf(name, sizeof(name), ".%s", try->name);
	return is_accepted(try, folder) && unlinkat(folder, name, 0) == 0;
}

static int refuse(const struct verdict *v, struct error *err)
{
	const struct pin_try *try = v->try;
	const char *what = try->source->kind == PIN_CRED ? "credential" : "source";
	const bool file = strcmp(try->state, PIN_UNCHANGING) != 0;

	if (v->against == AGAINST_REFUSED) {
		error_set(err, HSMIME_EPIN,
		    "token \"%s\" refused the PIN of this %s before; it is not tried again",
		    try->token->label, what);
		return error_hint(err,
		    "%s; \"hsmime pin forget\", or a login by a person, allows one more try",
		    file ? "put the right PIN into the file, which counts as another then"
			 : "correct the PIN where it comes from");
	}
	if (v->against == AGAINST_VAGUE)
		error_set(err, HSMIME_EPIN,
		    "token \"%s\" answered %s to the PIN of this %s before; it is not tried again",
		    try->token->label, v->answer, what);
	else
		error_set(err, HSMIME_EPIN,
		    "the PIN of this %s was sent to token \"%s\" before, and its answer never "
		    "came; it is not tried again",
		    what, try->token->label);
	return error_hint(err,
	    "check that the token works and that the PIN is right; \"hsmime pin forget\", or a "
	    "login by a person, allows one more try");
}

/*
 * What nobody lived to see says nothing of a PIN that was right the last time; that is good for one
 * more try, which uses it up.
 */
static int check(struct pin_try *try, bool begins, struct error *err)
{
	struct verdict v = { .try = try, .against = AGAINST_NOTHING };
	int folder = pin_record_folder(try->memory->folder);

	if (folder < 0)
		return 0;
	pin_record_for_each(folder, try->name, weigh, &v);
	if (v.against == AGAINST_DEAD &&
	    (begins ? use_up_accepted(try, folder) : is_accepted(try, folder))) {
		if (begins)
			pin_record_for_each(folder, try->name, remove_dead, try);
		v.against = AGAINST_NOTHING;
	}
	close(folder);
	return v.against != AGAINST_NOTHING ? refuse(&v, err) : 0;
}

int pin_memory_look(struct pin_try *try, const struct pin_source *source, const struct token *t,
    enum hsmime_pin_kind kind, struct error *err)
{
	char token[PIN_NAME_ROOM], of[PIN_NAME_ROOM];

	*try = (struct pin_try){ source->memory, t, source, kind, "", "", "", false };
	if (source->memory == NULL)
		return 0;
	if (!pin_name_token(token, t) || !pin_name_source(of, source))
		return error_openssl(err, HSMIME_EINTERNAL, "can't digest");
	snprintf(try->name, sizeof(try->name), "%s-%u-%s", token, (unsigned)kind % 10, of);
	pin_source_state(try->state, source);
	return check(try, false, err);
}

/*
 * A hidden file at first: who ends while it waits has sent nothing. A process before us may have had
 * our number.
 */
static int create(struct pin_try *try, int folder)
{
	int fd = -1;

	errno = EEXIST;
	for (int i = 0; fd < 0 && errno == EEXIST && i < 1000; i++) {
		snprintf(try->record, sizeof(try->record), ".%s.%ld-%u", try->name, (long)getpid(),
		    atomic_fetch_add(&try->memory->tries, 1));
		fd = openat(folder, try->record,
		    O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	}
	return fd;
}

static int make_folder(const struct pin_memory *m)
{
	int folder = pin_record_folder(m->folder);

	if (folder < 0 && errno == ENOENT && state_folder_make(m->folder) == 0)
		folder = pin_record_folder(m->folder);
	return folder;
}

bool pin_memory_usable(const struct pin_memory *m)
{
	int folder = m != NULL ? make_folder(m) : -1;
	bool usable = folder >= 0 && faccessat(folder, ".", W_OK | X_OK, AT_EACCESS) == 0;

	if (folder >= 0)
		close(folder);
	return usable;
}

/* From here on it counts. */
static bool show(struct pin_try *try, int folder)
{
	const char *shown = try->record + 1;

	if (renameat(folder, try->record, folder, shown) != 0)
		return false;
	memmove(try->record, shown, strlen(shown) + 1);
	return true;
}

static void leave_turn(struct pin_try *try, int folder)
{
	if (try->has_turn)
		pin_turn_leave(folder, try->name);
	try->has_turn = false;
}

static bool record(struct pin_try *try)
{
	int folder = make_folder(try->memory);
	bool done;
	int fd;

	if (folder < 0)
		return false;
	fd = create(try, folder);
	done = fd >= 0 && pin_record_write(fd, try->state, try->token, try->source);
	if (fd >= 0)
		close(fd);
	if (done) {
		try->has_turn =
		    pin_turn_take(folder, try->name, try->record, try->state, try->token->label);
		done = show(try, folder);
	}
	if (!done && fd >= 0)
		unlinkat(folder, try->record, 0);
	if (!done)
		leave_turn(try, folder);
	close(folder);
	return done;
}

int pin_memory_begin(struct pin_try *try, struct error *err)
{
	int r;

	if (try->memory == NULL)
		return 0;
	if (!record(try)) {
		if (!atomic_flag_test_and_set(&try->memory->warned))
			log_say(0,
			    "the state folder can't be used: if the token refuses this PIN, the "
			    "next process does not know it");
		try->memory = NULL;
		return 0;
	}
	r = check(try, true, err);
	if (r < 0)
		pin_memory_end(try, PIN_VOID, CKR_OK);
	return r;
}

bool pin_memory_forgives(const struct pin_try *try)
{
	int folder = try->memory != NULL ? pin_record_folder(try->memory->folder) : -1;
	bool forgiven = folder >= 0 && use_up_accepted(try, folder);

	if (folder >= 0)
		close(folder);
	return forgiven;
}

/* It has to outlast a power failure: that is when much starts at once. */
static void keep(const struct pin_try *try, int folder, CK_RV answer)
{
	int fd = openat(folder, try->record, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW);
	char name[PIN_ANSWER_ROOM];

	if (fd >= 0) {
		dprintf(fd, "answer: %s\n", recovery_name(answer, name, sizeof(name)));
		(void)fsync(fd);
		close(fd);
	}
	if (renameat(folder, try->record, folder, try->name) == 0)
		(void)fsync(folder);
}

static void keep_accepted(const struct pin_try *try, int folder)
{
	char name[PIN_TRY_NAME + 1];

	snprintf(name, sizeof(name), ".%s", try->name);
	if (renameat(folder, try->record, folder, name) != 0)
		unlinkat(folder, try->record, 0);
	pin_record_sweep(folder, try->name);
}

void pin_memory_end(struct pin_try *try, enum pin_outcome outcome, CK_RV answer)
{
	int folder = try->memory != NULL ? pin_record_folder(try->memory->folder) : -1;

	if (folder < 0)
		return;
	if (outcome == PIN_REFUSED)
		keep(try, folder, answer);
	else if (outcome == PIN_ACCEPTED)
		keep_accepted(try, folder);
	else
		unlinkat(folder, try->record, 0);
	leave_turn(try, folder);
	close(folder);
}

static void clear(struct pin_memory *m, const char *beginning)
{
	int folder = m != NULL ? pin_record_folder(m->folder) : -1;
	char hidden[PIN_TRY_NAME + 1];

	if (folder < 0)
		return;
	snprintf(hidden, sizeof(hidden), ".%s", beginning);
	pin_record_sweep(folder, beginning);
	pin_record_sweep(folder, hidden);
	close(folder);
}

void pin_memory_clear(struct pin_memory *m, const struct token *t)
{
	char token[PIN_NAME_ROOM] = "";

	if (t == NULL || pin_name_token(token, t))
		clear(m, token);
}

void pin_memory_clear_kind(struct pin_memory *m, const struct token *t, enum hsmime_pin_kind kind)
{
	char token[PIN_NAME_ROOM], beginning[PIN_TRY_NAME];

	if (m == NULL || !pin_name_token(token, t))
		return;
	snprintf(beginning, sizeof(beginning), "%s-%u-", token, (unsigned)kind % 10);
	clear(m, beginning);
}
