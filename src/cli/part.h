/*
 * part: the modules of the tool: what only some commands need, and takes time to load.
 */
#ifndef CLI_PART_H
#define CLI_PART_H

/*
 * part_symbol(module, name, why):
 * What module, a path from the tool's own folder on, has by that name; it stays loaded. NULL where
 * it can't be had, *why says why.
 */
void *part_symbol(const char *module, const char *name, const char **why);

#endif
