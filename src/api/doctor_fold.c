/* A token with thousands of keys: what is found of many of them is told one by one of the first. */
#include "api/doctor.h"

#include <stdlib.h>

#define ONE_BY_ONE 20

static void drop(hsmime_finding *f)
{
	free(f->subject);
	free(f->what);
	free(f->what_to_do);
}

/* Work would end with the lower of the two exit statuses, as does the report. */
static int worse(int a, int b)
{
	if (a == 0 || b == 0)
		return a != 0 ? a : b;
	return hsmime_exit_status(b) < hsmime_exit_status(a) ? b : a;
}

static void fold_kind(struct doctor *d, size_t from, const char *id)
{
	hsmime_finding *rest = NULL;
	size_t kept = from, seen = 0;

	for (size_t i = from; i < d->count; i++) {
		hsmime_finding *f = &d->list[i];

		if (f->id == id && seen++ > ONE_BY_ONE) {
			rest->count++;
			rest->status = worse(rest->status, f->status);
			drop(f);
			continue;
		}
		d->list[kept] = *f;
		if (f->id == id && seen == ONE_BY_ONE + 1)
			rest = &d->list[kept];
		kept++;
	}
	d->count = kept;
}

void doctor_fold(struct doctor *d, size_t from)
{
	for (size_t kind = 0; d->count - from > ONE_BY_ONE && kind < DOCTOR_KINDS; kind++)
		fold_kind(d, from, doctor_rows[kind].id);
}
