/*
 * nearest: which known word somebody may have meant.
 */
#ifndef CLI_NEAREST_H
#define CLI_NEAREST_H

#include <stddef.h>

/* nearest(word, names, count): the name most like word, or NULL where none is near. */
const char *nearest(const char *word, const char *const *names, size_t count);

#endif
