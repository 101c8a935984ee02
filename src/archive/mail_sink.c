#include "archive/mail_sink.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "archive/drafts.h"
#include "archive/sink_kinds.h"

static const struct mail_sink_kind *const kinds[] = {
	&mail_sink_maildir,
	&mail_sink_eml,
	&mail_sink_mbox,
};

static const struct mail_sink_kind *kind_of(const char *name, const char **place)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		size_t len = strlen(kinds[i]->scheme);

		if (strncmp(name, kinds[i]->scheme, len) == 0 && name[len] == ':' &&
		    name[len + 1] != '\0') {
			*place = name + len + 1;
			return kinds[i];
		}
	}
	return NULL;
}

static int no_such_kind(const char *name, struct error *err)
{
	error_set(err, HSMIME_EUSAGE, "%s: no kind of mailbox that can be written", name);
	return error_hint(err, "say maildir:FOLDER, eml:FOLDER or mbox:FILE");
}

static bool is_job(const char *job)
{
	return strlen(job) == 8 && strspn(job, "0123456789abcdef") == 8;
}

static int one_writer(const char *name, struct error *err)
{
	error_set(
	    err, HSMIME_EUSAGE, "%s: one process alone writes an mbox, and no several hosts", name);
	return error_hint(err, "write to maildir:FOLDER or eml:FOLDER, or leave --journal out");
}

static int open_as(struct mail_sink **out, const char *name, const char *job, const char *tag,
    uint64_t committed, struct error *err)
{
	const char *place = NULL;
	const struct mail_sink_kind *kind = kind_of(name, &place);
	struct mail_sink *s = NULL;
	int status;

	*out = NULL;
	if (kind == NULL)
		return no_such_kind(name, err);
	if (tag != NULL && kind->clear == NULL)
		return one_writer(name, err);
	if (!is_job(job)) /* it becomes part of file names */
		return error_set(err, HSMIME_EUSAGE, "a job's name has 8 hexadecimal digits");
	s = calloc(1, sizeof(*s));
	if (s == NULL)
		return error_nomem(err);
	s->kind = kind;
	s->place = strdup(place);
	s->job = strdup(job);
	s->tag = tag != NULL ? strdup(tag) : NULL;
	status = s->place != NULL && s->job != NULL && (s->tag != NULL) == (tag != NULL)
		     ? kind->open(s, committed, err)
		     : error_nomem(err);
	if (status != 0) {
		mail_sink_close(s);
		return status;
	}
	*out = s;
	return 0;
}

int mail_sink_check(const char *name, const char *job, uint64_t committed, struct error *err)
{
	const char *place = NULL;
	const struct mail_sink_kind *kind = kind_of(name, &place);

	if (kind == NULL)
		return no_such_kind(name, err);
	return kind->check != NULL ? kind->check(place, job, committed, err) : 0;
}

int mail_sink_open(struct mail_sink **out, const char *name, const char *job, uint64_t committed,
    struct error *err)
{
	return open_as(out, name, job, NULL, committed, err);
}

int mail_sink_open_shared(
    struct mail_sink **out, const char *name, const char *job, const char *tag, struct error *err)
{
	return open_as(out, name, job, tag, 0, err);
}

int mail_sink_may_share(const char *name, struct error *err)
{
	const char *place = NULL;
	const struct mail_sink_kind *kind = kind_of(name, &place);

	if (kind == NULL)
		return no_such_kind(name, err);
	return kind->clear != NULL ? 0 : one_writer(name, err);
}

int mail_sink_clear(struct mail_sink *s, const char *tag, struct error *err)
{
	return s->kind->clear(s, tag, err);
}

void mail_sink_close(struct mail_sink *s)
{
	if (s == NULL)
		return;
	if (s->own != NULL)
		s->kind->close(s);
	free(s->place);
	free(s->job);
	free(s->tag);
	free(s->forgotten);
	free(s);
}

/* The real path of what may not be there yet: of the folder above that is, and the rest behind it. */
static char *real_path(const char *place)
{
	char *head = strdup(place);
	char *found = NULL, *all = NULL;
	size_t end = head != NULL ? strlen(head) : 0;

	while (head != NULL && (found = realpath(end > 0 ? head : ".", NULL)) == NULL && end > 0) {
		while (end > 0 && head[end - 1] == '/')
			end--;
		while (end > 0 && head[end - 1] != '/')
			end--;
		head[end] = '\0';
	}
	if (found != NULL && asprintf(&all, "%s/%s", found, place + end) < 0)
		all = NULL;
	free(head);
	free(found);
	return all;
}

/* Whether path is folder, or lies in it; slashes at the end do not count. */
static bool is_within(const char *path, const char *folder)
{
	size_t len = strlen(folder);

	while (len > 0 && folder[len - 1] == '/')
		len--;
	return strncmp(path, folder, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

bool mail_sink_is_ordered(const char *name)
{
	const char *place = NULL;
	const struct mail_sink_kind *kind = kind_of(name, &place);

	return kind != NULL && kind->ordered;
}

int mail_sink_apart(const char *name, const struct mail_source *source, struct error *err)
{
	const char *place = NULL;
	char *to = NULL, *from = NULL;
	int status = 0;

	if (kind_of(name, &place) == NULL)
		return no_such_kind(name, err);
	if (source->kind->scattered)
		return 0;
	to = real_path(place);
	from = real_path(source->place);
	if (to == NULL || from == NULL)
		status = error_nomem(err);
	else if (is_within(to, from) || is_within(from, to))
		status = error_set(err, HSMIME_EUSAGE,
		    "%s is where the messages come from, and nothing is written there", place);
	if (status == HSMIME_EUSAGE)
		error_hint(err, "write to a mailbox of its own, outside of %s", source->place);
	free(to);
	free(from);
	return status;
}

int mail_place_within(bool *is, const char *path, const char *folder)
{
	char *inner = real_path(path), *outer = real_path(folder);
	int status = inner != NULL && outer != NULL ? 0 : HSMIME_ENOMEM;

	*is = status == 0 && is_within(inner, outer);
	free(inner);
	free(outer);
	return status;
}

int mail_sink_begin(struct mail_draft *d, struct mail_sink *s, const struct mail_item *item,
    const struct mail_form *form, struct error *err)
{
	static const struct mail_form as_it_was = { 0 };

	*d = (struct mail_draft){ 0 };
	return s->kind->begin(d, s, item, form != NULL ? form : &as_it_was, err);
}

int mail_sink_forget(
    struct mail_sink *s, const struct mail_item *item, const char *extension, struct error *err)
{
	return s->kind->forget != NULL ? s->kind->forget(s, item, extension, err) : 0;
}

int mail_sink_forgotten(struct mail_sink *s, struct error *err)
{
	return files_forgotten(&s->forgotten, err);
}

int mail_sink_end(struct mail_draft *d, struct mail_sink *s, struct error *err)
{
	(void)s;
	return drafts_end(d, err);
}

int mail_sink_settle(struct mail_sink *s, struct mail_draft *drafts, size_t count,
    uint64_t *committed, struct error *err)
{
	return count > 0 ? s->kind->settle(s, drafts, count, committed, err) : 0;
}

void mail_sink_drop(struct mail_draft *d)
{
	drafts_drop(d);
}

int mail_sink_finish(struct mail_sink *s, struct error *err)
{
	return s->kind->finish(s, err);
}
