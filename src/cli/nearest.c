#include "nearest.h"

#include <string.h>

#define LEN_MAX 31

static size_t least(size_t a, size_t b, size_t c)
{
	size_t m = a < b ? a : b;

	return m < c ? m : c;
}

/* Levenshtein's distance: insertions, deletions and replacements from a to b. */
static size_t distance(const char *a, const char *b)
{
	size_t row[LEN_MAX + 1];
	size_t len = strlen(b);

	for (size_t j = 0; j <= len; j++)
		row[j] = j;
	for (size_t i = 1; a[i - 1] != '\0'; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= len; j++) {
			size_t above = row[j];

			row[j] =
			    least(above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1]));
			diagonal = above;
		}
	}
	return row[len];
}

const char *nearest(const char *word, const char *const *names, size_t count)
{
	const char *best = NULL;
	size_t limit = strlen(word) / 3 + 2; /* one more than what still counts as near */

	if (strlen(word) > LEN_MAX)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		size_t d = strlen(names[i]) > LEN_MAX ? limit : distance(word, names[i]);

		if (d < limit) {
			limit = d;
			best = names[i];
		}
	}
	return best;
}
