/* hsmime archive decrypt, status and retry. */
#include "archive.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "key_groups.h"
#include "message.h"
#include "request.h"
#include "text/values.h"

#define LEASE_MAX 3600
/* Seconds without a login: a job takes long, a person is asked once, and a seal comes at its end, whenever that is. */
#define PIN_KEPT (60 * 86400)

/* Of what could not be read there is nothing to keep. */
static bool all_are_kept(const hsmime_job_state *s)
{
	for (size_t i = 0; i < s->cause_count; i++)
		if (strcmp(s->causes[i].cause, "unreadable") == 0)
			return false;
	return true;
}

static int refuse_failed(struct job *job, const hsmime_job_state *s)
{
	unsigned long long failed = s->counts.failed;
	const char *words = s->out == NULL    ? "the manifest in "
			    : all_are_kept(s) ? "they are in "
					      : "those that could be read are in ";
	char hint[512];

	snprintf(hint, sizeof(hint),
	    "%s%.150s%s; once the cause is mended, hsmime archive retry %.150s does them again",
	    words, s->folder, s->out != NULL ? "/failed as they were" : " says which and why",
	    s->folder);
	return job_refuse(
	    job, HSMIME_EINVALID, hint, "%llu message%s failed", failed, failed == 1 ? "" : "s");
}

/* A run that came to its end, and not all is well. */
static int judge(struct job *job, const hsmime_job_state *s)
{
	if (s->passed_over > 0)
		message_warning(
		    "%llu entries are no files, as symbolic links, and were passed over",
		    (unsigned long long)s->passed_over);
	if (s->stopped)
		return 0;
	if (s->unlisted > 0)
		return job_refuse(job, HSMIME_EIO,
		    "the warnings before name them; mend that, and give the same command again",
		    "not all was listed: %llu folders or lines could not be read",
		    (unsigned long long)s->unlisted);
	if (s->counts.failed == 0)
		return 0;
	if (s->dry_run)
		return job_refuse(job, HSMIME_EINVALID,
		    "mend their causes before, or have the job tell of each in its manifest",
		    "%llu messages would fail", (unsigned long long)s->counts.failed);
	return refuse_failed(job, s);
}

static int conclude(struct job *job, hsmime_job_state *s, int status)
{
	if (isatty(STDERR_FILENO) && !option_is(job->options, OPT_QUIET))
		fputs("\r\033[K", stderr);
	if (s == NULL)
		return status;
	if (status == 0)
		status = judge(job, s);
	archive_state(job, s, status);
	if (s->dry_run && s->stopped)
		message_warning("it was stopped, and tells of what was looked at");
	else if (s->stopped || (status != 0 && !s->finished && s->counts.waiting > 0))
		message_warning("the job was stopped; the same command goes on with it");
	hsmime_job_state_free(s);
	return status;
}

static int take_count(unsigned *value, struct job *job, enum option_id id, uint64_t most)
{
	uint64_t number = *value;
	int status = archive_number(&number, job, id);

	if (status == 0 && number > most)
		status = job_refuse(job, HSMIME_EUSAGE, "give a smaller number",
		    "--%s: at most %llu", option_table[id].name, (unsigned long long)most);
	*value = (unsigned)number;
	return status;
}

static int take_seconds(unsigned *value, struct job *job, enum option_id id)
{
	const char *text = option_text(job->options, id);

	if (text == NULL || seconds_parse(value, text))
		return 0;
	return job_refuse(job, HSMIME_EUSAGE, "give whole seconds, 0 for none",
	    "--%s: %.40s is no time", option_table[id].name, text);
}

/* What a run takes of several hosts. */
static int take_hosts(hsmime_job_options *o, struct job *job)
{
	uint64_t lease = 0;
	int status = archive_number(&lease, job, OPT_LEASE);

	if (status == 0 && (lease == 1 || lease > LEASE_MAX))
		status = job_refuse(job, HSMIME_EUSAGE, "give 2 to 3600 seconds",
		    "--lease: %llu is too little, or too much", (unsigned long long)lease);
	o->lease = (unsigned)lease;
	o->journal = option_text(job->options, OPT_JOURNAL);
	return status == 0 ? take_seconds(&o->journal_wait, job, OPT_JOURNAL_WAIT) : status;
}

/* What a run takes, whichever it is. */
static int take_run(hsmime_job_options *o, struct job *job)
{
	bool shows = isatty(STDERR_FILENO) && !option_is(job->options, OPT_QUIET) &&
		     !option_is(job->options, OPT_JSON);
	int status = job_load(&job->certs, job, OPT_CERT);

	if (status == 0)
		status = job_load(&job->anchors, job, OPT_CA);
	o->certs = job->certs;
	o->anchors = job->anchors;
	o->key_uri = key_groups_key(job->options);
	o->seal = option_text(job->options, OPT_SEAL);
	if (status == 0)
		status = take_count(&o->workers, job, OPT_WORKERS, 256);
	if (status == 0)
		status = take_seconds(&o->token_wait, job, OPT_TOKEN_WAIT);
	if (status == 0)
		status = take_hosts(o, job);
	o->dry_run = option_is(job->options, OPT_DRY_RUN);
	o->callback = archive_progress;
	o->callback_arg = shows ? job : NULL;
	hsmime_ctx_set_progress(job->ctx, NULL, NULL);
	if (status == 0)
		status = hsmime_ctx_set_pin_cache(job->ctx, PIN_KEPT);
	return status;
}

/* Which messages. */
static int take_choice(hsmime_job_options *o, struct job *job)
{
	int status = archive_mailbox(&o->in, job, OPT_IN);

	if (status == 0)
		status = archive_time(&o->since, job, OPT_SINCE);
	if (status == 0)
		status = archive_time(&o->until, job, OPT_UNTIL);
	if (status == 0)
		status = archive_match(&o->recipient, job);
	o->folder = option_text(job->options, OPT_JOB);
	return status == 0 ? archive_number(&o->limit, job, OPT_LIMIT) : status;
}

/* Of a job that writes messages. */
static int take_made(hsmime_job_options *o, struct job *job)
{
	int status = take_run(o, job);

	if (status == 0)
		status = take_choice(o, job);
	o->skip_plain = option_is(job->options, OPT_SKIP_PLAIN);
	return status == 0 ? archive_mailbox(&o->out, job, OPT_OUT) : status;
}

/* What the verdict on signatures inside goes by; without authorities nobody is trusted, nor at any time. */
static int take_trust(hsmime_job_options *o, struct job *job)
{
	o->no_chain = option_is(job->options, OPT_NO_CHAIN);
	if (option_text(job->options, OPT_AT) != NULL && o->anchors == NULL)
		return job_refuse(job, HSMIME_EUSAGE, "give the authorities to trust with --ca",
		    "--at is a time at which certificates are checked, and nothing says by which "
		    "others");
	return archive_time(&o->at, job, OPT_AT);
}

int archive_decrypt(struct job *job)
{
	hsmime_job_options o = HSMIME_JOB_OPTIONS_INIT;
	hsmime_job_state *state = NULL;
	int status = take_made(&o, job);

	if (status == 0)
		status = take_trust(&o, job);
	o.provenance = option_text(job->options, OPT_PROVENANCE);
	o.require_authenticated = option_is(job->options, OPT_REQUIRE_AUTHENTICATED);
	o.deep = option_is(job->options, OPT_DEEP);
	if (status != 0)
		return status;
	archive_catch();
	status = hsmime_archive_decrypt(&state, job->ctx, &o);
	return conclude(job, state, status);
}

/* As hsmime encrypt takes them. */
static int take_recipients(hsmime_job_options *o, struct job *job)
{
	int status = job_load(&job->recipients, job, OPT_RECIPIENT);

	if (status == 0)
		status = job_load(&job->dropped, job, OPT_DROP);
	o->recipients = job->recipients;
	o->drop = job->dropped;
	o->key_transport = request_key_transport(job->options);
	o->force_recipient = option_is(job->options, OPT_FORCE_RECIPIENT);
	o->recipient_key_id = option_is(job->options, OPT_RECIPIENT_KEY_ID);
	o->keep_recipients = option_is(job->options, OPT_KEEP_RECIPIENTS);
	o->no_check = option_is(job->options, OPT_NO_CHECK);
	o->reencrypt = option_is(job->options, OPT_REENCRYPT);
	o->cipher = option_text(job->options, OPT_CIPHER);
	o->require_authenticated = option_is(job->options, OPT_REQUIRE_AUTHENTICATED);
	if (status != 0 || o->recipients != NULL || o->keep_recipients)
		return status;
	return job_refuse(job, HSMIME_EUSAGE,
	    "give the new recipients' certificates with --recipient, or let the old ones stay with "
	    "--keep-recipients",
	    "nobody would be left to open the messages");
}

int archive_rewrap(struct job *job)
{
	hsmime_job_options o = HSMIME_JOB_OPTIONS_INIT;
	hsmime_job_state *state = NULL;
	int status = take_made(&o, job);

	if (status == 0)
		status = take_recipients(&o, job);
	if (status != 0)
		return status;
	archive_catch();
	status = hsmime_archive_rewrap(&state, job->ctx, &o);
	return conclude(job, state, status);
}

int archive_verify(struct job *job)
{
	hsmime_job_options o = HSMIME_JOB_OPTIONS_INIT;
	hsmime_job_state *state = NULL;
	int status = take_run(&o, job);

	if (status == 0)
		status = take_choice(&o, job);
	if (status == 0)
		status = archive_time(&o.at, job, OPT_AT);
	o.no_chain = option_is(job->options, OPT_NO_CHAIN);
	o.report = option_text(job->options, OPT_REPORT);
	if (status == 0 && o.report == NULL)
		status = job_refuse(job, HSMIME_EUSAGE,
		    "name it with --report, for example --report verify.jsonl",
		    "hsmime archive verify does not know where the report goes");
	if (status != 0)
		return status;
	archive_catch();
	status = hsmime_archive_verify(&state, job->ctx, &o);
	return conclude(job, state, status);
}

int archive_retry(struct job *job)
{
	hsmime_job_options o = HSMIME_JOB_OPTIONS_INIT;
	hsmime_job_state *state = NULL;
	int status = take_run(&o, job);

	o.force_recipient = option_is(job->options, OPT_FORCE_RECIPIENT);
	if (status != 0)
		return status;
	archive_catch();
	status = hsmime_archive_retry(
	    &state, job->ctx, job->options->operands[1], option_text(job->options, OPT_CAUSE), &o);
	return conclude(job, state, status);
}

int archive_status(struct job *job)
{
	hsmime_job_state *state = NULL;
	int status = hsmime_archive_status(&state, job->ctx, job->options->operands[1]);

	if (state != NULL)
		archive_state(job, state, status);
	hsmime_job_state_free(state);
	return status;
}

int archive_report(struct job *job)
{
	const char *path = option_text(job->options, OPT_HTML);

	if (path == NULL)
		return job_refuse(job, HSMIME_EUSAGE,
		    "name it with --html, for example --html report.html",
		    "hsmime archive report does not know where the page goes");
	if (hsmime_output_file(&job->out, path) != 0)
		return HSMIME_ENOMEM;
	return hsmime_archive_report(job->ctx, job->out, job->options->operands[1]);
}
