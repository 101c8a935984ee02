/*
 * query: one look at one token, for a search. Where other tokens can be looked at too it is made in
 * a thread of its own (engine/zone.h), so that one that hangs is passed over like one that fails.
 */
#ifndef ENGINE_QUERY_H
#define ENGINE_QUERY_H

#include "engine/search.h"

#define QUERY_TEMPLATE_MAX 6 /* attributes, the class apart */

/* In memory of its own, with copies of the template's values: a call that never returns may read them. */
struct query {
	struct search *s;
	CK_OBJECT_CLASS object_class;
	CK_ATTRIBUTE template[QUERY_TEMPLATE_MAX + 1]; /* the class in front */
	size_t count;
	size_t before; /* hits on other tokens */
	search_each each;
	void *arg;
	size_t shown;
	/* Private to query.c. */
	struct work work;
	struct error err;
	work_function run;
	bool returned;
	unsigned char values[];
};

/*
 * query_new(out, s, object_class, template, count): HSMIME_ENOMEM, told to s->err, or 0. At most
 * QUERY_TEMPLATE_MAX attributes.
 */
int query_new(struct query **out, struct search *s, CK_OBJECT_CLASS object_class,
    const CK_ATTRIBUTE *template, size_t count);

/*
 * query_run(done, q, t, login, run):
 * run(work, q) on t by work_run, logged in where login says so. Returns 0 or a status; a token that
 * fails, hangs or can't do it (HSMIME_ETOKEN, HSMIME_EUNSUPPORTED; HSMIME_EPIN where
 * s->passes_pin) is logged, noted in s->passed, and passed over: 0, but *done is false. So is one
 * whose PIN failed in this search, where login says so: nobody is asked for it again.
 */
int query_run(bool *done, struct query *q, struct token *t, bool login, work_function run);

/* query_free(q): NULL is allowed. What a call that never returned uses is left to it. */
void query_free(struct query *q);

#endif
