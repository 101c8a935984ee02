/* The shared library is made of the layers' archives; a library target needs a source of its own. */
#include <hsmime/hsmime.h>

/* Keeps the translation unit from being empty (ISO C 6.9). */
typedef int hsmime_library;
