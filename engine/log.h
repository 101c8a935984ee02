/*
 * log: where the messages of this layer go: to whom the calling thread works for. An engine
 * serves several, who come and go, so it keeps none of their callbacks.
 */
#ifndef ENGINE_LOG_H
#define ENGINE_LOG_H

#include <hsmime/context.h>

struct log_target {
	hsmime_log_callback call; /* NULL: nobody listens */
	void *arg;
};

/* log_to(target): from here on this thread's messages go there. Returns where they went before. */
struct log_target log_to(struct log_target target);

/* log_say(level, fmt, ...): a message of one line (hsmime_log_callback). Never a secret. */
void log_say(int level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
