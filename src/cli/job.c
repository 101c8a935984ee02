#include "job.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "glance.h"
#include "text/json.h"
#include "key_groups.h"
#include "message.h"
#include "pinentry.h"
#include "progress.h"
#include "prompt.h"
#include "text/values.h"

int job_refuse(struct job *job, int status, const char *hint, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(job->what, sizeof(job->what), fmt, args);
	va_end(args);
	snprintf(job->hint, sizeof(job->hint), "%s", hint);
	return status;
}

static int set_spool_max(struct job *job)
{
	const char *text = option_text(job->options, OPT_SPOOL_MAX);
	uint64_t size = 0;

	if (text == NULL)
		return 0;
	if (!size_parse(&size, text))
		return job_refuse(job, HSMIME_EUSAGE, "give octets, or for example 500M or 2G",
		    "%s is no size for --spool-max", text);
	hsmime_ctx_set_spool_max(job->ctx, size);
	return 0;
}

static int set_call_limit(struct job *job)
{
	const char *text = option_text(job->options, OPT_CALL_LIMIT);
	unsigned seconds = 0;

	if (text == NULL)
		return 0;
	if (!seconds_parse(&seconds, text))
		return job_refuse(job, HSMIME_EUSAGE, "give whole seconds, 0 for no limit",
		    "%s is no time for --call-limit", text);
	hsmime_ctx_set_call_limit(job->ctx, seconds);
	pinentry_limit(seconds);
	return 0;
}

static int check_pinentry(struct job *job)
{
	const char *name = option_text(job->options, OPT_PINENTRY);

	if (name == NULL || name[0] != '\0')
		return 0;
	return job_refuse(job, HSMIME_EUSAGE, "name a program, auto or none",
	    "the name of the program for --pinentry is empty");
}

static void set_callbacks(struct job *job)
{
	bool terminal = prompt_possible();

	hsmime_ctx_set_log(job->ctx, message_log, NULL);
	if (pinentry_wanted(option_text(job->options, OPT_PINENTRY), terminal))
		hsmime_ctx_set_pin_callback(job->ctx, pinentry_pin, NULL);
	else if (terminal)
		hsmime_ctx_set_pin_callback(job->ctx, prompt_pin, NULL);
	if (isatty(STDERR_FILENO) && !option_is(job->options, OPT_QUIET) &&
	    !option_is(job->options, OPT_JSON))
		hsmime_ctx_set_progress(job->ctx, progress_show, NULL);
}

int job_start(struct job *job, const struct options *o, const char *command)
{
	int status;

	*job = (struct job){ .options = o, .command = command, .in_fd = -1, .content_fd = -1 };
	job->to_stdout = glance_content(o->command, option_text(o, OPT_OUTPUT));
	status = hsmime_ctx_new(&job->ctx);
	if (status == 0)
		status = hsmime_ctx_set_module(job->ctx, option_text(o, OPT_MODULE));
	if (status == 0)
		status = hsmime_ctx_set_token(job->ctx, option_text(o, OPT_TOKEN));
	if (status == 0)
		status = hsmime_ctx_set_pin_source(job->ctx, option_text(o, OPT_PIN_SOURCE));
	if (status == 0)
		status = set_spool_max(job);
	if (status == 0)
		status = set_call_limit(job);
	if (status == 0)
		status = check_pinentry(job);
	if (status == 0)
		status = key_groups_add(job->ctx, o);
	if (status == 0) {
		hsmime_ctx_set_wait(job->ctx, option_is(o, OPT_WAIT));
		set_callbacks(job);
	}
	return status;
}

static int refuse_empty(struct job *job, const char *what)
{
	return job_refuse(
	    job, HSMIME_EUSAGE, "give the name of a file", "the name of %s is empty", what);
}

/* A folder can be opened, but never read; the library would learn that late. */
static int refuse_folder(struct job *job, int fd, const char *name)
{
	struct stat st;

	if (fstat(fd, &st) != 0 || !S_ISDIR(st.st_mode))
		return 0;
	return job_refuse(job, HSMIME_EIO, "name a file", "reading %s: %s", name, strerror(EISDIR));
}

static int open_file(int *fd, struct job *job, const char *path)
{
	if (path[0] == '\0')
		return refuse_empty(job, "the input");
	*fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (*fd >= 0)
		return refuse_folder(job, *fd, path);
	return job_refuse(job, HSMIME_EIO, "check the name and who may read it", "reading %s: %s",
	    path, strerror(errno));
}

/* Also where it was closed (guard.c): the library would learn that late. */
static int open_stdin(int *fd, struct job *job)
{
	int flags = fcntl(STDIN_FILENO, F_GETFL);

	*fd = STDIN_FILENO;
	if (flags < 0 || (flags & O_ACCMODE) == O_WRONLY)
		return job_refuse(job, HSMIME_EIO,
		    "name a file, or redirect standard input from one",
		    "standard input is closed, or open for writing only");
	return refuse_folder(job, *fd, "standard input");
}

/* What a person types is not measured, and a bar would break into it. */
static void read_terminal(struct job *job)
{
	message_note("reading from the terminal; Ctrl-D ends the input");
	hsmime_ctx_set_progress(job->ctx, NULL, NULL);
}

static bool is_stdin(const char *name)
{
	return name == NULL || strcmp(name, "-") == 0;
}

static const char *operand(const struct job *job)
{
	return job->options->operand_count > 0 ? job->options->operands[0] : NULL;
}

int job_open_input(struct job *job)
{
	int status = 0;

	if (!is_stdin(operand(job))) {
		status = open_file(&job->in_fd, job, operand(job));
	} else {
		status = open_stdin(&job->in_fd, job);
		if (isatty(STDIN_FILENO))
			read_terminal(job);
	}
	hsmime_source_fd(&job->in, &job->in_file, job->in_fd);
	return status;
}

int job_open_content(struct job *job)
{
	const char *name = option_text(job->options, OPT_CONTENT);
	int status = 0;

	if (name == NULL)
		return 0;
	if (is_stdin(name) && is_stdin(operand(job)))
		return job_refuse(job, HSMIME_EUSAGE, "name a file for one of them",
		    "signature and content can't both come from standard input");
	if (is_stdin(name))
		status = open_stdin(&job->content_fd, job);
	else
		status = open_file(&job->content_fd, job, name);
	hsmime_source_fd(&job->content, &job->content_file, job->content_fd);
	return status;
}

int job_open_output(struct job *job, bool binary)
{
	const char *name = option_text(job->options, OPT_OUTPUT);

	if (name != NULL && name[0] == '\0')
		return refuse_empty(job, "the output");
	if (name != NULL && strcmp(name, "-") != 0)
		return hsmime_output_file(&job->out, name);
	if (binary && isatty(STDOUT_FILENO))
		return job_refuse(job, HSMIME_EUSAGE, "give a file with -o, or use --format pem",
		    "binary output does not go to a terminal");
	return hsmime_output_fd(&job->out, STDOUT_FILENO);
}

static int load_one(hsmime_certs *set, struct job *job, const char *path)
{
	int status;

	if (path[0] == '\0')
		return refuse_empty(job, "a file of certificates");
	status = hsmime_certs_load(set, job->ctx, path);
	if (status == HSMIME_EIO && path[0] == '~')
		return job_refuse(job, status, "write the path in full: ~ is not expanded here",
		    "%s", hsmime_ctx_error(job->ctx));
	return status;
}

int job_load(hsmime_certs **set, struct job *job, enum option_id id)
{
	const struct option_value *files = option_get(job->options, id);
	int status;

	if (files->count == 0)
		return 0;
	status = hsmime_certs_new(set);
	for (size_t i = 0; i < files->count && status == 0; i++)
		status = load_one(*set, job, files->items[i]);
	return status;
}

FILE *job_report(const struct job *job)
{
	return job->to_stdout ? stderr : stdout;
}

/* What to do where the library knows nothing better. */
static const char *usual_hint(int status)
{
	static const char *const hints[] = {
		[-HSMIME_EINVALID] = "don't rely on the message; ask the sender for it again",
		[-HSMIME_EUSAGE] = "see hsmime --help and the manual page",
		[-HSMIME_EFORMAT] = ("check that the input is whole, and whether it is a mail or "
				     "needs --cms"),
		[-HSMIME_EUNSUPPORTED] = "ask the sender for a common algorithm",
		[-HSMIME_ETOKEN] = ("try again; if it stays, see what hsmime doctor --login "
				    "says, and check the token's driver and its logs"),
		[-HSMIME_EPIN] = "give the PIN at a terminal or by --pin-source",
		[-HSMIME_ENOKEY] = "look at what hsmime keys --login lists",
		[-HSMIME_EIO] = "check names, permissions and free space",
		[-HSMIME_ENOMEM] = "free some memory and start again",
		[-HSMIME_EPOLICY] = "see the options in the command's manual page",
		[-HSMIME_EINTERNAL] = "please report this defect of hsmime",
	};

	return hints[-status];
}

/* The same where the options tell more. */
static const char *fitting_hint(struct job *job, int status)
{
	const struct options *o = job->options;
	const char *spool_max = option_text(o, OPT_SPOOL_MAX);

	if (status == HSMIME_EFORMAT && option_is(o, OPT_CMS))
		return "check that the input is whole, and the right file";
	if (status != HSMIME_EPOLICY || spool_max == NULL)
		return usual_hint(status);
	/* Every other refusal has a hint of its own. */
	snprintf(job->hint, sizeof(job->hint),
	    "raise --spool-max, which is %s, or give files instead of pipes", spool_max);
	return job->hint;
}

/* Why it failed: the tool's own words, else the library's, else the code's name. */
static void find_words(const char **what, const char **hint, struct job *job, int status)
{
	*what = job->what;
	*hint = job->hint;
	if (job->what[0] != '\0')
		return;
	*what = job->ctx != NULL ? hsmime_ctx_error(job->ctx) : "";
	*hint = job->ctx != NULL ? hsmime_ctx_hint(job->ctx) : "";
	if ((*what)[0] == '\0')
		*what = hsmime_status_name(status);
	if ((*hint)[0] == '\0')
		*hint = fitting_hint(job, status);
}

void job_json(struct json *j, struct job *job, int status)
{
	const char *what = NULL;
	const char *hint = NULL;

	if (status != 0)
		find_words(&what, &hint, job, status);
	json_text(j, "command", job->command);
	json_text(j, "status", hsmime_status_name(status));
	json_number(j, "exit_status", (uint64_t)hsmime_exit_status(status));
	json_text(j, "error", what);
	json_text(j, "hint", hint);
	json_texts(j, "warnings", message_warnings());
}

/* A program that asked for JSON gets JSON, whatever happened. */
static void report_failure(struct job *job, int status)
{
	struct json j = { .out = job_report(job) };

	json_open(&j, NULL, '{');
	job_json(&j, job, status);
	json_close(&j, '}');
}

static void explain(struct job *job, int status)
{
	const char *what, *hint;

	find_words(&what, &hint, job, status);
	message_error("%s", what);
	message_error("%s", hint);
}

/* A report that nobody could read is a failure too. */
static int flush_report(void)
{
	if (fflush(stdout) == 0 && ferror(stdout) == 0)
		return 0;
	message_error("writing the report: %s", strerror(errno));
	message_error("check where standard output goes");
	return HSMIME_EIO;
}

static void job_free(struct job *job)
{
	hsmime_output_free(job->out);
	hsmime_certs_free(job->certs);
	hsmime_certs_free(job->anchors);
	hsmime_certs_free(job->recipients);
	hsmime_certs_free(job->dropped);
	hsmime_ctx_free(job->ctx);
	if (job->in_fd > STDERR_FILENO)
		close(job->in_fd);
	if (job->content_fd > STDERR_FILENO)
		close(job->content_fd);
}

int job_finish(struct job *job, int status)
{
	int flushed;

	progress_clear();
	if (status != 0)
		explain(job, status);
	if (status != 0 && !job->reported && option_is(job->options, OPT_JSON))
		report_failure(job, status);
	flushed = flush_report();
	job_free(job);
	return hsmime_exit_status(status != 0 ? status : flushed);
}
