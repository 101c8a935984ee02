/*
 * find_named: a private key by what its certificate on a token says.
 */
#ifndef ENGINE_FIND_NAMED_H
#define ENGINE_FIND_NAMED_H

#include "engine/engine.h"

struct selector;

/*
 * find_named(found, e, selector, purpose, err): as engine_find_key; selector is no URI. To sign, the
 * certificate has to be valid now; for decryption its dates choose between several only.
 */
int find_named(struct engine_found *found, struct engine *e, const struct selector *selector,
    enum engine_purpose purpose, struct error *err);

#endif
