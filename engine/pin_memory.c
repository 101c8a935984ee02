#include "engine/pin_memory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "engine/log.h"
#include "engine/pin.h"
#include "engine/pin_names.h"
#include "engine/process_id.h"
#include "engine/slot.h"
#include "util/buffer.h"
#include "util/state_folder.h"

#define ELSEWHERE_MAX 60 /* seconds that a process which can't be seen may take for a login */
#define RECORD_MAX 8192  /* octets */

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

/* Who else may write there could lock a user out, or make hsmime forget. */
static int open_folder(const struct pin_memory *m)
{
	int fd = open(m->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	struct stat st;

	if (fd >= 0 && (fstat(fd, &st) != 0 || st.st_uid != geteuid() || (st.st_mode & 022) != 0)) {
		close(fd);
		fd = -1;
		errno = EPERM;
	}
	return fd;
}

/* What a record says. */
struct record {
	char state[PIN_STATE_ROOM];
	char process[PROCESS_ID_ROOM];
	time_t time; /* when it was written */
};

static void take_line(char *out, size_t size, const char *text, const char *name)
{
	const char *at = strstr(text, name);
	size_t len;

	out[0] = '\0';
	if (at == NULL || (at != text && at[-1] != '\n'))
		return;
	at += strlen(name);
	len = strcspn(at, "\n");
	if (len < size && at[len] == '\n')
		snprintf(out, size, "%.*s", (int)len, at);
}

static bool read_record(struct record *r, int folder, const char *name)
{
	char text[RECORD_MAX];
	struct stat st = { 0 };
	int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	ssize_t n;

	if (fd < 0)
		return false;
	n = read(fd, text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = '\0';
	(void)fstat(fd, &st);
	close(fd);
	r->time = st.st_mtim.tv_sec;
	take_line(r->state, sizeof(r->state), text, "state: ");
	take_line(r->process, sizeof(r->process), text, "process: ");
	return true;
}

/* A record that is not whole is one that is being written, or was when its process ended. */
static bool under_way(const struct record *r)
{
	enum process_state state =
	    r->process[0] != '\0' ? process_state(r->process) : PROCESS_ELSEWHERE;

	if (state == PROCESS_ELSEWHERE)
		return time(NULL) - r->time < ELSEWHERE_MAX;
	return state == PROCESS_LIVES;
}

/* What is done with each record whose name begins with that of a token, or of a try. */
typedef bool (*each_record)(void *arg, int folder, const char *name);

static size_t for_each(int folder, const char *beginning, each_record each, void *arg)
{
	int copy = fcntl(folder, F_DUPFD_CLOEXEC, 0);
	DIR *dir = copy >= 0 ? fdopendir(copy) : NULL;
	const struct dirent *entry;
	size_t count = 0;

	if (dir == NULL) {
		if (copy >= 0)
			close(copy);
		return 0;
	}
	rewinddir(dir);
	while ((entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.' &&
		    strncmp(entry->d_name, beginning, strlen(beginning)) == 0)
			count += each(arg, folder, entry->d_name);
	closedir(dir);
	return count;
}

/* Behind the name of a try that was refused stands nothing, of one that is under way a number. */
static bool is_done(const char *name)
{
	return strchr(name, '.') == NULL;
}

static bool stands_against(void *arg, int folder, const char *name)
{
	const struct pin_try *try = arg;
	struct record r;

	if (strcmp(name, try->record) == 0 || !read_record(&r, folder, name))
		return false;
	if (!is_done(name) && under_way(&r))
		return false;
	/* Not whole: nobody knows what it was of. */
	return r.state[0] == '\0' || strcmp(r.state, try->state) == 0;
}

static int refuse(const struct pin_try *try, struct error *err)
{
	const bool file = strcmp(try->state, PIN_UNCHANGING) != 0;

	error_set(err, HSMIME_EPIN,
	    "token \"%s\" refused the PIN of this %s before; it is not tried again",
	    try->token->label, try->source->kind == PIN_CRED ? "credential" : "source");
	return error_hint(err,
	    "%s; \"hsmime pin forget\", or a login by a person, allows one more try",
	    file ? "put the right PIN into the file, which counts as another then"
		 : "correct the PIN where it comes from");
}

static int check(struct pin_try *try, struct error *err)
{
	int folder = open_folder(try->memory);
	size_t against = folder >= 0 ? for_each(folder, try->name, stands_against, try) : 0;

	if (folder >= 0)
		close(folder);
	return against > 0 ? refuse(try, err) : 0;
}

int pin_memory_look(struct pin_try *try, const struct pin_source *source, const struct token *t,
    enum hsmime_pin_kind kind, struct error *err)
{
	char token[PIN_NAME_ROOM], of[PIN_NAME_ROOM];

	*try = (struct pin_try){ source->memory, t, source, kind, "", "", "" };
	if (source->memory == NULL)
		return 0;
	if (!pin_name_token(token, t) || !pin_name_source(of, source))
		return error_openssl(err, HSMIME_EINTERNAL, "can't digest");
	snprintf(try->name, sizeof(try->name), "%s-%u-%s", token, (unsigned)kind % 10, of);
	pin_source_state(try->state, source);
	return check(try, err);
}

/* For people; a command's text may hold a secret of its own. */
static int write_record(const struct pin_try *try, int fd)
{
	const struct pin_source *source = try->source;
	char process[PROCESS_ID_ROOM];
	struct buffer text;
	int done;

	process_id(process);
	buffer_init(&text, RECORD_MAX - 1);
	buffer_printf(&text, "state: %s\nprocess: %s\nserial: ", try->state, process);
	buffer_printf(&text, "%s\nlabel: %s\nsource: %s:", try->token->serial, try->token->label,
	    pin_source_kind(source));
	if (source->kind != PIN_COMMAND && strlen(source->name) < RECORD_MAX / 2)
		buffer_add_string(&text, source->name);
	buffer_add(&text, "\n", 1);
	done = text.status == 0 && write(fd, text.data, text.len) == (ssize_t)text.len ? 0 : -1;
	buffer_free(&text);
	return done;
}

/* A process before us may have had our number. */
static int create(struct pin_try *try, int folder)
{
	int fd = -1;

	errno = EEXIST;
	for (int i = 0; fd < 0 && errno == EEXIST && i < 1000; i++) {
		snprintf(try->record, sizeof(try->record), "%s.%ld-%u", try->name, (long)getpid(),
		    atomic_fetch_add(&try->memory->tries, 1));
		fd = openat(folder, try->record,
		    O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	}
	return fd;
}

static int make_folder(const struct pin_memory *m)
{
	int folder = open_folder(m);

	if (folder < 0 && errno == ENOENT && state_folder_make(m->folder) == 0)
		folder = open_folder(m);
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

static bool record(struct pin_try *try)
{
	int folder = make_folder(try->memory);
	int fd, done;

	if (folder < 0)
		return false;
	fd = create(try, folder);
	done = fd >= 0 ? write_record(try, fd) : -1;
	if (fd >= 0)
		close(fd);
	if (done < 0 && fd >= 0)
		unlinkat(folder, try->record, 0);
	close(folder);
	return done == 0;
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
	r = check(try, err);
	if (r < 0)
		pin_memory_end(try, PIN_VOID);
	return r;
}

/* A process that is still at it removes its own. */
static bool remove_done(void *arg, int folder, const char *name)
{
	struct record r;

	(void)arg;
	if (!is_done(name) && read_record(&r, folder, name) && under_way(&r))
		return false;
	return unlinkat(folder, name, 0) == 0;
}

/* It has to outlast a power failure: that is when much starts at once. */
static void keep(const struct pin_try *try, int folder)
{
	int fd = openat(folder, try->record, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd >= 0) {
		(void)fsync(fd);
		close(fd);
	}
	if (renameat(folder, try->record, folder, try->name) == 0)
		(void)fsync(folder);
}

void pin_memory_end(struct pin_try *try, enum pin_outcome outcome)
{
	int folder = try->memory != NULL ? open_folder(try->memory) : -1;

	if (folder < 0)
		return;
	if (outcome == PIN_REFUSED)
		keep(try, folder);
	else
		unlinkat(folder, try->record, 0);
	if (outcome == PIN_ACCEPTED)
		for_each(folder, try->name, remove_done, NULL);
	close(folder);
}

static void clear(struct pin_memory *m, const char *beginning)
{
	int folder = m != NULL ? open_folder(m) : -1;

	if (folder < 0)
		return;
	for_each(folder, beginning, remove_done, NULL);
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
