/* How a job stands: for people, and as JSON. */
#include <stdio.h>
#include <string.h>

#include "archive.h"
#include "text/utf8.h"
#include "text/values.h"

/* What is said of a message that was done, as in the manifest. */
static const char *done_word(const hsmime_job_state *s)
{
	if (strcmp(s->task, "verify") == 0)
		return "valid";
	return strcmp(s->task, "rewrap") == 0 ? "rewrapped" : "decrypted";
}

static void write_counts(struct json *j, const hsmime_job_state *s)
{
	const hsmime_job_counts *c = &s->counts;

	json_number(j, "waiting", c->waiting);
	json_number(j, done_word(s), c->done);
	json_number(j, "copied", c->copied);
	json_number(j, "skipped", c->skipped);
	json_number(j, "failed", c->failed);
	if (strcmp(s->task, "decrypt") == 0 && !s->dry_run)
		json_number(j, "closed", c->closed);
	json_bool(j, "listed", c->listed != 0);
	json_number(j, "octets", c->octets);
}

static void write_json(struct job *job, const hsmime_job_state *s, int status)
{
	struct json j = { .out = stdout };

	json_open(&j, NULL, '{');
	job_json(&j, job, status);
	json_text(&j, "task", s->task);
	json_text(&j, "in", s->in);
	json_text(&j, "out", s->out);
	json_text(&j, "job", s->folder);
	json_bool(&j, "finished", s->finished != 0);
	json_bool(&j, "stopped", s->stopped != 0);
	if (s->dry_run)
		archive_dry_run_json(&j, s);
	json_bool(&j, "sealed", s->sealed != 0);
	json_time(&j, "started", s->started);
	json_time(&j, "changed", s->changed);
	write_counts(&j, s);
	json_number(&j, "unlisted", s->unlisted);
	json_number(&j, "passed_over", s->passed_over);
	json_open(&j, "causes", '[');
	for (size_t i = 0; i < s->cause_count; i++) {
		json_open(&j, NULL, '{');
		json_text(&j, "cause", s->causes[i].cause);
		json_number(&j, "messages", s->causes[i].messages);
		json_close(&j, '}');
	}
	json_close(&j, ']');
	if (s->host_count > 0)
		archive_hosts_json(&j, s);
	json_close(&j, '}');
	job->reported = true;
}

static void write_time(const char *name, int64_t when)
{
	char text[TIME_TEXT_SIZE];

	if (time_text(text, when))
		utf8_field(stdout, 10, name, text);
}

static void write_number(const char *name, uint64_t number)
{
	char text[32];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)number);
	utf8_field(stdout, 10, name, text);
}

static void write_closed(uint64_t number)
{
	char text[96];

	snprintf(text, sizeof(text), "%llu messages, in which something encrypted stays so",
	    (unsigned long long)number);
	if (number > 0)
		utf8_field(stdout, 10, "closed", text);
}

/* What it does in a second, as far as the journal tells: from its beginning to its last outcome. */
static void write_rate(const hsmime_job_state *s)
{
	const hsmime_job_counts *c = &s->counts;
	uint64_t done = c->done + c->copied + c->skipped + c->failed;
	double seconds = s->changed != HSMIME_NO_TIME ? (double)(s->changed - s->started) : 0;
	double rate = seconds > 0 ? (double)done / seconds : 0;
	char text[64];

	if (rate <= 0)
		return;
	snprintf(text, sizeof(text), "%.1f messages/s", rate);
	utf8_field(stdout, 10, "rate", text);
	if (c->waiting == 0 || !c->listed)
		return;
	snprintf(text, sizeof(text), "%.0f minutes at that rate", (double)c->waiting / rate / 60);
	utf8_field(stdout, 10, "left", text);
}

static const char *state_words(const hsmime_job_state *s)
{
	if (s->finished)
		return s->sealed ? "finished, and sealed" : "finished";
	return s->counts.listed ? "not finished" : "not finished, and its mailbox not listed yet";
}

static void write_text(const hsmime_job_state *s)
{
	utf8_print(stdout, s->folder);
	printf(": %s\n", state_words(s));
	utf8_field(stdout, 10, "in", s->in);
	utf8_field(stdout, 10, "out", s->out);
	write_time("started", s->started);
	write_time("changed", s->changed);
	write_number(done_word(s), s->counts.done);
	write_number("copied", s->counts.copied);
	write_number("skipped", s->counts.skipped);
	write_number("failed", s->counts.failed);
	write_closed(s->counts.closed);
	write_number("waiting", s->counts.waiting);
	write_rate(s);
	for (size_t i = 0; i < s->cause_count; i++)
		printf("  failed of %s: %llu\n", s->causes[i].cause,
		    (unsigned long long)s->causes[i].messages);
	archive_hosts_text(s);
}

void archive_state(struct job *job, const hsmime_job_state *s, int status)
{
	if (option_is(job->options, OPT_JSON))
		write_json(job, s, status);
	else if (!option_is(job->options, OPT_QUIET) && s->dry_run)
		archive_dry_run_text(s);
	else if (!option_is(job->options, OPT_QUIET))
		write_text(s);
}
