/* A tree of files, one for each message. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "archive/drafts.h"
#include "archive/sink_kinds.h"
#include "archive/sink_name.h"

struct eml {
	struct drafts drafts;
	bool folded; /* the file system takes a.eml and A.EML for the same */
};

/* Whether a folder that is there may be written to: it is empty, or this job began it. */
static int check_place(const char *place, const char *own, struct error *err)
{
	DIR *dir = opendir(place);
	struct dirent *entry;
	int status = 0;

	if (dir == NULL)
		return errno == ENOENT ? 0 : error_errno(err, "writing into", place);
	/* Of a tree that is this job's own no file is asked, of others one. */
	if (access(own, F_OK) == 0) {
		closedir(dir);
		return 0;
	}
	do {
		errno = 0;
		entry = readdir(dir);
	} while (
	    entry != NULL && (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0));
	if (entry == NULL && errno != 0)
		status = error_errno(err, "reading", place);
	closedir(dir);
	/* Another host on this job may have begun it meanwhile. */
	if (entry == NULL || access(own, F_OK) == 0)
		return status;
	error_set(err, HSMIME_EUSAGE, "%s has other files, which might be replaced", place);
	return error_hint(err, "name a folder that is empty or not there yet");
}

static int eml_check(const char *place, const char *job, uint64_t committed, struct error *err)
{
	char *own = NULL;
	int status;

	(void)committed;
	if (asprintf(&own, "%s/.hsmime-%s", place, job) < 0)
		return error_nomem(err);
	status = check_place(place, own, err);
	free(own);
	return status;
}

static int eml_open(struct mail_sink *s, uint64_t committed, struct error *err)
{
	struct eml *e = calloc(1, sizeof(*e));
	char *own = NULL, *upper = NULL;
	int status;

	(void)committed;
	if (e == NULL)
		return error_nomem(err);
	drafts_init(&e->drafts);
	s->own = e;
	if (asprintf(&own, "%s/.hsmime-%s", s->place, s->job) < 0)
		return error_nomem(err);
	status = check_place(s->place, own, err);
	if (status == 0)
		status = drafts_open(&e->drafts, s->place, own, "draft", s->tag, err);
	if (status == 0 && asprintf(&upper, "%s/.HSMIME-%s", s->place, s->job) < 0) {
		upper = NULL;
		status = error_nomem(err);
	}
	e->folded = status == 0 && access(upper, F_OK) == 0;
	free(upper);
	free(own);
	return status;
}

/* The item's name in the tree; free it. */
static int name_of(char **out, struct mail_sink *s, const struct mail_item *item,
    const char *extension, struct error *err)
{
	struct eml *e = s->own;
	char hash[SINK_HASH + 1];
	struct buffer name;
	int status = sink_hash(hash, s->job, sink_key(item), err);

	*out = NULL;
	if (status != 0)
		return status;
	buffer_init(&name, SIZE_MAX / 2);
	sink_file(&name, item, extension, hash, e->folded);
	if (buffer_string(&name) != NULL)
		*out = strdup(buffer_string(&name));
	buffer_free(&name);
	return *out != NULL ? 0 : error_nomem(err);
}

static int eml_begin(struct mail_draft *d, struct mail_sink *s, const struct mail_item *item,
    const struct mail_form *form, struct error *err)
{
	struct eml *e = s->own;
	char *path = NULL;
	int status = name_of(&d->name, s, item, form->extension, err);

	if (status != 0)
		return status;
	if (asprintf(&path, "%s/%s", s->place, d->name) < 0)
		return error_nomem(err);
	status = drafts_begin(d, &e->drafts, path, item, err);
	free(path);
	return status;
}

static int forget_as(
    struct mail_sink *s, const struct mail_item *item, const char *extension, struct error *err)
{
	char *name = NULL, *path = NULL;
	int status = name_of(&name, s, item, extension, err);

	if (status != 0)
		return status;
	if (asprintf(&path, "%s/%s", s->place, name) < 0) {
		path = NULL;
		status = error_nomem(err);
	} else {
		status = file_forget(&s->forgotten, path, err);
	}
	free(name);
	free(path);
	return status;
}

static int eml_forget(
    struct mail_sink *s, const struct mail_item *item, const char *extension, struct error *err)
{
	int status = forget_as(s, item, NULL, err);

	return status == 0 && extension != NULL ? forget_as(s, item, extension, err) : status;
}

static int eml_settle(struct mail_sink *s, struct mail_draft *drafts, size_t count,
    uint64_t *committed, struct error *err)
{
	(void)committed;
	return drafts_settle(&((struct eml *)s->own)->drafts, drafts, count, err);
}

/* The job's folder stays, and says that the tree is this job's. */
static int eml_finish(struct mail_sink *s, struct error *err)
{
	(void)s;
	(void)err;
	return 0;
}

static int eml_clear(struct mail_sink *s, const char *tag, struct error *err)
{
	return drafts_clear(&((struct eml *)s->own)->drafts, tag, err);
}

static void eml_close(struct mail_sink *s)
{
	struct eml *e = s->own;

	drafts_close(&e->drafts);
	free(e);
}

const struct mail_sink_kind mail_sink_eml = {
	.scheme = "eml",
	.open = eml_open,
	.check = eml_check,
	.begin = eml_begin,
	.settle = eml_settle,
	.finish = eml_finish,
	.forget = eml_forget,
	.clear = eml_clear,
	.close = eml_close,
};
