/*
 * candidates: the recipients of a message in an order in which a certificate's
 * is found without comparing it with all of them.
 */
#ifndef ENGINE_CANDIDATES_H
#define ENGINE_CANDIDATES_H

#include <stddef.h>

#include <openssl/x509.h>

#include "engine/engine.h"

struct candidates;

/* candidates_new(all, count): sort them; all is the caller's and stays as it is. NULL: no memory. */
struct candidates *candidates_new(const struct engine_candidate *all, size_t count);

/* candidates_free(c): NULL is allowed. */
void candidates_free(struct candidates *c);

/* candidates_find(index, c, cert): the first in the message's order that names cert. False: none does. */
bool candidates_find(size_t *index, const struct candidates *c, X509 *cert);

#endif
