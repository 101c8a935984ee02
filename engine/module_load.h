/*
 * module_load: a module's shared library, and the functions that it has.
 */
#ifndef ENGINE_MODULE_LOAD_H
#define ENGINE_MODULE_LOAD_H

#include <p11-kit/pkcs11.h>

#include "util/error.h"

struct module;

/*
 * module_load(m, err): load the file at m->path, once; m->file, functions and proxy are set. 0 or
 * HSMIME_ETOKEN.
 */
int module_load(struct module *m, struct error *err);

/* module_failed(m, rv, err): HSMIME_ETOKEN: m does not start, for rv. */
int module_failed(struct module *m, CK_RV rv, struct error *err);

#endif
