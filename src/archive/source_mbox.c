/*
 * An mbox, mboxrd or mboxo. A message begins at a line "From " at the start of the file or behind an
 * empty line (mbox_from.h says which); the empty line belongs to what separates. Content-Length, of
 * which some programs take a message's end, is often wrong and is not looked at.
 */
#include "archive/mail_kinds.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "archive/mbox_at.h"
#include "archive/mbox_file.h"
#include "archive/mbox_from.h"
#include "archive/mbox_scan.h"
#include "archive/stored_file.h"
#include "text/values.h"

/* As much as the processor's cache holds beside others' work. */
#define ROOM (256 * 1024)
#define FROM_LEN 5

struct mbox {
	struct mbox_file file;
	struct mbox_scan scan;
	uint64_t message;      /* where the next one begins, behind its "From " line */
	struct mbox_from from; /* that line */
	bool more;             /* there is a next one */
};

static int failed(struct mail_source *s, struct error *err)
{
	struct mbox *m = s->own;

	m->more = false;
	/* Where the file has got shorter no call failed. */
	if (!mbox_file_unchanged(&m->file))
		return error_set(err, HSMIME_EIO, "%s was changed while it was listed", s->place);
	return error_errno(err, "can't read", s->place);
}

static int open_file(struct mbox_file *f, const char *place, struct error *err)
{
	struct stat st;

	f->fd = open(place, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (f->fd < 0 || fstat(f->fd, &st) != 0)
		return error_errno(err, "can't open", place);
	if (!S_ISREG(st.st_mode))
		return error_set(err, HSMIME_EUSAGE, "%s is not an mbox: it is no file", place);
	f->size = (uint64_t)st.st_size;
	f->modified = stored_modified(&st);
	/* Where the system does not listen it is slower, no more. */
	(void)posix_fadvise(f->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	return 0;
}

static int mbox_open(struct mail_source *s, const char *place, struct error *err)
{
	struct mbox *m = calloc(1, sizeof(*m));
	int status;

	if (m == NULL)
		return error_nomem(err);
	s->own = m;
	status = open_file(&m->file, place, err);
	if (status != 0 || m->file.size == 0)
		return status;
	if (mbox_scan_open(&m->scan, m->file.fd, ROOM) != 0)
		return error_nomem(err);
	mbox_scan_set(&m->scan, 0, m->file.size);
	if (mbox_scan_more(&m->scan, 0) != 0)
		return failed(s, err);
	if (!mbox_from_read(&m->from, m->scan.data, m->scan.len, true)) {
		error_set(err, HSMIME_EUSAGE, "%s is not an mbox: it does not begin with \"From \"",
		    place);
		return error_hint(err,
		    "for a list of messages' paths, or a path of one on standard input, "
		    "say list:");
	}
	m->message = m->from.len;
	m->more = true;
	return 0;
}

/*
 * Whether a message begins at the "From " that was found at that place, behind an empty line of *blank
 * octets, or what comes behind it is first to be brought in sight (*again).
 */
static int judge(bool *begins, bool *again, struct mbox_from *from, struct mbox *m, uint64_t at)
{
	uint64_t seen = mbox_scan_seen(&m->scan);

	*begins = false;
	*again = seen - at < MBOX_FROM_AHEAD && seen < m->file.size;
	if (*again)
		return mbox_scan_more(&m->scan, at);
	*begins = mbox_from_read(from, mbox_scan_at(&m->scan, at), (size_t)(seen - at), false);
	return 0;
}

/* Where the message that begins at m->message stops, and what follows: m->more, m->from, and at its place. */
static int find_stop(struct mail_item *item, uint64_t *next, struct mbox *m)
{
	uint64_t at = m->message;
	bool begins = false, again = false;
	size_t blank = 0;

	for (;;) {
		if (!mbox_scan_find(&at, &m->scan, at)) {
			if (mbox_scan_seen(&m->scan) == m->file.size)
				break;
			if (mbox_scan_more(&m->scan, at) != 0)
				return HSMIME_EIO;
			continue;
		}
		blank = mbox_scan_blank(&m->scan, at, m->message);
		if (mbox_scan_quoted(&m->scan, at))
			item->quoted++;
		else if (blank > 0 && judge(&begins, &again, &m->from, m, at) != 0)
			return HSMIME_EIO;
		if (begins)
			break;
		if (!again)
			at += FROM_LEN;
		again = false;
	}
	if (!begins) {
		at = m->file.size;
		blank = mbox_scan_blank(&m->scan, at, m->message);
	}
	m->more = begins;
	*next = at + m->from.len;
	item->size = at - blank - m->message;
	return 0;
}

static int mbox_next(struct mail_item *item, bool *more, struct mail_source *s, struct error *err)
{
	struct mbox *m = s->own;
	uint64_t next;

	if (!m->more)
		return 0;
	item->offset = m->message;
	item->modified = m->from.modified;
	if (find_stop(item, &next, m) != 0)
		return failed(s, err);
	if (asprintf(&item->name, "%" PRIu64, item->offset) < 0) {
		item->name = NULL;
		return error_nomem(err);
	}
	item->key = strdup(item->name);
	if (item->key == NULL)
		return error_nomem(err);
	m->message = next;
	*more = true;
	return 0;
}

static int not_at(struct mail_source *s, uint64_t place, struct error *err)
{
	return error_set(err, HSMIME_EIO, "%s: no message is at %" PRIu64, s->place, place);
}

/* *is: a "From " line begins there. */
static int go_to(bool *is, struct mbox *m, uint64_t from)
{
	*is = from < m->file.size;
	if (!*is || (m->more && m->message - m->from.len == from))
		return 0;
	mbox_scan_set(&m->scan, from, m->file.size);
	m->more = false;
	if (mbox_scan_more(&m->scan, from) != 0)
		return HSMIME_EIO;
	*is = mbox_from_read(&m->from, mbox_scan_at(&m->scan, from),
	    (size_t)(mbox_scan_seen(&m->scan) - from), true);
	m->message = from + m->from.len;
	m->more = *is;
	return 0;
}

int mbox_from_at(struct mail_item *item, struct mail_source *s, uint64_t from, struct error *err)
{
	bool is = false;

	*item = (struct mail_item){ 0 };
	if (go_to(&is, s->own, from) != 0)
		return failed(s, err);
	return is ? mail_source_next(item, &is, s, err) : not_at(s, from, err);
}

int mbox_next_at(struct mail_item *item, struct mail_source *s, uint64_t offset, struct error *err)
{
	const struct mbox *m = s->own;
	bool more = true;
	int status = 0;

	*item = (struct mail_item){ 0 };
	while (status == 0 && more && m->more && m->message <= offset) {
		mail_item_free(item);
		status = mail_source_next(item, &more, s, err);
		if (status == 0 && more && item->offset == offset)
			return 0;
	}
	mail_item_free(item);
	return status == 0 ? not_at(s, offset, err) : status;
}

static int mbox_read(
    struct mail_octets *out, struct mail_source *s, const struct mail_item *item, struct error *err)
{
	const struct mbox *m = s->own;

	return mbox_octets_open(out, &m->file, item, s->place, err);
}

static void mbox_close(struct mail_source *s)
{
	struct mbox *m = s->own;

	if (m == NULL)
		return;
	mbox_scan_close(&m->scan);
	if (m->file.fd >= 0)
		close(m->file.fd);
	free(m);
}

static int mbox_find(struct mail_item *item, struct mail_source *s, const char *name, bool written,
    struct error *err)
{
	uint64_t offset = 0;

	if (strcmp(name, "0") != 0 && !count_parse(&offset, name))
		return error_set(err, HSMIME_EIO, "%s is no place in an mbox", name);
	return written ? mbox_from_at(item, s, offset, err) : mbox_next_at(item, s, offset, err);
}

const struct mail_source_kind mail_source_mbox = {
	.scheme = "mbox",
	.packed = true,
	.open = mbox_open,
	.next = mbox_next,
	.read = mbox_read,
	.done = mbox_octets_done,
	.close = mbox_close,
	.find = mbox_find,
};
