#include "functions.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NAME_MAX_HOST 256

struct joining {
	char name[NAME_MAX_HOST];
	unsigned lease;
	int64_t id;
};

static int join_once(struct link *l, void *arg, struct error *err)
{
	struct joining *g = arg;
	struct params p = { 0 };
	PGresult *r = NULL;
	int status;

	params_text(&p, g->name);
	params_number(&p, getpid());
	params_number(&p, g->lease);
	status = database_run(&r, l, SQL_JOIN, &p, err);
	if (status == 0)
		g->id = column_number(r, 0, 0);
	PQclear(r);
	return status;
}

/* What of a machine's name is text of any encoding. */
static void set_name(char name[NAME_MAX_HOST])
{
	if (gethostname(name, NAME_MAX_HOST) != 0)
		name[0] = '\0';
	name[NAME_MAX_HOST - 1] = '\0';
	for (char *c = name; *c != '\0'; c++)
		if (*c < 0x20 || *c > 0x7e)
			*c = '?';
}

int host_join(char tag[JOURNAL_TAG], struct journal *j, unsigned lease, struct error *err)
{
	struct database *d = database_of(j);
	struct joining g = { .lease = lease };
	int status;

	tag[0] = '\0';
	host_leave(d);
	set_name(g.name);
	status = database_do(&d->main, join_once, &g, err);
	if (status != 0)
		return status;
	d->takes = 0;
	atomic_store(&d->host, g.id);
	snprintf(tag, JOURNAL_TAG, "%lld", (long long)g.id);
	return 0;
}

int host_need(struct database *d, struct error *err)
{
	char tag[JOURNAL_TAG];
	struct journal j = { .own = d };

	return atomic_load(&d->host) != 0 ? 0 : host_join(tag, &j, JOURNAL_LEASE, err);
}

int host_check(struct link *l, int64_t done, struct error *err)
{
	struct params p = { 0 };
	int64_t rows = 0;
	int status;

	params_number(&p, atomic_load(&l->d->host));
	params_number(&p, done);
	status = database_changed(&rows, l, SQL_HOLD, &p, err);
	return status == 0 && rows == 0 ? JOURNAL_LOST : status;
}

static int hold_once(struct link *l, void *arg, struct error *err)
{
	(void)arg;
	return host_check(l, 0, err);
}

int host_hold(struct journal *j, struct error *err)
{
	struct database *d = database_of(j);
	int status = host_need(d, err);

	return status == 0 ? database_ask(&d->main, hold_once, NULL, err) : status;
}

int host_beat(struct journal *j, struct error *err)
{
	struct database *d = database_of(j);

	return atomic_load(&d->host) != 0 ? database_ask(&d->pulse, hold_once, NULL, err) : 0;
}

struct claim {
	enum sql which;
	bool mine;
};

static int claim_once(struct link *l, void *arg, struct error *err)
{
	struct claim *c = arg;
	struct params p = { 0 };
	int64_t rows = 0;
	int status = host_check(l, 0, err);

	params_number(&p, atomic_load(&l->d->host));
	if (status == 0)
		status = database_changed(&rows, l, c->which, &p, err);
	c->mine = rows > 0;
	return status;
}

int host_claim(bool *mine, struct journal *j, enum journal_duty duty, struct error *err)
{
	struct database *d = database_of(j);
	struct claim c = { duty == JOURNAL_LISTS ? SQL_CLAIM_LIST : SQL_CLAIM_FINISH, false };
	int status = host_need(d, err);

	if (status == 0)
		status = database_do(&d->main, claim_once, &c, err);
	*mine = status == 0 && c.mine;
	return status;
}

static int reap_once(struct link *l, void *arg, struct error *err)
{
	int64_t *id = arg;
	struct params p = { 0 };
	PGresult *r = NULL;
	int status;

	*id = 0;
	params_number(&p, atomic_load(&l->d->host));
	status = database_run(&r, l, SQL_REAP, &p, err);
	if (status == 0 && PQntuples(r) > 0)
		*id = column_number(r, 0, 0);
	PQclear(r);
	return status;
}

int host_reap(char tag[JOURNAL_TAG], struct journal *j, struct error *err)
{
	int64_t id = 0;
	int status = database_ask(&database_of(j)->main, reap_once, &id, err);

	tag[0] = '\0';
	if (status == 0 && id != 0)
		snprintf(tag, JOURNAL_TAG, "%lld", (long long)id);
	return status;
}

static int release_once(struct link *l, void *arg, struct error *err)
{
	struct params p = { 0 };
	int status;

	params_text(&p, arg);
	status = database_run(NULL, l, SQL_GIVE_BACK, &p, err);
	return status == 0 ? database_run(NULL, l, SQL_CLEARED, &p, err) : status;
}

int host_release(struct journal *j, const char *tag, struct error *err)
{
	return database_do(&database_of(j)->main, release_once, (void *)(uintptr_t)tag, err);
}

/* Its time runs out by itself where that can't be said. */
void host_leave(struct database *d)
{
	static const enum sql steps[] = { SQL_BEGIN, SQL_GIVE_BACK, SQL_LEAVE, SQL_COMMIT };
	int64_t id = atomic_exchange(&d->host, 0);
	struct params p = { 0 };
	struct error ignored = { 0 };
	int status = id != 0 && database_is_well(&d->main) ? 0 : HSMIME_EIO;

	params_number(&p, id);
	for (size_t i = 0; status == 0 && i < sizeof(steps) / sizeof(steps[0]); i++)
		status =
		    database_run(NULL, &d->main, steps[i], i == 1 || i == 2 ? &p : NULL, &ignored);
}

struct hosts {
	struct journal_host *rows;
	size_t count;
};

static void hosts_free(struct hosts *h)
{
	for (size_t i = 0; i < h->count; i++)
		free(h->rows[i].name);
	free(h->rows);
	*h = (struct hosts){ 0 };
}

static int read_host(struct journal_host *h, const PGresult *r, int row, struct error *err)
{
	int64_t state = column_number(r, row, 2);

	h->process = (uint64_t)column_number(r, row, 1);
	h->presence = state == 0 ? JOURNAL_PRESENT : state == 1 ? JOURNAL_LEFT : JOURNAL_GONE;
	h->held = (uint64_t)column_number(r, row, 3);
	h->done = (uint64_t)column_number(r, row, 4);
	h->since = column_number(r, row, 5);
	h->seen = column_number(r, row, 6);
	return column_text(&h->name, r, row, 0, err);
}

static int list_once(struct link *l, void *arg, struct error *err)
{
	struct hosts *h = arg;
	PGresult *r = NULL;
	int status = database_run(&r, l, SQL_HOSTS, NULL, err);

	hosts_free(h);
	if (status == 0) {
		h->rows = calloc((size_t)PQntuples(r) + 1, sizeof(*h->rows));
		status = h->rows != NULL ? 0 : error_nomem(err);
	}
	for (int i = 0; status == 0 && i < PQntuples(r); i++) {
		h->count++;
		status = read_host(&h->rows[i], r, i, err);
	}
	PQclear(r);
	return status;
}

int host_list(struct journal_host **hosts, size_t *count, struct journal *j, struct error *err)
{
	struct hosts h = { 0 };
	int status = database_ask(&database_of(j)->main, list_once, &h, err);

	if (status != 0)
		hosts_free(&h);
	*hosts = h.rows;
	*count = h.count;
	return status;
}
