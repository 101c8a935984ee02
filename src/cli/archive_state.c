/* How a job stands: for people, and as JSON. */
#include <stdint.h>
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

/* What it did in a second of work, as far as the journal tells; 0: nothing that could be told. */
static double rate_of(const hsmime_job_state *s)
{
	const hsmime_job_counts *c = &s->counts;
	uint64_t done = c->done + c->copied + c->skipped + c->failed;

	return s->worked > 0 && !s->dry_run ? (double)done / (double)s->worked : 0;
}

/* Seconds that the rest takes at that rate; NO_LEFT: nobody knows. */
#define NO_LEFT UINT64_MAX
#define LEFT_MOST 1e12

static uint64_t left_of(const hsmime_job_state *s)
{
	double rate = rate_of(s), left;

	if (s->finished)
		return 0;
	if (rate <= 0 || !s->counts.listed)
		return NO_LEFT;
	left = (double)s->counts.waiting / rate;
	return left < LEFT_MOST ? (uint64_t)(left + 0.5) : NO_LEFT;
}

static void write_pace(struct json *j, const hsmime_job_state *s)
{
	double rate = rate_of(s);
	uint64_t left = left_of(s);

	json_number(j, "worked", s->worked);
	if (rate > 0)
		json_tenths(j, "rate", (uint64_t)(rate * 10 + 0.5));
	else
		json_null(j, "rate");
	if (left != NO_LEFT)
		json_number(j, "seconds_left", left);
	else
		json_null(j, "seconds_left");
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
	write_pace(&j, s);
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

static void write_rate(const hsmime_job_state *s)
{
	double rate = rate_of(s);
	uint64_t left = left_of(s);
	char text[64];

	if (rate <= 0)
		return;
	snprintf(text, sizeof(text), "%.1f messages/s", rate);
	utf8_field(stdout, 10, "rate", text);
	if (s->counts.waiting == 0 || left == NO_LEFT)
		return;
	snprintf(text, sizeof(text), "%llu:%02u:%02u h at that rate",
	    (unsigned long long)left / 3600, (unsigned)(left / 60 % 60), (unsigned)(left % 60));
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
