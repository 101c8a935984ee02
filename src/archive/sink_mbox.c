/*
 * An mbox (mboxrd), by one writer: FILE.JOB.part, which grows at its end and becomes FILE when all is
 * there; beside it FILE.JOB.drafts, the folder of messages on their way.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "archive/drafts.h"
#include "archive/mbox_quote.h"
#include "archive/sink_kinds.h"
#include "util/output.h"
#include "util/sink.h"
#include "util/source.h"

#define ROOM (128 * 1024)

struct mbox {
	struct drafts drafts;
	char *part;
	char *folder; /* of the drafts */
	int fd;       /* of part */
	bool finished;
	uint64_t length; /* octets that are settled */
	/* What is being appended: */
	uint64_t at; /* octets of part, with those in data */
	size_t len;
	unsigned char data[ROOM];
	struct error *err;
};

static int flush(struct mbox *m)
{
	const unsigned char *p = m->data;

	while (m->len > 0) {
		ssize_t n = pwrite(m->fd, p, m->len, (off_t)(m->at - m->len));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_errno(m->err, "writing", m->part);
		p += n;
		m->len -= (size_t)n;
	}
	return 0;
}

static int append(void *arg, const void *buf, size_t len)
{
	struct mbox *m = arg;
	const unsigned char *p = buf;
	int status = 0;

	while (len > 0 && status == 0) {
		size_t n = len < ROOM - m->len ? len : ROOM - m->len;

		memcpy(m->data + m->len, p, n);
		m->len += n;
		m->at += n;
		p += n;
		len -= n;
		if (m->len == ROOM)
			status = flush(m);
	}
	return status;
}

/* A line "From " as ctime(3) has the time, in UTC; where that is unknown the same each time. */
static char *make_from(int64_t modified)
{
	time_t seconds = (time_t)(modified / 1000000000);
	char text[64], *line = NULL;
	struct tm tm;

	if (gmtime_r(&seconds, &tm) == NULL || asctime_r(&tm, text) == NULL)
		return strdup("From MAILER-DAEMON Thu Jan  1 00:00:00 1970");
	text[strcspn(text, "\n")] = '\0';
	return asprintf(&line, "From MAILER-DAEMON %s", text) < 0 ? NULL : line;
}

#define FROM_MAX 1000 /* octets; a longer one is made anew */

static bool is_from(const char *line)
{
	size_t len = strlen(line);

	if (strncmp(line, "From ", 5) != 0 || len > FROM_MAX)
		return false;
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)line[i];

		if (c < 0x20 || c == 0x7f)
			return false;
	}
	return true;
}

static int mbox_begin(struct mail_draft *d, struct mail_sink *s, const struct mail_item *item,
    const struct mail_form *form, struct error *err)
{
	struct mbox *m = s->own;
	int status = drafts_begin(d, &m->drafts, s->place, item, err);
	struct draft_own *own = d->own;

	if (status != 0)
		return status;
	if (form->from_line != NULL && is_from(form->from_line))
		own->from_line = strdup(form->from_line);
	else
		own->from_line = make_from(item->modified);
	return own->from_line != NULL ? 0 : error_nomem(err);
}

static int append_one(struct mbox *m, struct mail_draft *d)
{
	const struct draft_own *own = d->own;
	hsmime_sink end = { .write = append, .arg = m }, quoted;
	struct mbox_quote quote;
	hsmime_source source;
	int status;

	if (d->output == NULL || !output_is_complete(d->output))
		return error_set(
		    m->err, HSMIME_EUSAGE, "a message that has not ended can't be settled");
	if (asprintf(&d->name, "%" PRIu64, m->at) < 0) {
		d->name = NULL;
		return error_nomem(m->err);
	}
	status = sink_string(&end, own->from_line);
	if (status == 0)
		status = sink_string(&end, "\n");
	mbox_quote_open(&quoted, &quote, &end);
	output_source(&source, d->output);
	if (status == 0)
		status = source_copy(&quoted, &source);
	if (status == 0)
		status = mbox_quote_end(&quote);
	if (status == 0)
		status = sink_string(&end, "\n");
	return status == 0 ? 0 : error_keep(m->err, status, "a message could not be read back");
}

static int mbox_settle(struct mail_sink *s, struct mail_draft *drafts, size_t count,
    uint64_t *committed, struct error *err)
{
	struct mbox *m = s->own;
	int status = 0;

	error_clear(err); /* error_keep below */
	m->at = m->length;
	m->len = 0;
	m->err = err;
	for (size_t i = 0; i < count && status == 0; i++)
		status = append_one(m, &drafts[i]);
	if (status == 0)
		status = flush(m);
	if (status == 0 && fdatasync(m->fd) != 0)
		status = error_errno(err, "writing", m->part);
	if (status == 0)
		m->length = m->at;
	else if (ftruncate(m->fd, (off_t)m->length) != 0)
		status = error_errno(err, "writing", m->part); /* the next open cuts it */
	for (size_t i = 0; i < count; i++) {
		drafts[i].status = status;
		hsmime_output_free(drafts[i].output);
		drafts[i].output = NULL;
	}
	*committed = m->length;
	return status;
}

/* FILE that is there already is this job's only where it is as the journal has it. */
static int find_file(
    bool *is_there, const char *file, const char *part, uint64_t committed, struct error *err)
{
	struct stat st, other;

	*is_there = lstat(file, &st) == 0;
	if (!*is_there)
		return errno == ENOENT ? 0 : error_errno(err, "writing", file);
	if (S_ISREG(st.st_mode) && (uint64_t)st.st_size == committed && lstat(part, &other) != 0)
		return 0;
	error_set(err, HSMIME_EUSAGE, "%s is there already, and is not replaced", file);
	return error_hint(err, "name a file that is not there yet");
}

static int take_back(const char *file, const char *part, uint64_t committed, struct error *err)
{
	bool is_there;
	int status = find_file(&is_there, file, part, committed, err);

	if (status != 0 || !is_there)
		return status;
	return rename(file, part) == 0 ? 0 : error_errno(err, "writing", part);
}

static int mbox_check(const char *place, const char *job, uint64_t committed, struct error *err)
{
	char *part = NULL;
	bool is_there;
	int status;

	if (asprintf(&part, "%s.%s.part", place, job) < 0)
		return error_nomem(err);
	status = find_file(&is_there, place, part, committed, err);
	free(part);
	return status;
}

static int lock_part(struct stat *st, struct mbox *m, int flags, struct error *err)
{
	m->fd = open(m->part, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | flags, 0600);
	if (m->fd < 0 || fstat(m->fd, st) != 0)
		return error_errno(err, "writing", m->part);
	if (!S_ISREG(st->st_mode))
		return error_set(err, HSMIME_EUSAGE, "%s is no file", m->part);
	if (flock(m->fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
		return error_set(
		    err, HSMIME_EIO, "%s is being written by another process", m->part);
	return 0;
}

/* While nothing counts on what is there it is made anew: somebody else may have put it there to read it. */
static int open_part(struct mbox *m, uint64_t committed, struct error *err)
{
	struct stat st = { 0 };
	int status = lock_part(&st, m, O_CREAT, err);

	if (status == 0 && committed == 0) {
		if (unlink(m->part) != 0)
			return error_errno(err, "writing", m->part);
		close(m->fd);
		status = lock_part(&st, m, O_CREAT | O_EXCL, err);
	}
	if (status != 0)
		return status;
	if ((uint64_t)st.st_size < committed)
		return error_set(err, HSMIME_EIO,
		    "%s has %" PRIu64 " octets, of %" PRIu64 " that the journal knows of", m->part,
		    (uint64_t)st.st_size, committed);
	if (ftruncate(m->fd, (off_t)committed) != 0)
		return error_errno(err, "writing", m->part);
	m->length = committed;
	return 0;
}

static int mbox_open(struct mail_sink *s, uint64_t committed, struct error *err)
{
	struct mbox *m = calloc(1, sizeof(*m));
	size_t folder_len = path_folder(s->place);
	int status;

	if (m == NULL)
		return error_nomem(err);
	m->fd = -1;
	drafts_init(&m->drafts);
	s->own = m;
	if (asprintf(&m->part, "%s.%s.part", s->place, s->job) < 0) {
		m->part = NULL;
		return error_nomem(err);
	}
	if (asprintf(&m->folder, "%s.%s.drafts", s->place, s->job) < 0) {
		m->folder = NULL;
		return error_nomem(err);
	}
	status = folder_make(s->place, folder_len, 0, err);
	if (status == 0)
		status = take_back(s->place, m->part, committed, err);
	if (status == 0)
		status = open_part(m, committed, err);
	if (status == 0)
		status = drafts_open(&m->drafts, s->place, m->folder, "draft", s->tag, err);
	/* Its name is safe before the journal counts on it. */
	return status == 0 ? folder_sync(s->place, folder_len, err) : status;
}

/* Some file systems can't rename without replacing; there it is looked for first. */
static int rename_new(const char *from, const char *to)
{
	struct stat st;

	if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -1;
	if (lstat(to, &st) == 0) {
		errno = EEXIST;
		return -1;
	}
	return rename(from, to);
}

static int mbox_finish(struct mail_sink *s, struct error *err)
{
	struct mbox *m = s->own;

	/* What a settle that failed could not cut off is no part of it. */
	if (!m->finished && (ftruncate(m->fd, (off_t)m->length) != 0 || fdatasync(m->fd) != 0))
		return error_errno(err, "writing", m->part);
	if (!m->finished && rename_new(m->part, s->place) != 0)
		return error_errno(err, "writing", s->place);
	m->finished = true;
	rmdir(m->folder); /* not where something is left in it */
	return folder_sync(s->place, path_folder(s->place), err);
}

static void mbox_close(struct mail_sink *s)
{
	struct mbox *m = s->own;

	drafts_close(&m->drafts);
	if (m->fd >= 0)
		close(m->fd);
	free(m->part);
	free(m->folder);
	free(m);
}

const struct mail_sink_kind mail_sink_mbox = {
	.scheme = "mbox",
	.ordered = true,
	.open = mbox_open,
	.check = mbox_check,
	.begin = mbox_begin,
	.settle = mbox_settle,
	.finish = mbox_finish,
	.close = mbox_close,
};
