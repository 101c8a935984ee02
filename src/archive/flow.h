/*
 * flow: messages on their way through a job: one thread puts them in, workers take them and bring
 * them to an outcome, one thread collects them in batches. So many are on the way at most, which bounds
 * memory and open files. Who is too fast waits; once it is stopped everybody is told to go.
 */
#ifndef ARCHIVE_FLOW_H
#define ARCHIVE_FLOW_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "archive/journal.h"
#include "archive/mail_sink.h"
#include "util/error.h"

/* One of them. What a worker leaves in it is the collector's. */
struct message {
	struct journal_entry entry;
	struct mail_draft draft; /* in the job's mailbox or in failed/; zero: nothing is written */
	struct message *next;    /* the flow's */
	uint64_t turn;
	bool doubtful;   /* its outcome may be another one the next time */
	unsigned doubts; /* the collector's: how often it did not believe an outcome */
};

struct message_queue {
	struct message *first, *last;
	size_t count;
};

struct flow {
	pthread_mutex_t lock;
	pthread_cond_t room, work, outcome, end; /* for who puts in, takes, collects, and pauses */
	struct message *all;
	struct message_queue idle, waiting, ready;
	size_t size;
	size_t busy;    /* with workers */
	size_t most;    /* so many may be */
	size_t wanted;  /* as many at once as the collector takes */
	size_t low;     /* fewer that wait are told of, for flow_await */
	uint64_t turns; /* were put in */
	uint64_t due;   /* in order: the turn that is to be collected next */
	bool ordered;   /* collected as they were put in */
	bool ended;     /* no more are put in */
	bool stopped;   /* those that wait are left */
	int status;     /* why, where something failed; the first failure's */
	struct error err;
};

/*
 * flow_init(f, size, ordered): 0 or HSMIME_ENOMEM; free with flow_free in any case, which drops the drafts of those
 * that are on their way.
 */
int flow_init(struct flow *f, size_t size, bool ordered);
void flow_free(struct flow *f);

/*
 * flow_put(f, entry): *entry, which becomes zero, is on its way. False: stopped, and it stays the
 * caller's. flow_end(f): that was all.
 */
bool flow_put(struct flow *f, struct journal_entry *entry);
void flow_end(struct flow *f);

/*
 * flow_await(f, low, high, milliseconds): until fewer than low wait to be taken, it is stopped, or so long has passed: how many would
 * make them high, and can be put in at once. 0: none.
 */
size_t flow_await(struct flow *f, size_t low, size_t high, unsigned milliseconds);

/*
 * flow_take(f): for a worker; NULL: there are no more. flow_done(f, m): it has its outcome; the worker asks for
 * another at once.
 */
struct message *flow_take(struct flow *f);
void flow_done(struct flow *f, struct message *m);

/*
 * flow_limit(f, most): with workers are so many messages at most, one at least, from now on; whoever asks for another
 * waits. flow_is_short(f): so many are, and more wait.
 */
void flow_limit(struct flow *f, size_t most);
bool flow_is_short(struct flow *f);

/*
 * flow_again(f, m, by_worker): m is to be taken once more, its draft dropped and its outcome forgotten; by its
 * worker, or by who collected it.
 */
void flow_again(struct flow *f, struct message *m, bool by_worker);

/* flow_return(f, m): by who collected m: its outcome stays, and it is collected again, in its place. */
void flow_return(struct flow *f, struct message *m);

/*
 * flow_collect(f, messages, max, wait_ms):
 * Up to max that have their outcome, as soon as there are so many, or none is on its way, or wait_ms after there
 * was one. 0: there will be no more. flow_release(f, m): m is done with.
 */
size_t flow_collect(struct flow *f, struct message **messages, size_t max, unsigned wait_ms);
void flow_release(struct flow *f, struct message *m);

/* flow_stop(f, status, err): no more is begun; with a status, and why, that is what it came to. */
void flow_stop(struct flow *f, int status, const struct error *err);
bool flow_stopped(struct flow *f);

/* flow_pause(f, milliseconds): wait so long; less where it is stopped. */
void flow_pause(struct flow *f, unsigned milliseconds);

#endif
