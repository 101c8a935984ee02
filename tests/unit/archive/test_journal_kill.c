/*
 * A process that is killed at any moment: what a commit had returned for is there, and nothing is there
 * twice. The child tells by a pipe what it committed; the parent has no other knowledge of it.
 */
#include "jobs.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#define KILLS 50
#define STEP 40 /* messages that the child adds, and outcomes that it commits, at a time */

/* What the child says: after an add how many there are; after a commit one of them, whose number is that. */
struct told {
	uint64_t added;
	uint64_t number;
};

static void tell(int to, uint64_t added, uint64_t number)
{
	struct told t = { added, number };

	if (write(to, &t, sizeof(t)) != sizeof(t))
		_exit(1);
}

static void need(int status)
{
	if (status != 0)
		_exit(2);
}

static void work_step(struct journal *j, int to)
{
	struct journal_entry e[STEP];
	struct error err;
	size_t n;

	need(j->kind->take(e, &n, STEP, j, &err));
	for (size_t i = 0; i < n; i++) {
		e[i].state = e[i].number % 3 == 0 ? JOURNAL_FAILED : JOURNAL_DONE;
		e[i].cause = strdup("no-key");
		e[i].output = strdup(e[i].item.name);
	}
	/* Of several hosts none appends, and what one that was killed had is done behind what comes after it. */
	need(j->kind->commit(j, e, n, n > 0 && !journal_is_shared() ? e[n - 1].number : 0, &err));
	for (size_t i = 0; i < n; i++)
		tell(to, 0, e[i].number);
	job_free(e, n);
}

/* What those have that were killed is given out again. */
static void reap_all(struct journal *j)
{
	char tag[JOURNAL_TAG] = "";
	struct error err;

	do {
		need(j->kind->reap(tag, j, &err));
		if (tag[0] != '\0')
			need(j->kind->release(j, tag, &err));
	} while (tag[0] != '\0');
}

/* Lists from the start, as one does that finds the listing not at its end, and works in between. */
_Noreturn static void child(int to)
{
	struct journal *j = NULL;
	char tag[JOURNAL_TAG];
	struct error err;

	need(journal_open(&j, job_place(), SETTINGS, &err));
	need(j->kind->join(tag, j, 1, &err));
	for (uint64_t at = 1;; at += STEP) {
		char names[STEP][32];
		struct mail_item items[STEP] = { { 0 } };

		for (size_t i = 0; i < STEP; i++) {
			snprintf(names[i], sizeof(names[i]), "m%llu", (unsigned long long)(at + i));
			items[i].name = names[i];
			items[i].size = 1;
		}
		need(j->kind->add(j, items, STEP, &err));
		tell(to, at + STEP - 1, 0);
		reap_all(j);
		work_step(j, to);
	}
}

/* All that the child said, until its end; it is killed behind so many messages of it. */
static void run_and_kill(uint64_t *added, bool *done, size_t room, unsigned after)
{
	struct told t;
	int fd[2], status;
	unsigned count = 0;
	pid_t pid;

	assert_int_equal(pipe(fd), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		close(fd[0]);
		child(fd[1]);
	}
	close(fd[1]);
	while (read(fd[0], &t, sizeof(t)) == sizeof(t)) {
		if (t.added > *added)
			*added = t.added;
		assert_true(t.number < room);
		/* Its outcome had been there already. */
		assert_false(t.number != 0 && done[t.number]);
		done[t.number] = t.number != 0;
		if (++count == after)
			assert_int_equal(kill(pid, SIGKILL), 0);
	}
	close(fd[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

struct check {
	bool *done;
	uint64_t last, outcomes;
};

static int check_one(void *arg, const struct journal_entry *e)
{
	struct check *c = arg;
	char name[32];

	/* Numbers without a gap, and each the name that it had at first: none is there twice. */
	assert_int_equal(e->number, c->last + 1);
	c->last = e->number;
	snprintf(name, sizeof(name), "m%llu", (unsigned long long)e->number);
	assert_string_equal(e->item.name, name);
	if (c->done[e->number])
		assert_int_not_equal(e->state, JOURNAL_WAITING);
	if (e->state != JOURNAL_WAITING) {
		assert_string_equal(e->output, name);
		assert_int_equal(e->state, e->number % 3 == 0 ? JOURNAL_FAILED : JOURNAL_DONE);
		/* What was committed and not told any more. */
		c->done[e->number] = true;
		c->outcomes++;
	}
	return 0;
}

/*
 * Whom nobody hears any more a server may still be doing the last that it asked: what is counted before
 * and afterwards has to be the same.
 */
static void read_all(struct journal_totals *t, struct check *c, struct journal *j, bool *done)
{
	struct journal_totals before;
	struct error err;

	do {
		*c = (struct check){ .done = done };
		assert_int_equal(j->kind->totals(&before, j, &err), 0);
		assert_int_equal(j->kind->each(j, false, check_one, c, &err), 0);
		assert_int_equal(j->kind->totals(t, j, &err), 0);
	} while (memcmp(before.counts, t->counts, sizeof(t->counts)) != 0);
}

static void check_all(bool *done, uint64_t added)
{
	struct journal *j = job_open(NULL);
	struct journal_totals t;
	struct check c;

	read_all(&t, &c, j, done);
	assert_true(c.last >= added);
	assert_int_equal(t.counts[JOURNAL_WAITING], c.last - c.outcomes);
	assert_int_equal(t.counts[JOURNAL_DONE] + t.counts[JOURNAL_FAILED], c.outcomes);
	assert_int_equal(t.committed, journal_is_shared() ? 0 : c.outcomes);
	journal_close(j);
}

static void nothing_is_lost_or_twice_behind_a_kill(void **state)
{
	size_t room = (size_t)KILLS * 3000;
	bool *done = calloc(room, sizeof(*done));
	uint64_t added = 0;

	(void)state;
	assert_non_null(done);
	srand(4);
	/* One that had not been told of its first messages made the file. */
	journal_close(job_open(SETTINGS));
	for (int i = 0; i < KILLS; i++) {
		run_and_kill(&added, done, room, 1 + (unsigned)rand() % (40 + 20 * (unsigned)i));
		check_all(done, added);
	}
	assert_true(done[1] && added > STEP);
	free(done);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		JOB_TEST(nothing_is_lost_or_twice_behind_a_kill),
	};

	return job_test("test_journal_kill", tests, sizeof(tests) / sizeof(tests[0]));
}
