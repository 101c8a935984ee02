/* The module, its readers, and the service behind card readers. */
#include "api/doctor.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define PCSCD "/run/pcscd/pcscd.comm"

struct configured {
	struct diagnosis_configured *list;
	size_t count;
	struct error err;
};

static int list_configured(void *arg)
{
	struct configured *t = arg;

	return diagnose_configured(&t->list, &t->count, &t->err);
}

/* Whether it could be loaded. */
static bool tell_configured(struct doctor *d, const struct diagnosis_configured *c)
{
	if (c->unloaded)
		doctor_say(d, DOCTOR_MODULE_UNLOADED, c->text,
		    "p11-kit is configured with this module, but can't load it");
	else if (c->stuck.code != 0)
		doctor_fail(d, DOCTOR_MODULE_STUCK, c->text, &c->stuck);
	else if (c->refusal[0] != '\0')
		doctor_say(d, DOCTOR_MODULE_UNSTARTED, c->text,
		    "p11-kit is configured with this module, but it does not start (%s), and its "
		    "tokens are not there",
		    c->refusal);
	else
		doctor_say(
		    d, DOCTOR_MODULE_CONFIGURED, c->text, "p11-kit is configured with this module");
	return !c->unloaded;
}

/* To list them is to load them. */
static void configured(struct doctor *d)
{
	struct configured t = { .count = 0 };
	size_t loaded = 0;

	if (doctor_question(d, list_configured, &t, &t.err) != 0) {
		doctor_fail(d, DOCTOR_MODULE_STUCK, "p11-kit", &t.err);
		return;
	}
	for (size_t i = 0; i < t.count; i++)
		loaded += tell_configured(d, &t.list[i]);
	if (loaded == 0)
		doctor_say(d, DOCTOR_MODULE_NONE_CONFIGURED, NULL,
		    "p11-kit has no module that it can load");
	diagnose_configured_free(t.list, t.count);
}

static void tell_module(struct doctor *d, struct engine *e)
{
	struct diagnosis_module m;
	struct error err = { 0 };

	if (diagnose_module(&m, e, &err) != 0)
		doctor_fail(d, DOCTOR_MODULE_STUCK, m.file, &err);
	else if (m.refusal[0] != '\0')
		doctor_say(d, DOCTOR_MODULE_NAMELESS, m.file,
		    "the module is loaded, but does not say what it is (C_GetInfo: %s)", m.refusal);
	else
		doctor_say(d, DOCTOR_MODULE_LOADED, m.file,
		    "the module is loaded: %s%s%s %u.%u, PKCS#11 %u.%u", m.maker,
		    m.maker[0] != '\0' ? ", " : "", m.name, m.version[0], m.version[1],
		    m.cryptoki[0], m.cryptoki[1]);
	if (m.all)
		configured(d);
}

static bool service_answers(int *why)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = PCSCD };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool answers = fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;

	*why = answers ? 0 : errno;
	if (fd >= 0)
		close(fd);
	return answers;
}

/* Card readers are seen by way of pcscd; tokens in software and network HSMs do without. */
static void service(struct doctor *d)
{
	int why = 0;

	if (service_answers(&why))
		return;
	if (why == EACCES || why == EPERM)
		doctor_say(d, DOCTOR_READER_SERVICE_DENIED, PCSCD,
		    "pcscd, the service of card readers, "
		    "does not let this account in");
	else
		doctor_say(d, DOCTOR_READER_SERVICE_ABSENT, PCSCD,
		    "pcscd, the service of card readers, does not answer (%s)", strerror(why));
}

static void tell_reader(struct doctor *d, const struct diagnosis_reader *r)
{
	if (r->stuck.code != 0)
		doctor_fail(d, DOCTOR_MODULE_STUCK, r->name, &r->stuck);
	else if (r->refusal[0] != '\0')
		doctor_say(d, DOCTOR_READER_FAILED, r->name,
		    "the token in this reader does not answer (%s)", r->refusal);
	else if (!r->token && r->removable)
		doctor_say(d, DOCTOR_READER_EMPTY, r->name, "there is no card in this reader");
}

/* The last one of a list that was broken off is where the module hangs. */
static void readers(struct doctor *d, struct engine *e)
{
	struct diagnosis_reader *list = NULL;
	struct error err = { 0 };
	size_t count = 0, tokens = 0;
	int status = diagnose_readers(&list, &count, e, &err);

	if (status != 0 && count > 0)
		doctor_fail(d, DOCTOR_MODULE_STUCK, list[--count].name, &err);
	else if (status != 0)
		doctor_fail(d, diagnose_stuck(e) ? DOCTOR_MODULE_STUCK : DOCTOR_READER_LIST_FAILED,
		    d->ctx->shared->module, &err);
	else if (count == 0)
		doctor_say(d, DOCTOR_READER_NONE, NULL, "the module shows no reader and no token");
	for (size_t i = 0; i < count; i++) {
		tell_reader(d, &list[i]);
		tokens += list[i].token;
	}
	if (tokens == 0 && status == 0)
		service(d);
	free(list);
}

/* What was asked for can't be done: that is no finding. */
static bool is_refused(int status)
{
	return status == HSMIME_EUSAGE || status == HSMIME_EPOLICY;
}

int doctor_module(struct doctor *d)
{
	struct engine *e = NULL;
	const char *path = d->ctx->shared->module;
	int status = ctx_engine(&e, d->ctx);

	if (is_refused(status))
		return status;
	if (status != 0) {
		doctor_fail(d, DOCTOR_MODULE_FAILED, path, &d->ctx->err);
		if (path == NULL)
			configured(d);
		service(d);
		return 0;
	}
	status = diagnose_keys(&d->keys, e, &d->ctx->err);
	if (is_refused(status))
		return status;
	doctor_groups(d, e);
	tell_module(d, e);
	readers(d, e);
	doctor_tokens(d, e);
	return 0;
}
