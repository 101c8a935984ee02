/* hsmime pin: change, unblock, init, forget. */
#include "command.h"

#include <string.h>

#include "job.h"
#include "text/json.h"
#include "prompt.h"

static const struct action {
	const char *name;
	int (*run)(hsmime_ctx *ctx, const hsmime_pin_options *options);
	const char *done;
} actions[] = {
	{ "change", hsmime_pin_change, "The PIN is changed." },
	{ "unblock", hsmime_pin_unblock, "The PIN is set anew and unblocked." },
	{ "init", hsmime_pin_init, "The PIN is set." },
	{ "forget", hsmime_pin_forget, "What was remembered of refused PIN sources is forgotten." },
};
#define ACTION_COUNT (sizeof(actions) / sizeof(actions[0]))

static const struct action *find(const char *name)
{
	for (size_t i = 0; i < ACTION_COUNT; i++)
		if (strcmp(actions[i].name, name) == 0)
			return &actions[i];
	return NULL;
}

/* NULL: none is named; job has the words. */
static const struct action *choose(struct job *job)
{
	const struct options *o = job->options;
	const struct action *action = o->operand_count > 0 ? find(o->operands[0]) : NULL;
	const char *hint = "say change, unblock, init or forget";

	if (o->operand_count == 0)
		(void)job_refuse(job, HSMIME_EUSAGE, hint, "hsmime pin does not know what to do");
	else if (action == NULL)
		(void)job_refuse(
		    job, HSMIME_EUSAGE, hint, "hsmime pin can't %.40s", o->operands[0]);
	return action;
}

static const struct {
	enum option_id option;
	const char *action;
} belongs[] = {
	{ OPT_PUK, "unblock" },
	{ OPT_LABEL, "init" },
	{ OPT_FORCE, "init" },
};

static int check_options(struct job *job, const struct action *action)
{
	const struct options *o = job->options;

	for (size_t i = 0; i < sizeof(belongs) / sizeof(belongs[0]); i++)
		if (option_given(o, belongs[i].option) &&
		    strcmp(action->name, belongs[i].action) != 0)
			return job_refuse(job, HSMIME_EUSAGE, "see hsmime pin --help",
			    "--%s is for hsmime pin %s", option_table[belongs[i].option].name,
			    belongs[i].action);
	return 0;
}

/* What a configuration file says is not what is thought of now. */
static int check_named(struct job *job)
{
	const struct options *o = job->options;

	if (!option_is(o, OPT_FORCE) || option_text(o, OPT_LABEL) == NULL || o->operand_count > 1 ||
	    option_given(o, OPT_TOKEN))
		return 0;
	return job_refuse(job, HSMIME_EUSAGE,
	    "name it on the command line, with --token or by a URI; the configuration does not "
	    "count",
	    "the token that is to be erased is not named");
}

/* What is on the token is lost: only who types its new name back means it. */
static int confirm(void *arg, const char *label, const char *serial)
{
	struct job *job = arg;

	if (prompt_erase(label, serial, option_text(job->options, OPT_LABEL)))
		return 0;
	return job_refuse(job, HSMIME_EUSAGE,
	    "type the label of --label at a terminal; nothing else confirms it",
	    "erasing the token was not confirmed; nothing was changed");
}

static int act(struct job *job, const struct action *action)
{
	const struct options *o = job->options;
	hsmime_pin_options options = HSMIME_PIN_OPTIONS_INIT;
	int status = check_options(job, action);

	options.token = o->operand_count > 1 ? o->operands[1] : NULL;
	options.new_pin_source = option_text(o, OPT_NEW_PIN_SOURCE);
	options.so_pin_source = option_text(o, OPT_SO_PIN_SOURCE);
	options.puk = option_is(o, OPT_PUK);
	options.label = option_text(o, OPT_LABEL);
	options.erase = option_is(o, OPT_FORCE);
	options.confirm = confirm;
	options.confirm_arg = job;
	if (status == 0)
		status = check_named(job);
	return status == 0 ? action->run(job->ctx, &options) : status;
}

static void write_json(struct job *job, const struct action *action)
{
	struct json j = { .out = stdout };

	json_open(&j, NULL, '{');
	job_json(&j, job, 0);
	json_text(&j, "action", action->name);
	json_close(&j, '}');
	job->reported = true;
}

static void report(struct job *job, const struct action *action)
{
	if (option_is(job->options, OPT_JSON))
		write_json(job, action);
	else if (!option_is(job->options, OPT_QUIET))
		puts(action->done);
}

int cmd_pin(const struct options *o)
{
	struct job job;
	const struct action *action = NULL;
	int status = job_start(&job, o, "pin");

	if (status == 0)
		action = choose(&job);
	if (status == 0)
		status = action != NULL ? act(&job, action) : HSMIME_EUSAGE;
	if (status == 0 && action != NULL)
		report(&job, action);
	return job_finish(&job, status);
}
