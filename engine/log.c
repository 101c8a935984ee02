#include "engine/log.h"

#include <stdarg.h>
#include <stdio.h>

#include "util/error.h"

static _Thread_local struct log_target current;

struct log_target log_to(struct log_target target)
{
	struct log_target before = current;

	current = target;
	return before;
}

void log_say(int level, const char *fmt, ...)
{
	char text[512];
	va_list args;

	if (current.call == NULL)
		return;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	/* What is printed on a token is in it. */
	error_tidy(text);
	current.call(current.arg, level, text);
}
