/* --dry-run: what would come of a job. */
#include "archive.h"

#include <stdio.h>
#include <string.h>

#include "text/utf8.h"

static void write_number(const char *name, uint64_t number)
{
	char text[32];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)number);
	utf8_field(stdout, 16, name, text);
}

static uint64_t total(const hsmime_job_counts *c)
{
	return c->done + c->copied + c->skipped + c->failed;
}

static const char *done_name(const hsmime_job_state *s)
{
	if (strcmp(s->task, "verify") == 0)
		return "valid";
	return strcmp(s->task, "rewrap") == 0 ? "to rewrap" : "to decrypt";
}

static bool is_verify(const hsmime_job_state *s)
{
	return strcmp(s->task, "verify") == 0;
}

void archive_dry_run_text(const hsmime_job_state *s)
{
	const hsmime_job_counts *c = &s->counts;
	uint64_t before = total(c) - c->run;

	utf8_print(stdout, s->folder);
	printf(": %s\n", s->finished ? "finished; there is nothing left to do"
				     : "a dry run: nothing was written");
	utf8_field(stdout, 16, "in", s->in);
	utf8_field(stdout, 16, "out", s->out);
	write_number("messages", total(c));
	write_number("octets", c->octets);
	/* Of a job that was begun. */
	if (before > 0) {
		write_number("done before", before);
		write_number("left", c->run);
	}
	write_number(done_name(s), c->done);
	write_number(is_verify(s) ? "to be opened" : "to copy", c->copied);
	write_number("to skip", c->skipped);
	write_number("would fail", c->failed);
	for (size_t i = 0; i < s->cause_count; i++)
		printf("  of %s: %llu\n", s->causes[i].cause,
		    (unsigned long long)s->causes[i].messages);
	write_number("token operations", c->operations);
}

void archive_dry_run_json(struct json *j, const hsmime_job_state *s)
{
	json_bool(j, "dry_run", true);
	json_number(j, "left", s->counts.run);
	json_number(j, "operations", s->counts.operations);
	if (is_verify(s))
		json_number(j, "to_be_opened", s->counts.copied);
}
