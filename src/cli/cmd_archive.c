/* hsmime archive: whole mailboxes. */
#include "command.h"

#include <string.h>

#include "archive.h"
#include "text/values.h"

int archive_time(int64_t *value, struct job *job, enum option_id id)
{
	const char *text = option_text(job->options, id);

	if (text == NULL || time_parse(value, text))
		return 0;
	return job_refuse(job, HSMIME_EUSAGE,
	    "write it as RFC 3339 has it, for example 2019-01-01, or as @SECONDS since 1970",
	    "--%s: %.40s is no time", option_table[id].name, text);
}

int archive_number(uint64_t *value, struct job *job, enum option_id id)
{
	const char *text = option_text(job->options, id);

	if (text == NULL || count_parse(value, text))
		return 0;
	return job_refuse(job, HSMIME_EUSAGE, "write a whole number from 1",
	    "--%s: %.40s is no number", option_table[id].name, text);
}

int archive_mailbox(const char **value, struct job *job, enum option_id id)
{
	*value = option_text(job->options, id);
	if (*value != NULL)
		return 0;
	return job_refuse(job, HSMIME_EUSAGE,
	    id == OPT_IN ? "name it with --in, for example --in maildir:Mail/old"
			 : "name it with --out, for example --out maildir:Mail/clear",
	    "hsmime archive does not know which mailbox to %s", id == OPT_IN ? "read" : "write");
}

int archive_match(const char **recipient, struct job *job)
{
	static const char name[] = "recipient=";
	const char *text = option_text(job->options, OPT_MATCH);

	*recipient = NULL;
	if (text == NULL)
		return 0;
	if (strncmp(text, name, strlen(name)) == 0) {
		*recipient = text + strlen(name);
		return 0;
	}
	return job_refuse(job, HSMIME_EUSAGE,
	    "write recipient= and the serial number or key identifier, as hsmime archive count "
	    "shows it",
	    "--match: %.40s is nothing that messages can be chosen by", text);
}

enum action_bit {
	COUNT = 1 << 0,
	DECRYPT = 1 << 1,
	REWRAP = 1 << 2,
	VERIFY = 1 << 3,
	STATUS = 1 << 4,
	RETRY = 1 << 5,
	REPORT = 1 << 6,
	CHECK = 1 << 7,
	BEGINS = DECRYPT | REWRAP | VERIFY
};

static const struct action {
	const char *name;
	int (*run)(struct job *job);
	bool wants_job; /* an operand: the job's folder, or its manifest */
	enum action_bit bit;
} actions[] = {
	{ "count", archive_count, false, COUNT },
	{ "decrypt", archive_decrypt, false, DECRYPT },
	{ "rewrap", archive_rewrap, false, REWRAP },
	{ "verify", archive_verify, false, VERIFY },
	{ "status", archive_status, true, STATUS },
	{ "retry", archive_retry, true, RETRY },
	{ "report", archive_report, true, REPORT },
	{ "check", archive_check, true, CHECK },
};

/* Which of them take an option that not all do. */
static const struct {
	enum option_id id;
	unsigned actions; /* enum action_bit */
} takers[] = {
	{ OPT_IN, COUNT | BEGINS | CHECK },
	{ OPT_SINCE, COUNT | BEGINS },
	{ OPT_UNTIL, COUNT | BEGINS },
	{ OPT_LIMIT, COUNT | BEGINS },
	{ OPT_MATCH, COUNT | BEGINS },
	{ OPT_OUT, DECRYPT | REWRAP | CHECK },
	{ OPT_SKIP_PLAIN, DECRYPT | REWRAP },
	{ OPT_JOB, BEGINS | CHECK },
	{ OPT_KEY, DECRYPT | REWRAP | RETRY },
	{ OPT_KEYS, DECRYPT | REWRAP | RETRY },
	{ OPT_CERT, BEGINS | RETRY | CHECK },
	{ OPT_WORKERS, BEGINS | RETRY },
	{ OPT_TOKEN_WAIT, BEGINS | RETRY },
	{ OPT_JOURNAL, BEGINS },
	{ OPT_LEASE, BEGINS | RETRY },
	{ OPT_JOURNAL_WAIT, BEGINS | RETRY },
	{ OPT_REQUIRE_AUTHENTICATED, DECRYPT | REWRAP },
	{ OPT_DEEP, DECRYPT },
	{ OPT_PROVENANCE, DECRYPT },
	{ OPT_RECIPIENT, REWRAP },
	{ OPT_KEEP_RECIPIENTS, REWRAP },
	{ OPT_DROP, REWRAP },
	{ OPT_NO_CHECK, REWRAP },
	{ OPT_REENCRYPT, REWRAP },
	{ OPT_CIPHER, REWRAP },
	{ OPT_DRY_RUN, BEGINS },
	{ OPT_KEY_TRANSPORT, REWRAP },
	{ OPT_RECIPIENT_KEY_ID, REWRAP },
	{ OPT_FORCE_RECIPIENT, REWRAP | RETRY },
	{ OPT_CA, BEGINS | RETRY | CHECK },
	{ OPT_REPORT, VERIFY },
	{ OPT_NO_CHAIN, DECRYPT | VERIFY | CHECK },
	{ OPT_AT, DECRYPT | VERIFY | CHECK },
	{ OPT_CAUSE, RETRY },
	{ OPT_HTML, REPORT },
	{ OPT_SEAL, BEGINS | RETRY },
	{ OPT_SIGNATURE, CHECK },
	{ OPT_NO_SEAL, CHECK },
	{ OPT_SEALED_BY, CHECK },
	{ OPT_SOURCES, CHECK },
	{ OPT_SHARED, CHECK },
	{ OPT_ANY_PURPOSE, CHECK },
};
#define TAKER_COUNT (sizeof(takers) / sizeof(takers[0]))
#define ACTION_COUNT (sizeof(actions) / sizeof(actions[0]))

static const char words[] = "say count, decrypt, rewrap, verify, status, retry, report or check";

static const struct action *find(const char *name)
{
	for (size_t i = 0; i < ACTION_COUNT; i++)
		if (strcmp(actions[i].name, name) == 0)
			return &actions[i];
	return NULL;
}

/* An option that would be passed over, as new recipients by retry, says that more is meant than is done. */
static int check_options(struct job *job, const struct action *action)
{
	for (size_t i = 0; i < TAKER_COUNT; i++) {
		const char *name = option_table[takers[i].id].name;

		if (option_given(job->options, takers[i].id) &&
		    (takers[i].actions & action->bit) == 0)
			return job_refuse(job, HSMIME_EUSAGE,
			    "leave it out; hsmime-archive(1) says what takes it",
			    "hsmime archive %s has no --%s", action->name, name);
	}
	return 0;
}

static int act(struct job *job)
{
	const struct options *o = job->options;
	const struct action *action = NULL;
	int status;

	if (o->operand_count == 0)
		return job_refuse(
		    job, HSMIME_EUSAGE, words, "hsmime archive does not know what to do");
	action = find(o->operands[0]);
	if (action == NULL)
		return job_refuse(
		    job, HSMIME_EUSAGE, words, "hsmime archive can't %.40s", o->operands[0]);
	if (action->wants_job != (o->operand_count == 2))
		return job_refuse(job, HSMIME_EUSAGE,
		    action->bit == CHECK ? "name the manifest, or the job's folder"
		    : action->wants_job ? "name the job's folder, as hsmime archive decrypt told it"
					: "name mailboxes with --in and --out",
		    action->wants_job ? "hsmime archive %s does not know which job"
				      : "hsmime archive %s takes nothing but options",
		    action->name);
	status = check_options(job, action);
	return status == 0 ? action->run(job) : status;
}

int cmd_archive(const struct options *o)
{
	struct job job;
	int status = job_start(&job, o, "archive");

	if (status == 0)
		status = act(&job);
	status = job_finish(&job, status);
	archive_end();
	return status;
}
