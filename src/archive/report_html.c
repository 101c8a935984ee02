/* What a job came to, as a page for the people who ordered it: one file, without scripts or anything from elsewhere. */
#include "archive/job.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "archive/report_html.h"
#include "text/utf8.h"
#include "text/values.h"

#define ROWS_MAX 60 /* of a chart; the rest in one */

static const char head[] =
    "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width\">\n<title>hsmime archive</title>\n"
    "<style>\n"
    "body{font:15px/1.45 system-ui,sans-serif;margin:2em auto;max-width:60em;padding:0 "
    "1em;color:#222}\n"
    "h1{font-size:1.5em}h2{font-size:1.15em;margin-top:2em}\n"
    "table{border-collapse:collapse;width:100%}td,th{padding:.25em .6em;text-align:left;"
    "vertical-align:top;border-bottom:1px solid #ddd}\n"
    "td.n,th.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}\n"
    "td.w{overflow-wrap:anywhere}\n"
    ".bar{display:flex;height:1em;min-width:1px}.bar i{display:block;height:100%}\n"
    ".d{background:#2e7d32}.c{background:#5c85ad}.s{background:#bbb}.f{background:#c62828}\n"
    ".key span{display:inline-block;width:.8em;height:.8em;margin:0 .3em 0 1em}\n"
    "@media print{body{margin:0;max-width:none}}\n"
    "</style></head><body>\n";

/* What may stand anywhere in a page. Nothing of a message is more than text. */
static void write_text(FILE *out, const char *text)
{
	while (*text != '\0') {
		uint32_t point = utf8_next(&text);

		if (point == '<' || point == '>' || point == '&' || point == '"' || point == '\'')
			fprintf(out, "&#%u;", (unsigned)point);
		else if (utf8_is_control(point))
			putc('?', out);
		else
			utf8_put(out, point);
	}
}

static void write_row(FILE *out, const char *name, const char *value)
{
	if (value == NULL)
		return;
	fprintf(out, "<tr><th scope=\"row\">%s</th><td class=\"w\">", name);
	write_text(out, value);
	fputs("</td></tr>\n", out);
}

static void write_number(FILE *out, const char *name, uint64_t number)
{
	char text[32];

	snprintf(text, sizeof(text), "%" PRIu64, number);
	write_row(out, name, text);
}

static void write_time(FILE *out, const char *name, int64_t when)
{
	char text[TIME_TEXT_SIZE];

	if (time_text(text, when))
		write_row(out, name, text);
}

static void write_facts(FILE *out, const struct job *j)
{
	const hsmime_job_state *s = j->state;

	fputs("<h1>", out);
	write_text(out, s->task);
	fprintf(out, ": %s</h1>\n<table>\n",
	    s->sealed     ? "finished, and sealed"
	    : s->finished ? "finished"
			  : "not finished; this is how it stands");
	write_row(out, "Mailbox that was read", s->in);
	write_row(out, "Mailbox that was written", s->out);
	write_row(out, "Folder of the job", s->folder);
	write_time(out, "Begun", s->started);
	write_time(out, "Last outcome", s->changed);
	write_number(out, "Messages waiting", s->counts.waiting);
	write_number(out, j->task->done, s->counts.done);
	write_number(out, "copied, as not encrypted", s->counts.copied);
	write_number(out, "left out", s->counts.skipped);
	write_number(out, "failed", s->counts.failed);
	if (s->counts.closed > 0)
		write_number(out, "of these with something encrypted in it that stayed so",
		    s->counts.closed);
	write_number(out, "Octets of the messages that came to an outcome", s->counts.octets);
	fputs("</table>\n", out);
}

static uint64_t sum(const struct journal_tally *t)
{
	uint64_t total = 0;

	for (int i = JOURNAL_DONE; i <= JOURNAL_FAILED; i++)
		total += t->counts[i];
	return total;
}

static void write_bar(FILE *out, const struct journal_tally *t, uint64_t most)
{
	static const char *const classes[] = { "", "d", "c", "s", "f" };

	fputs("<div class=\"bar\">", out);
	for (int i = JOURNAL_DONE; i <= JOURNAL_FAILED; i++)
		if (t->counts[i] > 0)
			fprintf(out, "<i class=\"%s\" style=\"width:%.2f%%\"></i>", classes[i],
			    100.0 * (double)t->counts[i] / (double)most);
	fputs("</div>", out);
}

static void write_bars(FILE *out, const struct journal_tally *rows, size_t count)
{
	uint64_t most = 1;

	for (size_t i = 0; i < count; i++)
		most = sum(&rows[i]) > most ? sum(&rows[i]) : most;
	for (size_t i = 0; i < count; i++) {
		fputs("<tr><td class=\"w\">", out);
		write_text(out, rows[i].value != NULL ? rows[i].value : "none, or not known");
		fprintf(out,
		    "</td><td class=\"n\">%" PRIu64 "</td><td class=\"n\">%" PRIu64
		    "</td><td style=\"width:45%%\">",
		    sum(&rows[i]), rows[i].counts[JOURNAL_FAILED]);
		write_bar(out, &rows[i], most);
		fputs("</td></tr>\n", out);
	}
}

/* Of very many rows the last ones are one. */
static size_t fold(struct journal_tally *rows, size_t count)
{
	for (size_t i = ROWS_MAX; i < count; i++) {
		for (int s = 0; s <= JOURNAL_FAILED; s++)
			rows[ROWS_MAX - 1].counts[s] += rows[i].counts[s];
		free(rows[i].value);
	}
	if (count <= ROWS_MAX)
		return count;
	free(rows[ROWS_MAX - 1].value);
	rows[ROWS_MAX - 1].value = strdup("all others");
	return ROWS_MAX;
}

/* A truth, as journals write it, in words; what is neither stays. */
static int say_truths(
    struct journal_tally *rows, size_t count, const char *if_true, const char *if_false)
{
	for (size_t i = 0; i < count; i++) {
		char first = rows[i].value != NULL ? rows[i].value[0] : '\0';
		char *words;

		if (first == '\0')
			continue;
		words = strdup(first == '1' || first == 't' ? if_true : if_false);
		if (words == NULL)
			return HSMIME_ENOMEM;
		free(rows[i].value);
		rows[i].value = words;
	}
	return 0;
}

static int write_chart(FILE *out, struct job *j, const char *title, const char *member,
    size_t octets, struct error *err)
{
	struct journal_tally *rows = NULL;
	size_t count = 0;
	int status = j->journal->kind->tally(&rows, &count, j->journal, member, octets, err);

	if (status != 0)
		return status;
	if (strcmp(member, "authenticated") == 0)
		status = say_truths(
		    rows, count, "yes", "no: it was open to changes until it was encrypted anew");
	count = fold(rows, count);
	fprintf(out,
	    "<h2>%s</h2>\n<table><tr><th></th><th class=\"n\">messages</th>"
	    "<th class=\"n\">failed</th><th></th></tr>\n",
	    title);
	write_bars(out, rows, count);
	fputs("</table>\n", out);
	for (size_t i = 0; i < count; i++)
		free(rows[i].value);
	free(rows);
	return status == 0 ? 0 : error_nomem(err);
}

static int write_failure(void *arg, const struct journal_entry *e)
{
	FILE *out = arg;

	fprintf(out, "<tr><td class=\"n\">%" PRIu64 "</td><td class=\"w\">", e->number);
	write_text(out, e->item.name != NULL ? e->item.name : "");
	fputs("</td><td>", out);
	write_text(out, e->cause != NULL ? e->cause : "");
	fputs("</td><td class=\"w\">", out);
	write_text(out, e->problem != NULL ? e->problem : "");
	fputs("</td><td class=\"w\">", out);
	write_text(out, e->output != NULL ? e->output : "");
	fputs("</td></tr>\n", out);
	return ferror(out) ? HSMIME_EIO : 0;
}

static int write_failures(FILE *out, struct job *j, struct error *err)
{
	int status;

	if (j->state->counts.failed == 0) {
		fputs("<h2>Failures</h2>\n<p>None.</p>\n", out);
		return 0;
	}
	fputs("<h2>Failures</h2>\n<table><tr><th class=\"n\">number</th><th>message</th>"
	      "<th>cause</th><th>what was wrong</th><th>in failed/</th></tr>\n",
	    out);
	status = j->journal->kind->each(j->journal, true, write_failure, out, err);
	fputs("</table>\n", out);
	return status;
}

int report_html(FILE *out, struct job *j, struct error *err)
{
	int status;

	fputs(head, out);
	write_facts(out, j);
	fprintf(out,
	    "<p class=\"key\"><span class=\"d\"></span>%s<span class=\"c\"></span>copied"
	    "<span class=\"s\"></span>left out<span class=\"f\"></span>failed</p>\n",
	    j->task->done);
	status = write_chart(out, j, "By year of the message", "date", 4, err);
	if (status == 0)
		status = write_chart(out, j, "By key that opened it", "key", 0, err);
	/* What is authenticated now may not have been. */
	if (status == 0 && j->options.reencrypt)
		status =
		    write_chart(out, j, "Authenticated before (AES-GCM)", "authenticated", 0, err);
	if (status == 0)
		status = write_chart(out, j, "By cause of failure", "cause", 0, err);
	if (status == 0)
		status = write_failures(out, j, err);
	fputs("</body></html>\n", out);
	return status;
}
