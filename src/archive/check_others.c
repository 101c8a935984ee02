/* What is in the mailboxes, beside what a manifest names; and what it names, where it had to be listed first. */
#include "archive/check.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int unlisted(struct checking *c, enum box_place place)
{
	int status = check_tell(c,
	    (hsmime_custody_finding){
		.kind = place == BOX_IN ? "source-unreadable" : "unreadable" },
	    "%s", c->ctx->err.message);

	error_clear(&c->ctx->err);
	return status;
}

static int list_box(struct checking *c, enum box_place place, struct mail_source *s)
{
	bool more = true, paths = s->kind->key_of != NULL;
	int status = 0;

	while (status == 0 && more) {
		struct mail_item item;

		status = mail_source_next(&item, &more, s, &c->ctx->err);
		if (status == HSMIME_EIO)
			status = unlisted(c, place);
		else if (status == 0 && more)
			status = c->ledger->kind->add(c->ledger, (enum ledger_place)place,
			    LEDGER_THERE, item.key, paths ? item.name : NULL, &c->ctx->err);
		mail_item_free(&item);
	}
	if (status != 0 || s->passed_over == 0 || place == BOX_IN)
		return status;
	return check_tell(c, (hsmime_custody_finding){ .kind = "no-file" },
	    "%" PRIu64 " entries of %s are no files, as symbolic links", s->passed_over, s->place);
}

/* Of a mailbox that is not asked for by any line there may be none. */
static bool is_wanted(const struct checking *c, enum box_place place, const char *name)
{
	if (c->boxes[place].gone || name == NULL)
		return false;
	if (place == BOX_IN)
		return c->boxes[place].put_off;
	if (c->boxes[place].source != NULL)
		return true;
	return place == BOX_OUT ? c->writes : access(strchr(name, ':') + 1, F_OK) == 0;
}

/* From its beginning. */
static int list(struct checking *c, enum box_place place)
{
	struct mail_source *s = NULL;
	char *name = NULL;
	int status = check_box_name(&name, c, place) != 0 ? error_nomem(&c->ctx->err) : 0;
	bool wanted = status == 0 && is_wanted(c, place, name);

	if (wanted)
		status = check_box_open(c, place);
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

/* What it was, as check_box.c wrote it down. */
static bool read_wanted(struct check_wanted *w, unsigned char *sha, const char *that)
{
	char *end = NULL;

	w->line = strtoull(that, &end, 10);
	w->number = strtoull(end, &end, 10);
	w->sha = sha;
	if (*end++ != ' ' || strlen(end) <= 2 * MANIFEST_SHA)
		return false;
	w->name = end + 2 * MANIFEST_SHA + 1;
	return manifest_sha_read(sha, end);
}

static int look_late(void *arg, enum ledger_place place, const char *that, const char *path)
{
	struct checking *c = arg;
	unsigned char sha[MANIFEST_SHA];
	struct check_wanted w;
	char *key = NULL;
	int status;

	if (!read_wanted(&w, sha, that))
		return HSMIME_EINTERNAL;
	if (path == NULL)
		return check_tell(c,
		    (hsmime_custody_finding){ place == LEDGER_IN ? "source-missing" : "missing",
			w.line, w.number, w.name, NULL },
		    "it is not there, under no flags either");
	status = check_one(&key, c, (enum box_place)place, &w, path);
	free(key);
	return status;
}

int check_others(struct checking *c)
{
	bool late = false;
	int status = 0;

	for (int place = 0; place < BOXES && status == 0; place++) {
		late = late || c->boxes[place].put_off;
		status = list(c, (enum box_place)place);
	}
	if (status == 0 && late)
		status = c->ledger->kind->put_off(c->ledger, look_late, c, &c->ctx->err);
	if (status != 0)
		return status;
	return c->ledger->kind->differences(c->ledger, differs, c, &c->ctx->err);
}
