/*
 * uri_names: the names of the attributes in a URI's text, of which p11-kit tells too little: of a
 * repeated attribute it takes the last one.
 */
#ifndef ENGINE_URI_NAMES_H
#define ENGINE_URI_NAMES_H

/*
 * uri_names_repeated(text): an attribute that is there twice in a URI that p11-kit parsed, or NULL.
 * RFC 7512 section 2.3 forbids it, but for vendors' attributes of the query. p11-kit knows some
 * attributes by an older name too, which is the same attribute.
 */
const char *uri_names_repeated(const char *text);

#endif
