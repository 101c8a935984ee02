#include "proxy_control.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "proxy_commands.h"
#include "proxy_plan.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* Under the lock, but for the names, which C_Initialize sets. */
static struct {
	char *path;
	char *folder;
	char *counts;
	char *events;
	struct stat seen;
	long done; /* octets of the file that were carried out */
} control;

static char *copy_of(const char *name)
{
	const char *value = getenv(name);

	return value != NULL ? strdup(value) : NULL;
}

static void at_exit(void) __attribute__((destructor));

static void at_exit(void)
{
	control_write_counts();
}

void control_start(void)
{
	char *slash = NULL;

	pthread_mutex_lock(&lock);
	if (control.path == NULL && control.counts == NULL && control.events == NULL) {
		control.path = copy_of("PROXY_CONTROL");
		control.counts = copy_of("PROXY_COUNTS");
		control.events = copy_of("PROXY_EVENTS");
		control.folder = copy_of("PROXY_CONTROL");
		slash = control.folder != NULL ? strrchr(control.folder, '/') : NULL;
		if (slash != NULL)
			*slash = '\0';
	}
	pthread_mutex_unlock(&lock);
}

const char *control_folder(void)
{
	return control.folder;
}

static bool same(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* A line that has no end yet is still being written. */
static void carry_out(FILE *in)
{
	char line[512];

	if (fseek(in, control.done, SEEK_SET) != 0)
		abort();
	while (fgets(line, sizeof(line), in) != NULL && strchr(line, '\n') != NULL) {
		control.done = ftell(in);
		commands_run(line);
	}
}

void control_poll(void)
{
	struct stat now;
	FILE *in = NULL;

	if (control.path == NULL)
		return;
	pthread_mutex_lock(&lock);
	if (stat(control.path, &now) == 0 && !same(&now, &control.seen)) {
		if (now.st_ino != control.seen.st_ino || now.st_size < control.done)
			control.done = 0;
		control.seen = now;
		in = fopen(control.path, "re");
	}
	if (in != NULL) {
		carry_out(in);
		fclose(in);
	}
	pthread_mutex_unlock(&lock);
}

/* By rename, so that a reader sees all of it or nothing. */
void control_write_counts(void)
{
	char temporary[512];
	FILE *out = NULL;

	if (control.counts == NULL)
		return;
	snprintf(temporary, sizeof(temporary), "%s.new", control.counts);
	out = fopen(temporary, "we");
	if (out == NULL)
		return;
	commands_write_state(out);
	plan_write_counts(out);
	if (fclose(out) != 0 || rename(temporary, control.counts) != 0)
		fprintf(stderr, "proxy: can't write %s\n", control.counts);
}

void control_event(const char *what, const char *name)
{
	FILE *out = NULL;

	control_write_counts();
	if (control.events == NULL)
		return;
	out = fopen(control.events, "ae");
	if (out == NULL)
		return;
	fprintf(out, name != NULL ? "%s %s\n" : "%s\n", what, name);
	fclose(out);
}
