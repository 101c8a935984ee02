/* Outputs and sources against what a manifest says of them. */
#include "archive/check.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "archive/check_hash.h"
#include "archive/maildir_find.h"
#include "archive/mbox_at.h"
#include "archive/stored_file.h"
#include "text/values.h"

/* What is said of the mailboxes. */
static const struct words {
	const char *gone, *missing, *altered, *unreadable;
} words[BOXES] = {
	[BOX_OUT] = { "no-mailbox", "missing", "altered", "unreadable" },
	[BOX_FAILED] = { "no-mailbox", "missing", "altered", "unreadable" },
	[BOX_IN] = { "no-source", "source-missing", "source-altered", "source-unreadable" },
};

static bool is_kind(const struct box *b, const char *scheme)
{
	return b->source != NULL && strcmp(b->source->kind->scheme, scheme) == 0;
}

/* The mailbox's name, free it; NULL: nobody says one. */
static int name_box(char **out, const struct checking *c, enum box_place place)
{
	const hsmime_check_options *o = c->options;
	const char *name = place == BOX_OUT ? o->out : o->in;
	const char *slash = strrchr(c->path, '/');

	*out = NULL;
	if (place == BOX_FAILED) {
		int len = slash != NULL ? (int)(slash - c->path) + 1 : 0;

		if (o->folder != NULL)
			return asprintf(out, "eml:%s/failed", o->folder) < 0 ? HSMIME_ENOMEM : 0;
		return asprintf(out, "eml:%.*sfailed", len, c->path) < 0 ? HSMIME_ENOMEM : 0;
	}
	if (name == NULL)
		name = place == BOX_OUT ? c->found->out : c->found->in;
	*out = name != NULL ? strdup(name) : NULL;
	return name == NULL || *out != NULL ? 0 : HSMIME_ENOMEM;
}

static bool is_list(const char *name)
{
	return strcmp(name, "-") == 0 || strncmp(name, "list:", 5) == 0;
}

static int gone(struct checking *c, enum box_place place, const char *name)
{
	c->boxes[place].gone = true;
	if (name == NULL)
		return check_tell(c, (hsmime_custody_finding){ .kind = words[place].gone },
		    "nobody says where the mailbox is: name it with --%s",
		    place == BOX_IN ? "in" : "out");
	return check_tell(c, (hsmime_custody_finding){ .kind = words[place].gone, .name = name },
	    "the mailbox: %s", c->ctx->err.message);
}

/* One that the caller names has to be there; one that the manifest names and that is not is a finding. */
static int open_box(struct checking *c, enum box_place place)
{
	struct box *b = &c->boxes[place];
	bool asked =
	    place == BOX_OUT ? c->options->out != NULL : place == BOX_IN && c->options->in != NULL;
	char *name = NULL;
	int status = 0;

	if (b->source != NULL || b->list || b->gone)
		return 0;
	if (name_box(&name, c, place) != 0)
		return error_nomem(&c->ctx->err);
	if (name != NULL && is_list(name) && place == BOX_OUT)
		status = error_set(
		    &c->ctx->err, HSMIME_EUSAGE, "%s is no mailbox that a job writes", name);
	else if (name != NULL && is_list(name))
		b->list = true;
	else if (name != NULL)
		status = mail_source_open(&b->source, name, &c->ctx->err);
	if (name == NULL || ((status == HSMIME_EIO || status == HSMIME_EUSAGE) && !asked))
		status = gone(c, place, name);
	free(name);
	return status;
}

/* Nothing but a file is opened: a device may do something when it is. */
static int open_listed(struct mail_octets *octets, const struct mail_item *item, struct error *err)
{
	struct stat st;
	int fd = -1;

	*octets = (struct mail_octets){ .fd = -1 };
	errno = 0;
	if (stat(item->name, &st) == 0 && !S_ISREG(st.st_mode))
		return error_set(err, HSMIME_EIO, "%s is not a file", item->name);
	if (errno == 0)
		fd = stored_given(item->name);
	return stored_read(octets, fd, item, err);
}

static int find_in_mbox(struct mail_item *item, struct box *b, enum box_place place,
    const char *name, struct error *err)
{
	uint64_t offset = 0;

	if (strcmp(name, "0") != 0 && !count_parse(&offset, name))
		return error_set(err, HSMIME_EIO, "%s is no place in an mbox", name);
	return place == BOX_IN ? mbox_next_at(item, b->source, offset, err)
			       : mbox_from_at(item, b->source, offset, err);
}

/* The message of that name; what it is known by in a listing is *key then, free it. */
static int open_message(struct mail_octets *octets, char **key, struct box *b, enum box_place place,
    const char *name, struct error *err)
{
	struct mail_item item = { .name = strdup(name), .size = HSMIME_SIZE_UNKNOWN };
	int status = item.name != NULL ? 0 : error_nomem(err);

	*octets = (struct mail_octets){ .fd = -1 };
	if (status == 0 && is_kind(b, "mbox")) {
		mail_item_free(&item);
		status = find_in_mbox(&item, b, place, name, err);
	}
	if (status == 0)
		status = b->list ? open_listed(octets, &item, err)
				 : mail_source_read(octets, b->source, &item, err);
	if (status == 0) {
		*key = is_kind(b, "maildir") ? maildir_key(item.name) : strdup(item.name);
		status = *key != NULL ? 0 : error_nomem(err);
	}
	mail_item_free(&item);
	return status;
}

static void close_message(struct mail_octets *octets, const struct box *b)
{
	if (b->list)
		stored_done(octets);
	else
		mail_octets_close(octets, b->source);
}

/* *same: it has that hash; *key: what it is known by, where it is there. Both unset: a finding was told. */
static int compare(bool *same, char **key, struct checking *c, enum box_place place,
    const char *name, const unsigned char *sha)
{
	struct box *b = &c->boxes[place];
	hsmime_custody_finding f = { .line = c->line, .name = name };
	struct error *err = &c->ctx->err;
	struct mail_octets octets;
	int status = open_message(&octets, key, b, place, name, err);

	f.kind = words[place].missing;
	if (status == 0) {
		f.kind = words[place].unreadable;
		/* In an mbox each message has an end of line. */
		status =
		    check_hash(same, c, &octets.source, sha, place != BOX_IN && is_kind(b, "mbox"));
	}
	close_message(&octets, b);
	if (status == 0 && !*same) {
		f.kind = words[place].altered;
		return check_tell(c, f, "its SHA-256 is another one");
	}
	if (status != HSMIME_EIO)
		return status;
	status = check_tell(
	    c, f, "%s", err->message[0] != '\0' ? err->message : "it can't be read to its end");
	error_clear(err);
	return status;
}

int check_output(struct checking *c, const struct manifest_line *line)
{
	enum box_place place = strcmp(line->outcome, "failed") == 0 ? BOX_FAILED : BOX_OUT;
	bool same = false;
	char *key = NULL;
	int status = open_box(c, place);

	if (status == 0 && !c->boxes[place].gone)
		status = compare(&same, &key, c, place, line->output, line->output_sha);
	if (status == 0 && key != NULL)
		status = c->ledger->kind->add(
		    c->ledger, (enum ledger_place)place, LEDGER_LINE, key, &c->ctx->err);
	c->found->outputs += same;
	free(key);
	return status;
}

int check_source(struct checking *c, const struct manifest_line *line)
{
	bool same = false;
	char *key = NULL;
	int status = open_box(c, BOX_IN);

	if (status == 0 && !c->boxes[BOX_IN].gone && line->name != NULL)
		status = compare(&same, &key, c, BOX_IN, line->name, line->input_sha);
	c->found->sources += same;
	free(key);
	return status;
}

static int unlisted(struct checking *c, enum box_place place)
{
	int status = check_tell(c, (hsmime_custody_finding){ .kind = words[place].unreadable },
	    "%s", c->ctx->err.message);

	error_clear(&c->ctx->err);
	return status;
}

static int list_box(struct checking *c, enum box_place place, struct mail_source *s)
{
	bool more = true;
	int status = 0;

	while (status == 0 && more) {
		struct mail_item item;

		status = mail_source_next(&item, &more, s, &c->ctx->err);
		if (status == HSMIME_EIO)
			status = unlisted(c, place);
		else if (status == 0 && more)
			status = c->ledger->kind->add(c->ledger, (enum ledger_place)place,
			    LEDGER_THERE, item.key, &c->ctx->err);
		mail_item_free(&item);
	}
	if (status != 0 || s->passed_over == 0)
		return status;
	return check_tell(c, (hsmime_custody_finding){ .kind = "no-file" },
	    "%" PRIu64 " entries of %s are no files, as symbolic links", s->passed_over, s->place);
}

/* Of a mailbox that is not asked for by any line there may be none. */
static bool is_wanted(const struct checking *c, enum box_place place, const char *name)
{
	if (c->boxes[place].gone || name == NULL)
		return false;
	if (c->boxes[place].source != NULL)
		return true;
	return place == BOX_OUT ? c->writes : access(strchr(name, ':') + 1, F_OK) == 0;
}

/* From its beginning. */
static int list(struct checking *c, enum box_place place)
{
	struct mail_source *s = NULL;
	char *name = NULL;
	int status = name_box(&name, c, place) != 0 ? error_nomem(&c->ctx->err) : 0;
	bool wanted = status == 0 && is_wanted(c, place, name);

	if (wanted)
		status = open_box(c, place);
	if (wanted && status == 0 && !c->boxes[place].gone) {
		status = mail_source_open(&s, name, &c->ctx->err);
		if (status == 0)
			status = list_box(c, place, s);
	}
	mail_source_close(s);
	free(name);
	return status;
}

static int differs(
    void *arg, enum ledger_place place, const char *key, uint64_t lines, uint64_t there)
{
	struct checking *c = arg;
	hsmime_custody_finding f = { .kind = "not-in-manifest", .name = key };

	if (lines == 0 && place == LEDGER_OUT && c->options->shared)
		return 0;
	if (there > lines && lines > 0)
		return check_tell(
		    c, f, "it is in the mailbox %" PRIu64 " times under that name", there);
	if (there > lines)
		return check_tell(c, f, "no line of the manifest names it");
	f.kind = lines > 1 ? "named-twice" : "missing";
	if (lines > 1)
		return check_tell(c, f, "%" PRIu64 " lines of the manifest name it", lines);
	return check_tell(c, f, "it is no message of the mailbox");
}

int check_others(struct checking *c)
{
	int status = list(c, BOX_OUT);

	if (status == 0)
		status = list(c, BOX_FAILED);
	if (status != 0)
		return status;
	return c->ledger->kind->differences(c->ledger, differs, c, &c->ctx->err);
}

void check_boxes_close(struct checking *c)
{
	for (int i = 0; i < BOXES; i++)
		mail_source_close(c->boxes[i].source);
}
