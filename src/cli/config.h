/*
 * config: settings from files and the environment. The system's file is
 * /etc/hsmime/hsmime.conf, a person's own $XDG_CONFIG_HOME/hsmime/hsmime.conf;
 * then HSMIME_MODULE and HSMIME_PIN_SOURCE; the command line stands above all.
 */
#ifndef CLI_CONFIG_H
#define CLI_CONFIG_H

#include <limits.h>
#include <stdbool.h>

#include "options.h"

/*
 * config_path(path, which):
 * The file's name for RANK_SYSTEM or RANK_USER. False where the environment names no folder for
 * it, or the name is too long.
 */
bool config_path(char path[PATH_MAX], enum option_rank which);

/*
 * config_find(there, path):
 * Whether there is a file. Return 0, or 2 after an error message where that can't be seen, for
 * example for want of rights to its folder: settings are never passed over silently.
 */
int config_find(bool *there, const char *path);

/*
 * config_load(o):
 * Set what the files and the environment say. Unknown groups and keys give a warning. Return 0,
 * or 2 after an error message where a file can't be read or a value is not possible.
 */
int config_load(struct options *o);

#endif
