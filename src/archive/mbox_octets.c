#include "archive/mbox_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "archive/mbox_from.h"
#include "archive/mbox_scan.h"
#include "archive/stored_file.h"

/* For a message with quoted lines; others are read to where they are wanted. */
#define ROOM 32768
#define FROM_LEN 5
#define FROM_MOSTLY 128 /* octets of the line "From " of most, with the end of the line before */

struct octets {
	const struct mbox_file *file;
	uint64_t start, stop; /* as stored */
	uint64_t quoted;
	uint64_t at; /* the next one as stored */
	/* with quoted lines: */
	struct mbox_scan scan;
	uint64_t given;   /* octets */
	uint64_t dropped; /* '>'s */
	uint64_t limit;   /* what is given as it is stored, before it is looked again */
	bool cut;         /* a '>' is at limit, and is not given */
};

#define GROWS_TRIES 5
#define GROWS_NS 2000000

/* Whoever appends changes the time first and the size then, and may be interrupted in between. */
bool mbox_file_unchanged(const struct mbox_file *f)
{
	const struct timespec moment = { 0, GROWS_NS };
	struct stat st;

	for (int i = 0; i < GROWS_TRIES; i++) {
		if (i > 0)
			nanosleep(&moment, NULL);
		if (fstat(f->fd, &st) != 0 || (uint64_t)st.st_size < f->size)
			return false;
		if ((uint64_t)st.st_size > f->size || stored_modified(&st) == f->modified)
			return true;
	}
	return false;
}

static ssize_t read_at(int fd, void *buf, size_t len, uint64_t place)
{
	ssize_t got;

	do
		got = pread(fd, buf, len, (off_t)place);
	while (got < 0 && errno == EINTR);
	return got;
}

/* The end: nothing was another file's. */
static ptrdiff_t end(const struct octets *o)
{
	return mbox_file_unchanged(o->file) && o->dropped == o->quoted ? 0 : HSMIME_EIO;
}

static ptrdiff_t read_plain(void *arg, void *buf, size_t len)
{
	struct octets *o = arg;
	ssize_t got;

	if (o->at == o->stop)
		return end(o);
	if (len > o->stop - o->at)
		len = (size_t)(o->stop - o->at);
	got = read_at(o->file->fd, buf, len, o->at);
	if (got <= 0)
		return HSMIME_EIO;
	o->at += (uint64_t)got;
	return got;
}

/* o->at stands at the limit: where is the next? The last '>' of a quoted line's is the one taken off. */
static int look_on(struct octets *o)
{
	uint64_t at;

	if (o->cut) {
		o->cut = false;
		o->at++;
		o->dropped++;
		o->limit = o->at + FROM_LEN;
		return 0;
	}
	if (mbox_scan_find(&at, &o->scan, o->at)) {
		o->cut = mbox_scan_quoted(&o->scan, at);
		o->limit = o->cut ? at - 1 : at + FROM_LEN;
		return 0;
	}
	if (mbox_scan_seen(&o->scan) == o->stop) {
		o->limit = o->stop;
		return 0;
	}
	/* What is in sight behind it may be that '>'. */
	o->limit = at > o->at ? at - 1 : o->at;
	return o->limit > o->at ? 0 : mbox_scan_more(&o->scan, o->at);
}

/* How many octets can be given from where o->at is; 0 is the end. */
static ptrdiff_t in_sight(struct octets *o)
{
	while (o->at == o->limit && (o->cut || o->at < o->stop)) {
		int status = look_on(o);

		if (status != 0)
			return status;
	}
	return (ptrdiff_t)(o->limit - o->at);
}

static void give(struct octets *o, size_t n)
{
	o->at += n;
	o->given += n;
}

static ptrdiff_t read_quoted(void *arg, void *buf, size_t len)
{
	struct octets *o = arg;
	ptrdiff_t n = in_sight(o);

	if (n <= 0)
		return n < 0 ? n : end(o);
	if ((size_t)n > len)
		n = (ptrdiff_t)len;
	memcpy(buf, mbox_scan_at(&o->scan, o->at), (size_t)n);
	give(o, (size_t)n);
	return n;
}

static void restart(struct octets *o)
{
	mbox_scan_set(&o->scan, o->start, o->stop);
	o->at = o->limit = o->start;
	o->given = o->dropped = 0;
	o->cut = false;
}

static int seek_plain(void *arg, uint64_t offset)
{
	struct octets *o = arg;

	if (offset > o->stop - o->start || !mbox_file_unchanged(o->file))
		return HSMIME_EIO;
	o->at = o->start + offset;
	return 0;
}

static int seek_quoted(void *arg, uint64_t offset)
{
	struct octets *o = arg;

	if (offset > o->stop - o->start - o->quoted || !mbox_file_unchanged(o->file))
		return HSMIME_EIO;
	if (offset < o->given)
		restart(o);
	while (o->given < offset) {
		ptrdiff_t n = in_sight(o);

		if (n <= 0)
			return HSMIME_EIO;
		give(o, (uint64_t)n < offset - o->given ? (size_t)n : (size_t)(offset - o->given));
	}
	return 0;
}

/*
 * Whether a line that begins with "From " ends before offset, and says that time: messages of one size may
 * have moved into one another's places.
 */
static bool behind_from(const struct mbox_file *f, uint64_t offset, int64_t modified)
{
	struct mbox_from line;
	unsigned char before[1 + MBOX_FROM_MAX]; /* with the end of the line before */
	size_t most = FROM_MOSTLY, want, from;

	do {
		want = offset < most ? (size_t)offset : most;
		if (want < FROM_LEN || read_at(f->fd, before, want, offset - want) != (ssize_t)want)
			return false;
		if (before[want - 1] != '\n' && offset != f->size)
			return false;
		for (from = want - 1; from > 0 && before[from - 1] != '\n'; from--)
			;
		most = from > 0 || most == sizeof(before) ? 0 : sizeof(before);
	} while (most > 0);
	return (from > 0 || want == offset) &&
	       mbox_from_read(&line, before + from, want - from, true) && line.modified == modified;
}

/* Whether a message of that size may end there: at the file's end, or between a line's end and an empty line. */
static bool before_end(const struct mbox_file *f, uint64_t stop, uint64_t size)
{
	unsigned char around[3]; /* the last octet, the first two behind */
	size_t had = size > 0;
	ssize_t got = read_at(f->fd, around, had + 2, stop - had) - (ssize_t)had;

	if (got < 1)
		return got == 0;
	return (had == 0 || around[0] == '\n') &&
	       (around[had] == '\n' || (got == 2 && memcmp(around + had, "\r\n", 2) == 0));
}

static int in_place(
    const struct mbox_file *f, const struct mail_item *item, const char *place, struct error *err)
{
	if (!mbox_file_unchanged(f)) {
		error_set(err, HSMIME_EIO, "%s was changed since it was opened", place);
		return error_hint(err, "let no program write to it, and list it again");
	}
	if (item->offset > f->size || item->size > f->size - item->offset ||
	    item->quoted > item->size || !behind_from(f, item->offset, item->modified) ||
	    !before_end(f, item->offset + item->size, item->size)) {
		error_set(err, HSMIME_EIO, "%s: the message at %s is not there any more", place,
		    item->name);
		return error_hint(err, "the mbox was changed since it was listed; list it again");
	}
	return 0;
}

int mbox_octets_open(struct mail_octets *out, const struct mbox_file *f,
    const struct mail_item *item, const char *place, struct error *err)
{
	struct octets *o;
	int status = in_place(f, item, place, err);

	if (status != 0)
		return status;
	o = calloc(1, sizeof(*o));
	if (o == NULL)
		return error_nomem(err);
	out->own = o;
	o->file = f;
	o->start = o->at = o->limit = item->offset;
	o->stop = item->offset + item->size;
	o->quoted = item->quoted;
	if (o->quoted > 0 && mbox_scan_open(&o->scan, f->fd, ROOM) != 0)
		return error_nomem(err);
	if (o->quoted > 0)
		restart(o);
	out->source = (hsmime_source){
		.read = o->quoted > 0 ? read_quoted : read_plain,
		.seek = o->quoted > 0 ? seek_quoted : seek_plain,
		.arg = o,
		.size = item->size - item->quoted,
	};
	return 0;
}

void mbox_octets_done(struct mail_octets *octets)
{
	struct octets *o = octets->own;

	if (o == NULL)
		return;
	mbox_scan_close(&o->scan);
	free(o);
}
