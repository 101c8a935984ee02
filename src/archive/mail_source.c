#include "archive/mail_source.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "archive/mail_kinds.h"
#include "archive/stored_file.h"

static const struct mail_source_kind *const kinds[] = {
	&mail_source_maildir,
	&mail_source_tree,
	&mail_source_mbox,
	&mail_source_list,
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

void mail_item_free(struct mail_item *item)
{
	free(item->name);
	free(item->key);
	*item = (struct mail_item){ 0 };
}

/* The kind whose scheme and a colon name begins with, and what follows; NULL where there is none. */
static const struct mail_source_kind *named(const char **place, const char *name)
{
	for (size_t i = 0; i < KINDS; i++) {
		size_t len = strlen(kinds[i]->scheme);

		if (strncmp(name, kinds[i]->scheme, len) == 0 && name[len] == ':') {
			*place = name + len + 1;
			return kinds[i];
		}
	}
	return NULL;
}

static int unknown(struct error *err, const char *name)
{
	error_set(err, HSMIME_EUSAGE, "%s is no mailbox that hsmime knows", name);
	return error_hint(err,
	    "name a Maildir, a folder of .eml and .p7m files or an mbox, or say what it is: "
	    "maildir:, eml:, mbox:, list: before its path");
}

static int recognise(const struct mail_source_kind **kind, const char *name, struct error *err)
{
	struct stat st;
	bool is_maildir = false;
	int status = 0;

	*kind = &mail_source_mbox;
	if (strcmp(name, "-") == 0) {
		*kind = &mail_source_list;
		return 0;
	}
	if (stat(name, &st) != 0) {
		/* "mdir:Mail" is a wrong scheme rather than a file that is missing. */
		if (errno == ENOENT && strchr(name, ':') != NULL)
			return unknown(err, name);
		return error_errno(err, "can't open", name);
	}
	if (S_ISDIR(st.st_mode))
		status = stored_is_maildir(&is_maildir, name, err);
	else if (!S_ISREG(st.st_mode))
		status = unknown(err, name);
	if (S_ISDIR(st.st_mode))
		*kind = is_maildir ? &mail_source_maildir : &mail_source_tree;
	return status;
}

size_t mail_source_scheme(const char *name)
{
	const char *place = name;

	(void)named(&place, name);
	return (size_t)(place - name);
}

bool mail_source_is_list(const char *name)
{
	const char *place = name;

	return strcmp(name, "-") == 0 || named(&place, name) == &mail_source_list;
}

int mail_source_open(struct mail_source **out, const char *name, struct error *err)
{
	const struct mail_source_kind *kind = NULL;
	struct mail_source *s = NULL;
	const char *place = name;
	int status = 0;

	*out = NULL;
	kind = named(&place, name);
	if (kind == NULL)
		status = recognise(&kind, name, err);
	if (status != 0)
		return status;
	if (*place == '\0')
		return error_set(err, HSMIME_EUSAGE, "%s names no mailbox", name);
	s = calloc(1, sizeof(*s));
	if (s == NULL)
		return error_nomem(err);
	s->kind = kind;
	s->place = strdup(place);
	status = s->place == NULL ? error_nomem(err) : kind->open(s, s->place, err);
	if (status != 0) {
		mail_source_close(s);
		return status;
	}
	*out = s;
	return 0;
}

void mail_source_close(struct mail_source *s)
{
	if (s == NULL)
		return;
	s->kind->close(s);
	free(s->place);
	free(s->beside);
	free(s);
}

int mail_source_next(struct mail_item *item, bool *more, struct mail_source *s, struct error *err)
{
	int status;

	*item = (struct mail_item){ 0 };
	*more = false;
	status = s->kind->next(item, more, s, err);
	if (status != 0)
		mail_item_free(item);
	/* What there was no memory for would be passed over. */
	if (status == HSMIME_ENOMEM)
		*more = false;
	return status;
}

int mail_source_read(
    struct mail_octets *out, struct mail_source *s, const struct mail_item *item, struct error *err)
{
	*out = (struct mail_octets){ .fd = -1 };
	return s->kind->read(out, s, item, err);
}

void mail_octets_close(struct mail_octets *octets, struct mail_source *s)
{
	s->kind->done(octets);
	*octets = (struct mail_octets){ .fd = -1 };
}
