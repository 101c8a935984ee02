/*
 * limit: the hint that goes with the words of every limit on what is read: such input is
 * not damaged, and sending it again would not help.
 */
#ifndef UTIL_LIMIT_H
#define UTIL_LIMIT_H

#include "util/error.h"

/* limit_hint(err): returns err's code. */
static inline int limit_hint(struct error *err)
{
	return error_hint(err,
	    "hsmime does not take more than that, which no usual mail comes near to; "
	    "it can't be set");
}

#endif
