/*
 * message: lines for people on standard error, each with "hsmime: " before it.
 */
#ifndef CLI_MESSAGE_H
#define CLI_MESSAGE_H

#include <stdbool.h>

/*
 * message_setup(verbosity): -1 errors only, 0 warnings and notes too, 1 and 2 the library's
 * information and detail too. message_silence(): nothing at all from now on, whatever is set
 * up later, because standard error belongs to a report.
 */
void message_setup(int verbosity);
void message_silence(void);

/* One line each, cut at about 2,000 octets; control characters become '?'. */
void message_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void message_warning(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void message_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* message_no_token(label): the note of a list that is empty because no token, or none with that label, is there. */
void message_no_token(const char *label);

/* message_failure(what, hint): the first two lines of message_error, said or silenced; "" where there is none. */
void message_failure(const char **what, const char **hint);

/*
 * message_warnings(): the warnings until now, said or silenced, as a NULL-terminated array for a
 * report; the first WARNINGS_MAX of them.
 */
#define WARNINGS_MAX 100
const char *const *message_warnings(void);

/* message_log: the hsmime_log_callback of the tool. */
void message_log(void *arg, int level, const char *text);

#endif
