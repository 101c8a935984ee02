#include "engine/diagnose.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <p11-kit/p11-kit.h>

#include "engine/cryptoki.h"
#include "engine/engine_internal.h"
#include "engine/mechanism.h"
#include "engine/module.h"
#include "engine/printed.h"
#include "engine/recovery.h"
#include "engine/slot.h"
#include "engine/slot_ask.h"
#include "engine/uri.h"
#include "engine/watch.h"

#define READERS_MAX 256

/* What is asked for, for the thread that does it. */
struct question {
	struct engine *e;
	const char *uri;
	struct error *err;
	struct diagnosis_module *module;
	struct diagnosis_reader *reader;
	CK_SLOT_ID *slots;
	size_t count;
	struct diagnosis_token *token;
};

static int ask_module(void *arg)
{
	struct question *q = arg;
	struct diagnosis_module *d = q->module;
	CK_INFO info = { 0 };
	CK_RV rv = cryptoki_info(q->e->module, &info);

	if (rv != CKR_OK) {
		recovery_name(rv, d->refusal, sizeof(d->refusal));
		return 0;
	}
	printed_text(d->maker, info.manufacturerID, sizeof(info.manufacturerID));
	printed_text(d->name, info.libraryDescription, sizeof(info.libraryDescription));
	d->version[0] = info.libraryVersion.major;
	d->version[1] = info.libraryVersion.minor;
	d->cryptoki[0] = info.cryptokiVersion.major;
	d->cryptoki[1] = info.cryptokiVersion.minor;
	return 0;
}

int diagnose_module(struct diagnosis_module *d, struct engine *e, struct error *err)
{
	struct question q = { .e = e, .module = d };

	memset(d, 0, sizeof(*d));
	d->file = e->module->file;
	d->all = e->module->proxy;
	return engine_run(e, ask_module, &q, err);
}

const char *diagnose_p11kit(void)
{
	return P11KIT_VERSION;
}

static void fill_reader(struct diagnosis_reader *d, struct module *m, CK_SLOT_ID slot)
{
	CK_SLOT_INFO info = { 0 };
	CK_TOKEN_INFO token = { 0 };
	CK_RV rv;

	rv = cryptoki_slot_info(m, slot, &info);
	if (rv == CKR_OK)
		printed_slot(d->name, &info);
	d->removable = (info.flags & CKF_REMOVABLE_DEVICE) != 0;
	if (rv == CKR_OK && (info.flags & CKF_TOKEN_PRESENT) == 0)
		return;
	if (rv == CKR_OK)
		rv = cryptoki_token_info(m, slot, &token);
	d->token = rv == CKR_OK;
	if (rv != CKR_OK && rv != CKR_TOKEN_NOT_PRESENT)
		recovery_name(rv, d->refusal, sizeof(d->refusal));
}

static int ask_slots(void *arg)
{
	struct question *q = arg;
	CK_ULONG n = READERS_MAX;
	CK_RV rv = cryptoki_all_slots(q->e->module, q->slots, &n);

	if (rv != CKR_OK)
		return recovery_error(q->err, rv, NULL, "list the readers");
	q->count = n < READERS_MAX ? n : READERS_MAX;
	return 0;
}

static int ask_reader(void *arg)
{
	struct question *q = arg;
	CK_SLOT_ID slot = *q->slots;
	struct token *t = slot_token(q->e->module, slot), *before;

	/* One that does not say its name has a number at least. */
	snprintf(q->reader->name, sizeof(q->reader->name), "slot %lu", slot);
	if (t != NULL && atomic_load(&t->stuck) > 0)
		return watch_stuck(q->err, t);
	before = watch_token(t);
	fill_reader(q->reader, q->e->module, slot);
	watch_token(before);
	return 0;
}

/* One that hangs keeps nobody from the others, unless it is the module that is stuck. */
static int ask_each(struct diagnosis_reader *list, size_t *count, struct question *slots)
{
	for (*count = 0; *count < slots->count; *count += 1) {
		struct diagnosis_reader *d = &list[*count];
		struct question q = {
			.e = slots->e, .slots = &slots->slots[*count], .reader = d, .err = &d->stuck
		};
		int r = engine_run(q.e, ask_reader, &q, &d->stuck);

		if (r < 0 && diagnose_stuck(q.e)) {
			*slots->err = d->stuck;
			*count += 1;
			return r;
		}
	}
	return 0;
}

/* Where a call is given up, its thread touches nothing any more: what it filled in before is there. */
int diagnose_readers(
    struct diagnosis_reader **list, size_t *count, struct engine *e, struct error *err)
{
	CK_SLOT_ID *slots = calloc(READERS_MAX, sizeof(*slots));
	struct question q = { .e = e, .slots = slots, .err = err };
	int r = slots != NULL ? engine_run(e, ask_slots, &q, err) : error_nomem(err);

	*count = 0;
	*list = NULL;
	if (r < 0 && diagnose_stuck(e))
		return r; /* the call writes there if it returns after all */
	if (r == 0)
		*list = calloc(q.count + 1, sizeof(**list));
	if (r == 0 && *list == NULL)
		r = error_nomem(err);
	if (r == 0)
		r = ask_each(*list, count, &q);
	free(slots);
	return r;
}

bool diagnose_stuck(const struct engine *e)
{
	return atomic_load(&e->module->stuck) > 0;
}

/*
 * What it can do of a ladder: by a mechanism of its own, by padding in software, or not; unknown where it
 * failed on the way, with its code in refusal.
 */
static enum diagnosis_way way_of(struct module *m, CK_SLOT_ID slot, enum ladder ladder,
    CK_FLAGS flag, char *refusal, size_t size)
{
	enum diagnosis_way way = DIAGNOSIS_MISSING;
	size_t count = 0;
	const struct rung *rungs = mechanism_rungs(ladder, &count);

	for (size_t i = 0; i < count; i++) {
		CK_MECHANISM_INFO info = { 0 };
		CK_RV rv = cryptoki_mechanism_info(m, slot, rungs[i].type, &info);

		if (rv == CKR_OK && (info.flags & flag) != 0)
			return rungs[i].padding_in_software ? DIAGNOSIS_BY_SOFTWARE
							    : DIAGNOSIS_DIRECT;
		if (rv == CKR_OK || recovery_of(rv) == RECOVERY_MECHANISM)
			continue;
		way = DIAGNOSIS_UNKNOWN;
		recovery_name(rv, refusal, size);
	}
	return way;
}

static int fill_token(struct diagnosis_token *d, const struct token *t, struct error *err)
{
	static const struct {
		enum ladder ladder;
		CK_FLAGS flag;
		const char *name;
	} rows[DIAGNOSIS_OPERATIONS] = {
		{ LADDER_SIGN_PKCS1, CKF_SIGN, "RSA PKCS#1 v1.5 signatures" },
		{ LADDER_SIGN_PSS, CKF_SIGN, "RSA-PSS signatures" },
		{ LADDER_SIGN_ECDSA, CKF_SIGN, "ECDSA signatures" },
		{ LADDER_DECRYPT_PKCS1, CKF_DECRYPT, "RSA PKCS#1 v1.5 decryption" },
		{ LADDER_DECRYPT_OAEP, CKF_DECRYPT, "RSA-OAEP decryption" },
		{ LADDER_DERIVE, CKF_DERIVE, "ECDH key agreement" },
	};
	CK_SLOT_ID slot = atomic_load(&t->slot);
	CK_TOKEN_INFO info = { 0 };
	CK_RV rv = cryptoki_token_info(t->module, slot, &info);

	if (rv != CKR_OK)
		return recovery_error(err, rv, t->label, "say what it can do");
	d->hardware[0] = info.hardwareVersion.major;
	d->hardware[1] = info.hardwareVersion.minor;
	d->firmware[0] = info.firmwareVersion.major;
	d->firmware[1] = info.firmwareVersion.minor;
	if (info.ulSessionCount != CK_UNAVAILABLE_INFORMATION)
		d->sessions = info.ulSessionCount;
	if (info.ulMaxSessionCount != CK_UNAVAILABLE_INFORMATION)
		d->sessions_max = info.ulMaxSessionCount;
	for (size_t i = 0; i < DIAGNOSIS_OPERATIONS; i++) {
		d->operations[i].name = rows[i].name;
		d->operations[i].way = way_of(
		    t->module, slot, rows[i].ladder, rows[i].flag, d->refusal, sizeof(d->refusal));
	}
	return 0;
}

static int ask_token(void *arg)
{
	struct question *q = arg;
	struct uri u;
	struct token *t, *before;
	int r = uri_parse(&u, q->uri, q->e->module, q->err);

	if (r < 0)
		return r;
	t = engine_token_first(q->e, &u);
	uri_free(&u);
	if (t == NULL)
		return error_set(q->err, HSMIME_ENOKEY, "the token is gone");
	if (atomic_load(&t->stuck) > 0)
		return watch_stuck(q->err, t);
	before = watch_token(t);
	r = fill_token(q->token, t, q->err);
	watch_token(before);
	return r;
}

int diagnose_token(struct diagnosis_token *d, struct engine *e, const char *uri, struct error *err)
{
	struct question q = { .e = e, .uri = uri, .token = d, .err = err };

	memset(d, 0, sizeof(*d));
	return engine_run(e, ask_token, &q, err);
}
