/*
 * rules: which options of a command line need each other, and which exclude each other.
 */
#ifndef CLI_RULES_H
#define CLI_RULES_H

#include "options.h"

/* rules_check(o): 0, or 2 after an error message. Only the command line is judged. */
int rules_check(const struct options *o);

#endif
