/*
 * compare: runs several commands in turn, many rounds, and prints of each its
 * median wall time in ms, CPU time in ms, peak resident memory in KiB and exit
 * status, separated by tabs. Taking turns keeps the ratios fair on a machine
 * whose speed drifts. The first round does not count.
 *
 * usage: bench_compare ROUNDS -- COMMAND [ARGUMENT ...] [-- COMMAND ...]...
 * Standard input and output of the commands are /dev/null.
 */
#include "raw_token.h"

#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>

#define MAX_COMMANDS 16
#define MAX_ROUNDS 500

extern char **environ;

struct command {
	char **argv;
	double wall[MAX_ROUNDS], cpu[MAX_ROUNDS], memory[MAX_ROUNDS];
	int status;
};

static double seconds(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec * 1e-6;
}

static void run(struct command *c, unsigned round)
{
	posix_spawn_file_actions_t files;
	struct rusage used;
	double began = 0;
	pid_t pid = 0;
	int status = 0;

	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0);
	began = bench_now();
	if (posix_spawnp(&pid, c->argv[0], &files, NULL, c->argv, environ) != 0 ||
	    wait4(pid, &status, 0, &used) != pid) {
		perror(c->argv[0]);
		exit(1);
	}
	c->wall[round] = (bench_now() - began) * 1e3;
	c->cpu[round] = (seconds(used.ru_utime) + seconds(used.ru_stime)) * 1e3;
	c->memory[round] = (double)used.ru_maxrss;
	if (status != 0)
		c->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	posix_spawn_file_actions_destroy(&files);
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *values, unsigned count)
{
	qsort(values, count, sizeof(*values), by_size);
	return values[count / 2];
}

/* Splits argv at its "--" words. */
static unsigned split(struct command *commands, char **argv)
{
	unsigned count = 0;

	for (char **word = argv; *word != NULL; word++) {
		if (strcmp(*word, "--") != 0)
			continue;
		*word = NULL;
		if (count == MAX_COMMANDS || word[1] == NULL)
			return 0;
		commands[count++].argv = word + 1;
	}
	return count;
}

int main(int argc, char **argv)
{
	static struct command commands[MAX_COMMANDS];
	unsigned rounds = argc > 2 ? bench_number(argv[1]) : 0;
	unsigned count = argc > 2 ? split(commands, argv + 2) : 0;
	int failed = 0;

	if (count == 0 || rounds >= MAX_ROUNDS) {
		fprintf(stderr, "usage: %s ROUNDS -- COMMAND ... [-- COMMAND ...]\n", argv[0]);
		return 2;
	}
	for (unsigned round = 0; round <= rounds; round++)
		for (unsigned i = 0; i < count; i++)
			run(&commands[i], round == 0 ? 0 : round - 1);
	for (unsigned i = 0; i < count; i++) {
		struct command *c = &commands[i];

		printf("%.3f\t%.3f\t%.0f\t%d\n", median(c->wall, rounds), median(c->cpu, rounds),
		    median(c->memory, rounds), c->status);
		failed |= c->status;
	}
	return failed != 0;
}
