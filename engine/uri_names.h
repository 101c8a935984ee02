/*
 * uri_names: the names of the attributes in a URI's text, of which p11-kit tells too little: of a
 * repeated attribute it takes the last one, and one that it does not know behind the "?" it ignores.
 */
#ifndef ENGINE_URI_NAMES_H
#define ENGINE_URI_NAMES_H

#include <stdbool.h>
#include <stddef.h>

/*
 * uri_names_repeated(text): an attribute that is there twice in a URI that p11-kit parsed, or NULL.
 * RFC 7512 section 2.3 forbids it, but for vendors' attributes of the query. p11-kit knows some
 * attributes by an older name too, which is the same attribute.
 */
const char *uri_names_repeated(const char *text);

/*
 * uri_names_ignored(name, size, text): the first attribute of the query that is not known, cut to size
 * octets with the NUL; false: there is none. RFC 7512 section 2.5 has such a one ignored, which is to
 * be told: it may be a mistyped pin-source.
 */
bool uri_names_ignored(char *name, size_t size, const char *text);

#endif
