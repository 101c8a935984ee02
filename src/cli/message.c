#include "message.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "progress.h"
#include "text/utf8.h"

#define SILENT (-2)

#define LINE_SIZE 2048

static int verbosity;
static char first[LINE_SIZE], second[LINE_SIZE]; /* of the failure's lines */
static const char *warnings[WARNINGS_MAX + 1];
static size_t warning_count;

void message_setup(int asked)
{
	if (verbosity != SILENT)
		verbosity = asked;
}

void message_failure(const char **what, const char **hint)
{
	*what = first;
	*hint = second;
}

void message_silence(void)
{
	verbosity = SILENT;
}

static void say(int needed, const char *prefix, const char *text)
{
	if (verbosity < needed)
		return;
	progress_clear();
	fputs("hsmime: ", stderr);
	fputs(prefix, stderr);
	utf8_print(stderr, text);
	putc('\n', stderr);
}

static void warn(const char *text)
{
	const char *copy = warning_count < WARNINGS_MAX ? strdup(text) : NULL;

	if (copy != NULL)
		warnings[warning_count++] = copy;
	say(0, "warning: ", text);
}

const char *const *message_warnings(void)
{
	return warnings;
}

void message_error(const char *fmt, ...)
{
	char line[LINE_SIZE];
	va_list args;

	va_start(args, fmt);
	vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	if (first[0] == '\0')
		snprintf(first, sizeof(first), "%s", line);
	else if (second[0] == '\0')
		snprintf(second, sizeof(second), "%s", line);
	say(-1, "", line);
}

void message_warning(const char *fmt, ...)
{
	char line[LINE_SIZE];
	va_list args;

	va_start(args, fmt);
	vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	warn(line);
}

void message_note(const char *fmt, ...)
{
	char line[LINE_SIZE];
	va_list args;

	va_start(args, fmt);
	vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	say(0, "", line);
}

void message_no_token(const char *label)
{
	if (label != NULL)
		message_note("there is no token \"%s\"; check --token, --module, and that it is "
			     "plugged in; 'hsmime doctor' tells of modules that do not start",
		    label);
	else
		message_note("there is no token; check --module, and that it is plugged in; "
			     "'hsmime doctor' tells of modules that do not start");
}

void message_log(void *arg, int level, const char *text)
{
	(void)arg;
	if (level <= 0)
		warn(text);
	else
		say(level, "", text);
}
