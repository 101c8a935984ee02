/*
 * diagnose_names: the keys that somebody asks about (struct diagnosis_keys), read.
 */
#ifndef ENGINE_DIAGNOSE_NAMES_H
#define ENGINE_DIAGNOSE_NAMES_H

#include "engine/diagnose.h"
#include "engine/object.h"
#include "engine/selector.h"
#include "engine/uri.h"

struct pin_source;

struct name {
	struct selector selector;
	struct uri uri; /* where the selector is one */
};

/* Zero before use; free with names_free. */
struct names {
	struct name *list;
	size_t count; /* 0: all are meant */
};

/*
 * names_read(n, keys, m, err): m: of URIs that name a module, whether it is one of m's; NULL: that is not
 * looked at. 0, or as selector_parse and uri_parse.
 */
int names_read(
    struct names *n, const struct diagnosis_keys *keys, const struct module *m, struct error *err);
void names_free(struct names *n);

/* names_object(n, index, t, o, cert): whether that one of them names o on t; cert: o's, or NULL. */
bool names_object(
    const struct names *n, size_t index, const struct token *t, const struct object *o, X509 *cert);

/*
 * names_pin(out, n, t, base, err): the PIN source of the first URI that is for t and has one; *out is
 * NULL where none has. As pin_source_from_uri.
 */
int names_pin(struct pin_source **out, const struct names *n, const struct token *t,
    const struct pin_source *base, struct error *err);

#endif
