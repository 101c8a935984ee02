#include "engine/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/error.h"

#define MESSAGE_MAX 512 /* octets, with the NUL */

/* One that is held back. */
struct log_message {
	struct log_message *next;
	struct log_target target;
	int level;
	char text[MESSAGE_MAX];
};

static _Thread_local struct log_target current;
static _Thread_local unsigned holds;
static _Thread_local struct log_message *held;

struct log_target log_to(struct log_target target)
{
	struct log_target before = current;

	current = target;
	return before;
}

static void append(struct log_message *m)
{
	struct log_message **at = &held;

	while (*at != NULL)
		at = &(*at)->next;
	*at = m;
}

/* Without memory it is better said at once than not at all. */
static bool hold(int level, const char *text)
{
	struct log_message *m = holds > 0 ? malloc(sizeof(*m)) : NULL;

	if (m == NULL)
		return false;
	m->next = NULL;
	m->target = current;
	m->level = level;
	memcpy(m->text, text, sizeof(m->text));
	append(m);
	return true;
}

/* What is printed on a token is in it. */
__attribute__((format(printf, 2, 0))) static void write_out(
    char *text, const char *fmt, va_list args)
{
	vsnprintf(text, MESSAGE_MAX, fmt, args);
	error_tidy(text);
}

void log_say(int level, const char *fmt, ...)
{
	char text[MESSAGE_MAX];
	va_list args;

	if (current.call == NULL)
		return;
	va_start(args, fmt);
	write_out(text, fmt, args);
	va_end(args);
	if (!hold(level, text))
		current.call(current.arg, level, text);
}

void log_say_now(const char *fmt, ...)
{
	char text[MESSAGE_MAX];
	va_list args;

	if (current.call == NULL)
		return;
	va_start(args, fmt);
	write_out(text, fmt, args);
	va_end(args);
	current.call(current.arg, 0, text);
}

void log_hold(void)
{
	holds++;
}

/* A callback may say more, and hold and release again. */
void log_release(void)
{
	if (holds > 0)
		holds--;
	if (holds > 0)
		return;
	while (held != NULL) {
		struct log_message *m = held;

		held = m->next;
		m->target.call(m->target.arg, m->level, m->text);
		free(m);
	}
}

bool log_holds(void)
{
	return holds > 0;
}

struct log_message **log_kept(void)
{
	return &held;
}

struct log_message *log_take(struct log_message **kept)
{
	struct log_message *first = *kept;

	*kept = NULL;
	return first;
}

void log_give(struct log_message *first)
{
	log_hold();
	if (first != NULL)
		append(first);
	log_release();
}
