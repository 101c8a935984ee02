#include "progress.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <hsmime/stream.h>

#define PATIENCE 2.0 /* seconds before the bar appears */
#define INTERVAL 0.2 /* seconds between two pictures of it */
#define WIDTH 30
#define LEFT_MAX (100.0 * 3600)

static double began, drawn;
static bool visible;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void draw_share(double share, double left)
{
	char bar[WIDTH + 1];
	unsigned seconds = (unsigned)(left < LEFT_MAX ? left : LEFT_MAX);

	memset(bar, ' ', WIDTH);
	memset(bar, '#', (size_t)(share * WIDTH));
	bar[WIDTH] = '\0';
	fprintf(
	    stderr, "  [%s] %3.0f %%  %u:%02u left", bar, share * 100, seconds / 60, seconds % 60);
}

static void draw(uint64_t done, uint64_t total, double seconds)
{
	double rate = (double)done / seconds;

	fprintf(stderr, "\r%8.1f MB  %7.1f MB/s", (double)done / 1e6, rate / 1e6);
	if (total != HSMIME_SIZE_UNKNOWN && total > 0 && done > 0 && done <= total)
		draw_share((double)done / (double)total, (double)(total - done) / rate);
	fputs("\033[K", stderr);
	fflush(stderr);
	visible = true;
}

void progress_show(void *arg, uint64_t done, uint64_t total)
{
	double t = now();

	(void)arg;
	if (began == 0)
		began = t;
	if (t - began < PATIENCE || t - drawn < INTERVAL)
		return;
	drawn = t;
	draw(done, total, t - began);
}

void progress_clear(void)
{
	if (visible)
		fputs("\r\033[K", stderr);
	visible = false;
}
