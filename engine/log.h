/*
 * log: where the messages of this layer go: to whom the calling thread works for. An engine
 * serves several, who come and go, so it keeps none of their callbacks.
 *
 * A callback may call hsmime again. So while the thread is within a gate (engine/gate.h) or has a
 * session (engine/work.h), which the callback might then wait for in vain, messages are held back.
 */
#ifndef ENGINE_LOG_H
#define ENGINE_LOG_H

#include <stdbool.h>

#include <hsmime/context.h>

struct log_target {
	hsmime_log_callback call; /* NULL: nobody listens */
	void *arg;
};

/* log_to(target): from here on this thread's messages go there. Returns where they went before. */
struct log_target log_to(struct log_target target);

/* log_say(level, fmt, ...): a message of one line (hsmime_log_callback). Never a secret. */
void log_say(int level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* log_say_now(fmt, ...): of level 0, at once, whatever is held: for what a person is to do now. */
void log_say_now(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* log_hold(): keep what is said from here on. log_release(): after as many calls, give it out, in order. */
void log_hold(void);
void log_release(void);

/*
 * For a thread that does this one's work meanwhile (engine/zone.h). log_holds(): whether messages
 * are held here. log_kept(): where those are, from which this thread, or another one when this one
 * says nothing any more, log_takes them, to log_give them on.
 */
struct log_message;
bool log_holds(void);
struct log_message **log_kept(void);
struct log_message *log_take(struct log_message **kept);
void log_give(struct log_message *first);

#endif
