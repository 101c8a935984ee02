#include "archive/mbox_scan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <hsmime/error.h>

#include "util/block.h"

#define FROM "From "
#define FROM_LEN 5
/* Octets that are looked at in one go, in vectors: the compiler has what the processor has not. */
#define STRIDE 64

typedef unsigned char vector __attribute__((vector_size(16)));

int mbox_scan_open(struct mbox_scan *s, int fd, size_t room)
{
	*s = (struct mbox_scan){ .fd = fd, .room = room, .data = block_new(room) };
	return s->data == NULL ? HSMIME_ENOMEM : 0;
}

void mbox_scan_close(struct mbox_scan *s)
{
	block_free(s->data, s->room);
	*s = (struct mbox_scan){ 0 };
}

void mbox_scan_set(struct mbox_scan *s, uint64_t start, uint64_t end)
{
	s->base = start;
	s->end = end;
	s->len = 0;
	s->arrows = true;
}

/* Whether there are only '>' before data[i] in its line; *any: at least one in sight. */
static bool only_arrows(const struct mbox_scan *s, size_t i, bool *any)
{
	size_t j = i;

	while (j > 0 && s->data[j - 1] == '>')
		j--;
	*any = j < i;
	return j == 0 ? s->arrows : s->data[j - 1] == '\n';
}

static void drop(struct mbox_scan *s, size_t n)
{
	bool any;

	s->arrows = only_arrows(s, n, &any);
	memmove(s->data, s->data + n, s->len - n);
	s->base += n;
	s->len -= n;
}

int mbox_scan_more(struct mbox_scan *s, uint64_t keep)
{
	if (keep > s->base + MBOX_BEHIND)
		drop(s, (size_t)(keep - MBOX_BEHIND - s->base));
	while (s->len < s->room && mbox_scan_seen(s) < s->end) {
		uint64_t left = s->end - mbox_scan_seen(s);
		size_t n = s->room - s->len < left ? s->room - s->len : (size_t)left;
		ssize_t got;

		errno = 0;
		got = pread(s->fd, s->data + s->len, n, (off_t)mbox_scan_seen(s));
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return HSMIME_EIO;
		s->len += (size_t)got;
	}
	return 0;
}

static vector load(const unsigned char *p)
{
	vector v;

	memcpy(&v, p, sizeof(v));
	return v;
}

/* Where one of the octets at p, before which there is one more, may begin the word behind '\n' or '>'. */
static vector candidates(const unsigned char *p)
{
	vector before = load(p - 1);

	return (vector)((load(p) == FROM[0]) & (load(p + 4) == FROM[4]) &
			((before == '\n') | (before == '>')));
}

static bool may_have(const unsigned char *p)
{
	vector any = candidates(p) | candidates(p + 16) | candidates(p + 32) | candidates(p + 48);
	uint64_t halves[2];

	memcpy(halves, &any, sizeof(halves));
	return (halves[0] | halves[1]) != 0;
}

/* The next "From " in data[i..len) that nothing, '\n' or '>' is before, or len. */
static size_t next_word(const unsigned char *data, size_t i, size_t len)
{
	while (i + FROM_LEN <= len) {
		size_t stop;

		while (i > 0 && i + STRIDE + FROM_LEN <= len && !may_have(data + i))
			i += STRIDE;
		stop = len - i < STRIDE + FROM_LEN ? len - FROM_LEN + 1 : i + STRIDE;
		for (; i < stop; i++) {
			if (data[i] == FROM[0] && memcmp(data + i, FROM, FROM_LEN) == 0)
				return i;
		}
	}
	return len;
}

bool mbox_scan_find(uint64_t *at, const struct mbox_scan *s, uint64_t from)
{
	size_t i = (size_t)(from - s->base);
	bool any;

	while ((i = next_word(s->data, i, s->len)) < s->len) {
		*at = s->base + i;
		if (only_arrows(s, i, &any))
			return true;
		i += FROM_LEN;
	}
	*at = mbox_scan_seen(s);
	/* Its last octets may be the first ones of the word. */
	if (*at < s->end && s->len >= FROM_LEN - 1)
		*at -= FROM_LEN - 1;
	if (*at < from)
		*at = from;
	return false;
}

bool mbox_scan_quoted(const struct mbox_scan *s, uint64_t at)
{
	return at > s->base && *mbox_scan_at(s, at - 1) == '>';
}

size_t mbox_scan_blank(const struct mbox_scan *s, uint64_t at, uint64_t start)
{
	size_t len = 1;

	if (at == start || *mbox_scan_at(s, at - 1) != '\n')
		return 0;
	if (at - start > 1 && *mbox_scan_at(s, at - 2) == '\r')
		len = 2;
	return at - start == len || *mbox_scan_at(s, at - len - 1) == '\n' ? len : 0;
}
