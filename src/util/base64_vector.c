#include "util/base64_vector.h"

#include <stdbool.h>

#if defined(__x86_64__)

#include <tmmintrin.h>

#define VECTOR __attribute__((target("ssse3")))

#if __has_include(<sys/platform/x86.h>)
#include <sys/platform/x86.h>
#endif

/* The loader has asked the processor already, which takes long in a virtual machine. */
#ifdef CPU_FEATURE_ACTIVE
static bool have_ssse3(void)
{
	return CPU_FEATURE_ACTIVE(SSSE3);
}
#else
static bool have_ssse3(void)
{
	return __builtin_cpu_supports("ssse3") != 0;
}
#endif

/* 12 octets to the 16 values of 6 bits in them. */
VECTOR static __m128i split(__m128i octets)
{
	const __m128i order = _mm_setr_epi8(1, 0, 2, 1, 4, 3, 5, 4, 7, 6, 8, 7, 10, 9, 11, 10);
	__m128i v = _mm_shuffle_epi8(octets, order);
	__m128i odd = _mm_mulhi_epu16(
	    _mm_and_si128(v, _mm_set1_epi32(0x0fc0fc00)), _mm_set1_epi32(0x04000040));
	__m128i even = _mm_mullo_epi16(
	    _mm_and_si128(v, _mm_set1_epi32(0x003f03f0)), _mm_set1_epi32(0x01000010));

	return _mm_or_si128(odd, even);
}

/* A character is its value plus what depends on the range that the value is in. */
VECTOR static __m128i characters(__m128i values)
{
	const __m128i add =
	    _mm_setr_epi8('a' - 26, '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52,
		'0' - 52, '0' - 52, '0' - 52, '0' - 52, '+' - 62, '/' - 63, 'A', 0, 0);
	__m128i range = _mm_subs_epu8(values, _mm_set1_epi8(51));
	__m128i upper = _mm_cmpgt_epi8(_mm_set1_epi8(26), values);

	range = _mm_or_si128(range, _mm_and_si128(upper, _mm_set1_epi8(13)));
	return _mm_add_epi8(values, _mm_shuffle_epi8(add, range));
}

VECTOR static size_t encode(unsigned char *out, const unsigned char *p, size_t triples)
{
	size_t done = 0;

	/* A vector is loaded whole, though only 12 octets of it are used. */
	for (; triples - done >= 6; done += 4) {
		__m128i octets = _mm_loadu_si128((const __m128i *)(const void *)(p + 3 * done));

		_mm_storeu_si128((__m128i *)(void *)(out + 4 * done), characters(split(octets)));
	}
	return done;
}

/*
 * 16 characters to their values. Two tables, by the upper and the lower half of a character, have
 * a bit in common where it is not base64.
 */
VECTOR static bool values_of(__m128i *values, __m128i c)
{
	const __m128i bad_upper = _mm_setr_epi8(0x10, 0x10, 0x01, 0x02, 0x04, 0x08, 0x04, 0x08,
	    0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10);
	const __m128i bad_lower = _mm_setr_epi8(0x15, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11,
	    0x11, 0x11, 0x13, 0x1a, 0x1b, 0x1b, 0x1b, 0x1a);
	const __m128i add = _mm_setr_epi8(0, 63 - '/', 62 - '+', 52 - '0', -'A', -'A', 26 - 'a',
	    26 - 'a', 0, 0, 0, 0, 0, 0, 0, 0);
	const __m128i low = _mm_set1_epi8(0x0f);
	__m128i upper = _mm_and_si128(_mm_srli_epi32(c, 4), low);
	__m128i lower = _mm_and_si128(c, low);
	__m128i bad =
	    _mm_and_si128(_mm_shuffle_epi8(bad_upper, upper), _mm_shuffle_epi8(bad_lower, lower));
	__m128i slash = _mm_cmpeq_epi8(c, _mm_set1_epi8('/'));

	*values = _mm_add_epi8(c, _mm_shuffle_epi8(add, _mm_add_epi8(upper, slash)));
	return _mm_movemask_epi8(_mm_cmpeq_epi8(bad, _mm_setzero_si128())) == 0xffff;
}

VECTOR static __m128i join(__m128i values)
{
	const __m128i order = _mm_setr_epi8(2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13, 12, -1, -1, -1, -1);
	__m128i twelve = _mm_maddubs_epi16(values, _mm_set1_epi32(0x01400140));

	return _mm_shuffle_epi8(_mm_madd_epi16(twelve, _mm_set1_epi32(0x00011000)), order);
}

VECTOR static size_t decode(unsigned char *out, const unsigned char *p, size_t quads)
{
	size_t done = 0;

	/* A vector is stored whole, though only 12 octets of it are meant. */
	for (; quads - done >= 6; done += 4) {
		__m128i c = _mm_loadu_si128((const __m128i *)(const void *)(p + 4 * done));
		__m128i values;

		if (!values_of(&values, c))
			break;
		_mm_storeu_si128((__m128i *)(void *)(out + 3 * done), join(values));
	}
	return done;
}

size_t base64_vector_encode(unsigned char *out, const unsigned char *p, size_t triples)
{
	return have_ssse3() ? encode(out, p, triples) : 0;
}

size_t base64_vector_decode(unsigned char *out, const unsigned char *p, size_t quads)
{
	return have_ssse3() ? decode(out, p, quads) : 0;
}

#else

size_t base64_vector_encode(unsigned char *out, const unsigned char *p, size_t triples)
{
	(void)out;
	(void)p;
	(void)triples;
	return 0;
}

size_t base64_vector_decode(unsigned char *out, const unsigned char *p, size_t quads)
{
	(void)out;
	(void)p;
	(void)quads;
	return 0;
}

#endif
