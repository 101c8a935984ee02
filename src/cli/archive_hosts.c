/* Who works on a job of several hosts. */
#include "archive.h"

#include <stdio.h>

#include "text/utf8.h"
#include "text/values.h"

/* Of those that left or are gone so many newest ones are told; how many there were is told always. */
#define PAST_SHOWN 10

static const char *word(enum hsmime_job_presence presence)
{
	static const char *const words[] = { [HSMIME_HOST_PRESENT] = "at work",
		[HSMIME_HOST_LEFT] = "left",
		[HSMIME_HOST_GONE] = "gone" };

	return words[presence];
}

/* Outcomes in a second, from when it came to when it was seen last. */
static double rate_of(const hsmime_job_host *h)
{
	int64_t seconds = h->seen - h->since;

	return seconds > 0 ? (double)h->done / (double)seconds : 0;
}

static void write_host(const hsmime_job_host *h)
{
	char seen[TIME_TEXT_SIZE] = "";

	(void)time_text(seen, h->seen);
	fputs("  host ", stdout);
	utf8_print(stdout, h->name);
	printf(", process %llu: %s, seen %s, has %llu, done %llu, %.1f messages/s\n",
	    (unsigned long long)h->process, word(h->presence), seen, (unsigned long long)h->held,
	    (unsigned long long)h->done, rate_of(h));
}

void archive_hosts_text(const hsmime_job_state *s)
{
	size_t past = 0, passed = 0;

	for (size_t i = 0; i < s->host_count; i++)
		past += s->hosts[i].presence != HSMIME_HOST_PRESENT;
	for (size_t i = 0; i < s->host_count; i++) {
		if (s->hosts[i].presence == HSMIME_HOST_PRESENT || past - passed <= PAST_SHOWN)
			write_host(&s->hosts[i]);
		passed += s->hosts[i].presence != HSMIME_HOST_PRESENT;
	}
	if (past > PAST_SHOWN)
		printf("  and %zu hosts before them\n", past - PAST_SHOWN);
}

void archive_hosts_json(struct json *j, const hsmime_job_state *s)
{
	json_open(j, "hosts", '[');
	for (size_t i = 0; i < s->host_count; i++) {
		const hsmime_job_host *h = &s->hosts[i];

		json_open(j, NULL, '{');
		json_text(j, "name", h->name);
		json_number(j, "process", h->process);
		json_text(j, "state", word(h->presence));
		json_number(j, "has", h->held);
		json_number(j, "done", h->done);
		json_time(j, "since", h->since);
		json_time(j, "seen", h->seen);
		json_close(j, '}');
	}
	json_close(j, ']');
}
