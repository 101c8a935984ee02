/*
 * glance: what a command line asks for before it is parsed, or where it can't be: how a failure
 * is reported must not depend on what failed.
 */
#ifndef CLI_GLANCE_H
#define CLI_GLANCE_H

#include "options.h"

/*
 * glance(argc, argv, id):
 * The last value that the arguments behind argv[0] give the option, "true" for a flag; NULL
 * where they don't. What is not understood is passed over.
 */
const char *glance(int argc, char **argv, enum option_id id);

/* glance_content(command, output): whether content goes to standard output; output is --output's value or NULL. */
bool glance_content(unsigned command, const char *output);

#endif
