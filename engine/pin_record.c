#include "engine/pin_record.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/pin.h"
#include "engine/slot.h"
#include "util/buffer.h"

#define ELSEWHERE_MAX 60 /* seconds that a process which can't be seen may take for a login */

/* Who else may write there could lock a user out, or make hsmime forget. */
int pin_record_folder(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	struct stat st;

	if (fd >= 0 && (fstat(fd, &st) != 0 || st.st_uid != geteuid() || (st.st_mode & 022) != 0)) {
		close(fd);
		fd = -1;
		errno = EPERM;
	}
	return fd;
}

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

bool pin_record_read(struct pin_record *r, int folder, const char *name)
{
	char text[PIN_RECORD_MAX];
	struct stat st = { 0 };
	int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	ssize_t n;

	*r = (struct pin_record){ 0 };
	if (fd < 0)
		return false;
	n = read(fd, text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = '\0';
	(void)fstat(fd, &st);
	close(fd);
	r->time = st.st_mtim.tv_sec;
	r->file = st.st_ino;
	take_line(r->state, sizeof(r->state), text, "state: ");
	take_line(r->process, sizeof(r->process), text, "process: ");
	take_line(r->answer, sizeof(r->answer), text, "answer: ");
	return true;
}

bool pin_record_lives(const struct pin_record *r)
{
	enum process_state state =
	    r->process[0] != '\0' ? process_state(r->process) : PROCESS_ELSEWHERE;

	if (state == PROCESS_ELSEWHERE)
		return time(NULL) - r->time < ELSEWHERE_MAX;
	return state == PROCESS_LIVES;
}

bool pin_record_is_done(const char *name)
{
	return strchr(name + (name[0] == '.'), '.') == NULL;
}

static bool is_file(const char *name)
{
	return strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

size_t pin_record_for_each(int folder, const char *beginning, pin_record_each each, void *arg)
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
		if (is_file(entry->d_name) &&
		    strncmp(entry->d_name, beginning, strlen(beginning)) == 0)
			count += each(arg, folder, entry->d_name);
	closedir(dir);
	return count;
}

/* A process that is still at it removes its own. */
static bool remove_one(void *arg, int folder, const char *name)
{
	struct pin_record r;

	(void)arg;
	if (!pin_record_is_done(name) && pin_record_read(&r, folder, name) && pin_record_lives(&r))
		return false;
	return unlinkat(folder, name, 0) == 0;
}

void pin_record_sweep(int folder, const char *beginning)
{
	pin_record_for_each(folder, beginning, remove_one, NULL);
}

/* For people; a command's text may hold a secret of its own. */
bool pin_record_write(
    int fd, const char *state, const struct token *t, const struct pin_source *source)
{
	char process[PROCESS_ID_ROOM];
	struct buffer text;
	bool done;

	process_id(process);
	buffer_init(&text, PIN_RECORD_MAX - 1 - PIN_ANSWER_ROOM);
	buffer_printf(&text, "state: %s\nprocess: %s\nserial: ", state, process);
	buffer_printf(
	    &text, "%s\nlabel: %s\nsource: %s:", t->serial, t->label, pin_source_kind(source));
	if (source->kind != PIN_COMMAND && strlen(source->name) < PIN_RECORD_MAX / 2)
		buffer_add_string(&text, source->name);
	buffer_add(&text, "\n", 1);
	done = text.status == 0 && write(fd, text.data, text.len) == (ssize_t)text.len;
	buffer_free(&text);
	return done;
}
