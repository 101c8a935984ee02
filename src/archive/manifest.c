#include "archive/manifest.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hsmime/context.h>

#include "text/json.h"

int manifest_facts_line(char **out, const struct manifest_facts *f)
{
	size_t len = 0;
	struct json j = { .compact = true, .out = open_memstream(out, &len) };
	bool failed;

	if (j.out == NULL) {
		*out = NULL;
		return HSMIME_ENOMEM;
	}
	json_open(&j, NULL, '{');
	json_number(&j, "manifest", MANIFEST_VERSION);
	json_text(&j, "hsmime", hsmime_version());
	json_text(&j, "job", f->job);
	json_text(&j, "task", f->task);
	json_text(&j, "in", f->in);
	json_text(&j, "out", f->out);
	if (f->list_folder != NULL)
		json_text(&j, "list_folder", f->list_folder);
	json_number(&j, "messages", f->done + f->copied + f->skipped + f->failed);
	json_number(&j, f->done_word, f->done);
	json_number(&j, "copied", f->copied);
	json_number(&j, "skipped", f->skipped);
	json_number(&j, "failed", f->failed);
	json_number(&j, "octets", f->octets);
	json_time(&j, "started", f->started);
	json_time(&j, "finished", f->finished);
	json_close(&j, '}');
	fputc('\n', j.out);
	failed = ferror(j.out) != 0;
	if (fclose(j.out) == 0 && !failed)
		return 0;
	free(*out);
	*out = NULL;
	return HSMIME_ENOMEM;
}

static int take_text(char **field, const struct ledger_member *m)
{
	free(*field);
	*field = strdup(m->text);
	return *field != NULL ? 0 : HSMIME_ENOMEM;
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The first len octets of a text in hexadecimal. */
static bool from_hex(unsigned char *out, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		int high = digit(text[2 * i]), low = high < 0 ? -1 : digit(text[2 * i + 1]);

		if (low < 0)
			return false;
		out[i] = (unsigned char)(high << 4 | low);
	}
	return true;
}

bool manifest_sha_read(unsigned char out[MANIFEST_SHA], const char *text)
{
	return from_hex(out, text, MANIFEST_SHA);
}

static int take_octets(char **field, const struct ledger_member *m)
{
	size_t len = strlen(m->text) / 2;
	char *octets = calloc(len + 1, 1);

	if (octets == NULL)
		return HSMIME_ENOMEM;
	free(*field);
	*field = octets;
	return strlen(m->text) == 2 * len && from_hex((unsigned char *)octets, m->text, len) &&
		       strlen(octets) == len
		   ? 0
		   : HSMIME_EFORMAT;
}

static int take_sha(unsigned char out[MANIFEST_SHA], bool *has, const struct ledger_member *m)
{
	*has = manifest_sha_read(out, m->text) && m->text[2 * (size_t)MANIFEST_SHA] == '\0';
	return *has ? 0 : HSMIME_EFORMAT;
}

enum member_kind { NUMBER, TEXT, OCTETS, SHA };

/* What is read of a line. Of members of one place only one is there. */
static const struct member {
	const char *name;
	enum member_kind kind;
	bool may_be_null;
	size_t offset; /* in struct manifest_line */
	unsigned place;
} members[] = {
#define AT(field) offsetof(struct manifest_line, field)
	{ "manifest", NUMBER, false, AT(version), 0 },
	{ "messages", NUMBER, false, AT(messages), 1 },
	{ "copied", NUMBER, false, AT(copied), 2 },
	{ "skipped", NUMBER, false, AT(skipped), 3 },
	{ "failed", NUMBER, false, AT(failed), 4 },
	{ "task", TEXT, false, AT(task), 5 },
	{ "in", TEXT, true, AT(in), 6 },
	{ "out", TEXT, true, AT(out), 7 },
	{ "started", TEXT, true, AT(started), 8 },
	{ "finished", TEXT, true, AT(finished), 9 },
	{ "number", NUMBER, false, AT(number), 10 },
	{ "outcome", TEXT, false, AT(outcome), 11 },
	{ "name", TEXT, true, AT(name), 12 },
	{ "output", TEXT, true, AT(output), 13 },
	{ "input_sha256", SHA, false, AT(input_sha), 14 },
	{ "output_sha256", SHA, false, AT(output_sha), 15 },
	{ "name_hex", OCTETS, false, AT(name), 16 },
	{ "output_hex", OCTETS, false, AT(output), 17 },
	{ "list_folder", TEXT, false, AT(list_folder), 18 },
#undef AT
};
#define MEMBERS (sizeof(members) / sizeof(members[0]))
#define SEEN(place) (1U << (place))
#define FACTS_WANTED (SEEN(0) | SEEN(1) | SEEN(2) | SEEN(3) | SEEN(4) | SEEN(5))
#define MESSAGE_WANTED (SEEN(10) | SEEN(11))
#define NAME_HEX SEEN(16)
#define OUTPUT_HEX SEEN(17)

static int take(struct manifest_line *line, const struct member *is, const struct ledger_member *m)
{
	void *field = (char *)line + is->offset;
	bool *has = field == line->input_sha ? &line->has_input : &line->has_output_sha;

	if (m->type != (is->kind == NUMBER ? LEDGER_NUMBER : LEDGER_TEXT))
		return is->may_be_null && m->text == NULL ? 0 : HSMIME_EFORMAT;
	switch (is->kind) {
	case NUMBER:
		*(uint64_t *)field = m->number;
		return 0;
	case SHA:
		return take_sha(field, has, m);
	case OCTETS:
		return take_octets(field, m);
	default:
		return take_text(field, m);
	}
}

/* The octets of a name stand above its text, whichever comes first. */
static bool is_said_better(const struct manifest_line *line, const struct member *is)
{
	return (is->place == 12 && (line->seen & NAME_HEX) != 0) ||
	       (is->place == 13 && (line->seen & OUTPUT_HEX) != 0);
}

static int visit(void *arg, const struct ledger_member *m)
{
	struct manifest_line *line = arg;

	for (size_t i = 0; i < MEMBERS; i++) {
		const struct member *is = &members[i];
		int status;

		if (strcmp(is->name, m->name) != 0)
			continue;
		line->wrong = is->name;
		if ((line->seen & SEEN(is->place)) != 0)
			return HSMIME_EFORMAT;
		line->seen |= SEEN(is->place);
		status = is_said_better(line, is) ? 0 : take(line, is, m);
		line->wrong = status == 0 ? NULL : is->name;
		return status;
	}
	return 0;
}

static int judge(struct manifest_line *line, struct error *err)
{
	line->is_facts = (line->seen & SEEN(0)) != 0;
	if (line->is_facts && (line->seen & FACTS_WANTED) == FACTS_WANTED &&
	    (line->seen & MESSAGE_WANTED) == 0)
		return 0;
	if (!line->is_facts && (line->seen & MESSAGE_WANTED) == MESSAGE_WANTED && line->number > 0)
		return 0;
	return error_set(err, HSMIME_EFORMAT, "it says neither of a message nor of a job enough");
}

int manifest_line_read(
    struct manifest_line *line, struct ledger *l, const char *text, size_t len, struct error *err)
{
	int status;

	*line = (struct manifest_line){ 0 };
	status = l->kind->members(l, text, len, visit, line, err);
	if (status == HSMIME_EFORMAT && line->wrong != NULL)
		status = error_set(err, HSMIME_EFORMAT,
		    "its member %s is there twice, or not as it has to be", line->wrong);
	else if (status == HSMIME_ENOMEM)
		status = error_nomem(err);
	return status == 0 ? judge(line, err) : status;
}

void manifest_line_free(struct manifest_line *line)
{
	free(line->task);
	free(line->in);
	free(line->out);
	free(line->list_folder);
	free(line->started);
	free(line->finished);
	free(line->outcome);
	free(line->name);
	free(line->output);
	*line = (struct manifest_line){ 0 };
}
