/*
 * constant_time: comparisons and choices whose time and memory accesses do
 * not depend on the values. A truth is 1 or 0; a mask is all ones or all zeros.
 */
#ifndef ENGINE_CONSTANT_TIME_H
#define ENGINE_CONSTANT_TIME_H

#include <stddef.h>
#include <stdint.h>

/* ct_hide(x): x, of whose value the compiler knows nothing, so that it makes no branch of it. */
static inline size_t ct_hide(size_t x)
{
	__asm__("" : "+r"(x));
	return x;
}

/* ct_mask(truth): the mask of a truth. */
static inline size_t ct_mask(size_t truth)
{
	return (size_t)0 - ct_hide(truth);
}

/* ct_is_zero(x), ct_equal(a, b), ct_less(a, b): truths. */
static inline size_t ct_is_zero(size_t x)
{
	return ct_hide(~x & (x - 1)) >> (sizeof(size_t) * 8 - 1);
}

static inline size_t ct_equal(size_t a, size_t b)
{
	return ct_is_zero(a ^ b);
}

static inline size_t ct_less(size_t a, size_t b)
{
	return ct_hide(a ^ ((a ^ b) | ((a - b) ^ b))) >> (sizeof(size_t) * 8 - 1);
}

/* ct_select(truth, a, b): truth ? a : b. */
static inline size_t ct_select(size_t truth, size_t a, size_t b)
{
	size_t mask = ct_mask(truth);

	return (a & mask) | (b & ~mask);
}

#endif
