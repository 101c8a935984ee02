/*
 * hex: octets as hexadecimal digits.
 */
#ifndef UTIL_HEX_H
#define UTIL_HEX_H

#include <stddef.h>

/* hex_lower(out, data, len), hex_upper: two digits for each octet and a NUL: out has room for 2 * len + 1. */
void hex_lower(char *out, const void *data, size_t len);
void hex_upper(char *out, const void *data, size_t len);

#endif
