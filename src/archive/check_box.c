/* Outputs and sources against what a manifest says of them. */
#include "archive/check.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "archive/check_hash.h"
#include "archive/stored_file.h"
#include "text/values.h"
#include "util/hex.h"

/* What is said of the mailboxes. */
static const struct words {
	const char *gone, *missing, *altered, *unreadable;
} words[BOXES] = {
	[BOX_OUT] = { "no-mailbox", "missing", "altered", "unreadable" },
	[BOX_FAILED] = { "no-mailbox", "missing", "altered", "unreadable" },
	[BOX_IN] = { "no-source", "source-missing", "source-altered", "source-unreadable" },
};

int check_box_name(char **out, const struct checking *c, enum box_place place)
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

int check_box_open(struct checking *c, enum box_place place)
{
	struct box *b = &c->boxes[place];
	bool asked =
	    place == BOX_OUT ? c->options->out != NULL : place == BOX_IN && c->options->in != NULL;
	char *name = NULL;
	int status = 0;

	if (b->source != NULL || b->list || b->gone)
		return 0;
	if (check_box_name(&name, c, place) != 0)
		return error_nomem(&c->ctx->err);
	if (name != NULL && mail_source_is_list(name) && place == BOX_OUT)
		status = error_set(
		    &c->ctx->err, HSMIME_EUSAGE, "%s is no mailbox that a job writes", name);
	else if (name != NULL && mail_source_is_list(name))
		b->list = true;
	else if (name != NULL)
		status = mail_source_open(&b->source, name, &c->ctx->err);
	if (b->source != NULL)
		b->source->unsearched = true;
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

/* Of what was opened by its path alone: nothing. */
static const struct mail_source_kind *kind_of(const struct box *b)
{
	static const struct mail_source_kind none = { 0 };

	return b->source != NULL ? b->source->kind : &none;
}

/* A name of a list counts from where the list was given, unless the caller has another one. */
static char *path_of(const struct checking *c, enum box_place place, const char *name)
{
	const char *folder = c->options->in == NULL ? c->facts.list_folder : NULL;
	char *path = NULL;

	if (!c->boxes[place].list || folder == NULL || name[0] == '/')
		return strdup(name);
	return asprintf(&path, "%s/%s", folder, name) < 0 ? NULL : path;
}

/* The message of that name; what it is known by in a listing is *key then, free it. */
static int open_message(struct mail_octets *octets, char **key, struct checking *c,
    enum box_place place, const char *name)
{
	struct box *b = &c->boxes[place];
	const struct mail_source_kind *kind = kind_of(b);
	struct error *err = &c->ctx->err;
	struct mail_item item = { .name = path_of(c, place, name), .size = HSMIME_SIZE_UNKNOWN };
	int status = item.name != NULL ? 0 : error_nomem(err);

	*octets = (struct mail_octets){ .fd = -1 };
	if (status == 0 && kind->find != NULL) {
		mail_item_free(&item);
		status = kind->find(&item, b->source, name, place != BOX_IN, err);
	}
	if (status == 0)
		status = b->list ? open_listed(octets, &item, err)
				 : mail_source_read(octets, b->source, &item, err);
	if (status == 0) {
		*key = kind->key_of != NULL ? kind->key_of(item.name) : strdup(item.name);
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

/* Where names may change, as in a Maildir, it may be there under another, which a listing tells: then it is looked at again. */
static int put_off(struct checking *c, enum box_place place, const struct check_wanted *w)
{
	char hex[2 * MANIFEST_SHA + 1], *that = NULL;
	char *key = c->boxes[place].source->kind->key_of(w->name);
	struct error *err = &c->ctx->err;
	int status = 0;

	hex_lower(hex, w->sha, MANIFEST_SHA);
	if (key == NULL || asprintf(&that, "%" PRIu64 " %" PRIu64 " %s %s", w->line, w->number, hex,
			       w->name) < 0) {
		that = NULL;
		status = error_nomem(err);
	}
	error_clear(err);
	if (status == 0)
		status = c->ledger->kind->add(
		    c->ledger, (enum ledger_place)place, LEDGER_PUT_OFF, key, that, err);
	c->boxes[place].put_off = true;
	free(that);
	free(key);
	return status != 0 ? status : CHECK_LATER;
}

/* The octets that were opened have that hash: *same, or a finding. */
static int compare(bool *same, struct checking *c, enum box_place place,
    const struct check_wanted *w, const hsmime_source *source)
{
	/* In an mbox each message has an end of line. */
	bool ended = place != BOX_IN && kind_of(&c->boxes[place])->packed;
	int status = check_hash(same, c, source, w->sha, ended);

	if (status != 0 || *same)
		return status;
	return check_tell(c,
	    (hsmime_custody_finding){ words[place].altered, w->line, w->number, w->name, NULL },
	    "its SHA-256 is another one");
}

int check_one(char **key, struct checking *c, enum box_place place, const struct check_wanted *w,
    const char *path)
{
	struct box *b = &c->boxes[place];
	struct error *err = &c->ctx->err;
	hsmime_custody_finding f = { words[place].missing, w->line, w->number, w->name, NULL };
	struct mail_octets octets;
	bool same = false;
	int status = open_message(&octets, key, c, place, path);

	if (status == 0) {
		f.kind = words[place].unreadable;
		status = compare(&same, c, place, w, &octets.source);
	} else if (status == HSMIME_EIO && kind_of(b)->key_of != NULL && path == w->name) {
		status = put_off(c, place, w);
	}
	close_message(&octets, b);
	*(place == BOX_IN ? &c->found->sources : &c->found->outputs) += same;
	if (status != HSMIME_EIO)
		return status == CHECK_LATER ? 0 : status;
	status = check_tell(
	    c, f, "%s", err->message[0] != '\0' ? err->message : "it can't be read to its end");
	error_clear(err);
	return status;
}

int check_output(struct checking *c, const struct manifest_line *line)
{
	enum box_place place = strcmp(line->outcome, "failed") == 0 ? BOX_FAILED : BOX_OUT;
	const struct check_wanted w = { c->line, line->number, line->output, line->output_sha };
	char *key = NULL;
	int status = check_box_open(c, place);

	if (status == 0 && !c->boxes[place].gone)
		status = check_one(&key, c, place, &w, w.name);
	if (status == 0 && key != NULL)
		status = c->ledger->kind->add(
		    c->ledger, (enum ledger_place)place, LEDGER_LINE, key, NULL, &c->ctx->err);
	free(key);
	return status;
}

int check_source(struct checking *c, const struct manifest_line *line)
{
	const struct check_wanted w = { c->line, line->number, line->name, line->input_sha };
	char *key = NULL;
	int status = check_box_open(c, BOX_IN);

	if (status == 0 && !c->boxes[BOX_IN].gone && w.name != NULL)
		status = check_one(&key, c, BOX_IN, &w, w.name);
	free(key);
	return status;
}

void check_boxes_close(struct checking *c)
{
	for (int i = 0; i < BOXES; i++)
		mail_source_close(c->boxes[i].source);
}
