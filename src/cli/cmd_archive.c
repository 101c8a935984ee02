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

	*recipient = text != NULL ? text + strlen(name) : NULL;
	if (text == NULL || strncmp(text, name, strlen(name)) == 0)
		return 0;
	return job_refuse(job, HSMIME_EUSAGE,
	    "write recipient= and the serial number or key identifier, as hsmime archive count "
	    "shows it",
	    "--match: %.40s is nothing that messages can be chosen by", text);
}

static const struct action {
	const char *name;
	int (*run)(struct job *job);
	bool wants_job; /* an operand: the job's folder */
} actions[] = {
	{ "count", archive_count, false },
	{ "decrypt", archive_decrypt, false },
	{ "rewrap", archive_rewrap, false },
	{ "verify", archive_verify, false },
	{ "status", archive_status, true },
	{ "retry", archive_retry, true },
	{ "report", archive_report, true },
};
#define ACTION_COUNT (sizeof(actions) / sizeof(actions[0]))

static const char words[] = "say count, decrypt, rewrap, verify, status, retry or report";

static const struct action *find(const char *name)
{
	for (size_t i = 0; i < ACTION_COUNT; i++)
		if (strcmp(actions[i].name, name) == 0)
			return &actions[i];
	return NULL;
}

static int act(struct job *job)
{
	const struct options *o = job->options;
	const struct action *action = NULL;

	if (o->operand_count == 0)
		return job_refuse(
		    job, HSMIME_EUSAGE, words, "hsmime archive does not know what to do");
	action = find(o->operands[0]);
	if (action == NULL)
		return job_refuse(
		    job, HSMIME_EUSAGE, words, "hsmime archive can't %.40s", o->operands[0]);
	if (action->wants_job != (o->operand_count == 2))
		return job_refuse(job, HSMIME_EUSAGE,
		    action->wants_job ? "name the job's folder, as hsmime archive decrypt told it"
				      : "name mailboxes with --in and --out",
		    action->wants_job ? "hsmime archive %s does not know which job"
				      : "hsmime archive %s takes nothing but options",
		    action->name);
	return action->run(job);
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
