/*
 * trace: header fields that tell what became of a mail, on their way to its top: ASCII whatever they tell, folded (RFC
 * 5322 section 2.2.3); and those of the same kind that the mail brought.
 */
#ifndef MAIL_TRACE_H
#define MAIL_TRACE_H

#include <stdbool.h>

#include "mail/header.h"
#include "util/buffer.h"

#define TRACE_LINE 78

struct trace {
	struct buffer text;
	size_t column;
	const char *newline;
};

/*
 * trace_init(t, newline): no field yet. trace_free(t). What does not fit into memory leaves t->text.status, which
 * sticks; the other functions need not be checked.
 */
void trace_init(struct trace *t, const char *newline);
void trace_free(struct trace *t);

/* trace_begin(t, name), trace_end(t): around each field. */
void trace_begin(struct trace *t, const char *name);
void trace_end(struct trace *t);

/* trace_word(t, word): printable ASCII without a blank; behind a blank, or on a line of its own. */
void trace_word(struct trace *t, const char *word);

/* trace_more(t, text): right behind what was there last, as a ';'. */
void trace_more(struct trace *t, const char *text);

/*
 * trace_parameter(t, name, value):
 * "name=value" as a MIME parameter, whatever octets value has: a token or quoted where that is possible, else in the extended
 * form, and long ones in pieces (RFC 2231 sections 3 and 4). NULL: nothing.
 */
void trace_parameter(struct trace *t, const char *name, const char *value);

/*
 * trace_property(t, name, value):
 * name="value" as RFC 8601 has it. What is not ASCII becomes \XX as in RFC 4514, a control '?', and blanks one. NULL: nothing.
 */
void trace_property(struct trace *t, const char *name, const char *value);

/* trace_is_id(id): it can be an authserv-id as it stands (RFC 8601 section 2.5): a token. */
bool trace_is_id(const char *id);

#define TRACE_RESULTS "Authentication-Results"

/*
 * trace_is_results_of(own, field, id):
 * Whether field is an Authentication-Results field that claims to be by id, compared without case (RFC 8601 section 5);
 * one that does not say by whom it is is taken for such a one. 0 or HSMIME_ENOMEM.
 */
int trace_is_results_of(bool *own, const struct header_field *field, const char *id);

#endif
