/* What a running job shows, and the signals that stop it. */
#include "archive.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "progress.h"

#define INTERVAL 0.2 /* seconds between two pictures */

static volatile sig_atomic_t caught;
static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
#define SIGNALS (sizeof(signals) / sizeof(signals[0]))
static struct sigaction before[SIGNALS];

/* The next one does what it did before. */
static void stop(int signal)
{
	caught = signal;
	for (size_t i = 0; i < SIGNALS; i++)
		sigaction(signals[i], &before[i], NULL);
}

void archive_catch(void)
{
	struct sigaction action = { .sa_handler = stop, .sa_flags = SA_RESTART };

	sigfillset(&action.sa_mask);
	for (size_t i = 0; i < SIGNALS; i++)
		sigaction(signals[i], NULL, &before[i]);
	for (size_t i = 0; i < SIGNALS; i++)
		if (before[i].sa_handler != SIG_IGN)
			sigaction(signals[i], &action, NULL);
}

void archive_end(void)
{
	if (caught == 0)
		return;
	signal(caught, SIG_DFL);
	raise(caught);
}

static void draw(const hsmime_job_counts *c)
{
	uint64_t done = c->done + c->copied + c->skipped + c->failed;
	double rate = c->seconds > 0 ? (double)c->run / c->seconds : 0;
	double operations = c->seconds > 0 ? (double)c->operations / c->seconds : 0;

	fprintf(stderr, "\r%10llu done  %8llu failed  %8.1f messages/s  %8.1f token operations/s",
	    (unsigned long long)done, (unsigned long long)c->failed, rate, operations);
	if (c->listed && rate > 0)
		fprintf(stderr, "  %u:%02u left", (unsigned)((double)c->waiting / rate) / 60,
		    (unsigned)((double)c->waiting / rate) % 60);
	fputs("\033[K", stderr);
	fflush(stderr);
}

int archive_progress(void *arg, const hsmime_job_counts *counts)
{
	static double drawn;

	if (arg != NULL && counts->seconds - drawn >= INTERVAL) {
		drawn = counts->seconds;
		draw(counts);
	}
	return caught != 0;
}
