/*
 * plugin: a part of this layer that is a file of its own, and loaded where it is asked for: no other command pays for
 * the libraries that it needs.
 */
#ifndef ARCHIVE_PLUGIN_H
#define ARCHIVE_PLUGIN_H

#include "util/error.h"

/*
 * plugin_load(library, symbol, kind, name, err):
 * *symbol is what is called name in hsmime/hsmime-journal-KIND.so beside the library; *library is for dlclose, NULL where
 * nothing was loaded. 0, or plugin_missing.
 * plugin_missing(kind, why, err): HSMIME_EUNSUPPORTED, with words on what to install.
 */
int plugin_load(
    void **library, const void **symbol, const char *kind, const char *name, struct error *err);
int plugin_missing(const char *kind, const char *why, struct error *err);

#endif
