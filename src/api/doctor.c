#include "api/doctor.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/zone.h"

void hsmime_findings_free(hsmime_finding *list, size_t count)
{
	for (size_t i = 0; list != NULL && i < count; i++) {
		free(list[i].subject);
		free(list[i].what);
		free(list[i].what_to_do);
	}
	free(list);
}

static char *copy_text(struct doctor *d, const char *text)
{
	char *copy = text != NULL && text[0] != '\0' ? strdup(text) : NULL;

	d->nomem |= text != NULL && text[0] != '\0' && copy == NULL;
	return copy;
}

static bool make_room(struct doctor *d)
{
	size_t room = d->room == 0 ? 64 : d->room * 2;
	hsmime_finding *larger;

	if (d->count < d->room)
		return true;
	larger = realloc(d->list, room * sizeof(*larger));
	if (larger == NULL) {
		d->nomem = true;
		return false;
	}
	d->list = larger;
	d->room = room;
	return true;
}

static void add(struct doctor *d, enum doctor_kind kind, const char *subject, const char *what,
    const char *what_to_do, int status)
{
	const struct doctor_row *row = &doctor_rows[kind];

	if (!make_room(d))
		return;
	d->list[d->count++] = (hsmime_finding){ row->id, row->area, copy_text(d, subject),
		row->level, row->level == HSMIME_FINDING_ERROR ? status : 0, copy_text(d, what),
		copy_text(d, what_to_do), 1 };
}

void doctor_say(struct doctor *d, enum doctor_kind kind, const char *subject, const char *fmt, ...)
{
	struct error line = { 0 };
	va_list args;

	va_start(args, fmt);
	vsnprintf(line.message, sizeof(line.message), fmt, args);
	va_end(args);
	error_tidy(line.message);
	add(d, kind, subject, line.message, doctor_rows[kind].what_to_do, doctor_rows[kind].status);
}

void doctor_fail(
    struct doctor *d, enum doctor_kind kind, const char *subject, const struct error *err)
{
	const struct doctor_row *row = &doctor_rows[kind];

	add(d, kind, subject,
	    err->message[0] != '\0' ? err->message : hsmime_status_name(err->code),
	    err->hint[0] != '\0' ? err->hint : row->what_to_do,
	    err->code != 0 ? err->code : row->status);
}

int doctor_question(struct doctor *d, int (*run)(void *arg), void *arg, struct error *err)
{
	return zone_run(run, arg, d->ctx->shared->call_limit, err);
}

/* All the names in one list. */
static int gather_keys(struct doctor *d)
{
	const char *const *more = d->options->more_keys;
	size_t n = 0, room = 1;
	const char **names;

	while (more != NULL && more[room - 1] != NULL)
		room++;
	names = calloc(room, sizeof(*names));
	d->keys.names = names;
	d->keys.found = calloc(room, sizeof(*d->keys.found));
	if (names == NULL || d->keys.found == NULL)
		return error_nomem(&d->ctx->err);
	if (d->options->key != NULL)
		names[n++] = d->options->key;
	for (size_t i = 0; i + 1 < room; i++)
		names[n++] = more[i];
	d->keys.count = n;
	return diagnose_keys(&d->keys, NULL, &d->ctx->err);
}

static int examine(struct doctor *d)
{
	int status = gather_keys(d);

	if (status == 0)
		doctor_host(d);
	if (status == 0)
		status = doctor_module(d);
	if (status == 0 && d->nomem)
		status = error_nomem(&d->ctx->err);
	free((void *)d->keys.names);
	free(d->keys.found);
	return status;
}

int hsmime_doctor(
    hsmime_finding **list, size_t *count, hsmime_ctx *ctx, const hsmime_doctor_options *options)
{
	struct doctor d = { .ctx = ctx, .options = options };
	int status;

	*list = NULL;
	*count = 0;
	ctx_begin(ctx);
	status = examine(&d);
	if (status == 0) {
		error_clear(&ctx->err);
		*list = d.list;
		*count = d.count;
	} else {
		hsmime_findings_free(d.list, d.count);
	}
	return ctx_end(ctx, status);
}
