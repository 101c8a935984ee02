/* hsmime: the commands, and the way to them. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <hsmime/context.h>

#include "command.h"
#include "config.h"
#include "glance.h"
#include "guard.h"
#include "heap.h"
#include "text/json.h"
#include "message.h"
#include "nearest.h"
#include "rules.h"

/* Exit statuses. */
#define USAGE 2
#define OUTPUT_FAILED 6

static const struct command {
	const char *name;
	int (*run)(const struct options *o);
	enum command_bit bit;
	int operands; /* how many it takes at most */
	const char *usage;
	const char *summary;
} commands[] = {
	{ "sign", cmd_sign, CMD_SIGN, 1, "[FILE]", "sign a mail or a file with a key on a token" },
	{ "verify", cmd_verify, CMD_VERIFY, 1, "[FILE]", "verify signatures and say what holds" },
	{ "encrypt", cmd_encrypt, CMD_ENCRYPT, 1, "-r FILE|FOLDER [FILE]",
	    "encrypt a mail or a file for recipients" },
	{ "decrypt", cmd_decrypt, CMD_DECRYPT, 1, "[FILE]", "decrypt with a key on a token" },
	{ "tokens", cmd_tokens, CMD_TOKENS, 0, "", "list the tokens" },
	{ "keys", cmd_keys, CMD_KEYS, 1, "[KEY]", "list keys and certificates on the tokens" },
	{ "doctor", cmd_doctor, CMD_DOCTOR, 1, "[KEY]", "find out what is wrong, and what to do" },
	{ "pin", cmd_pin, CMD_PIN, 2, "change|unblock|init|forget [URI]",
	    "change, unblock or set a token's PIN" },
	{ "archive", cmd_archive, CMD_ARCHIVE, 2,
	    "count|decrypt|rewrap|verify|status|retry|report|check",
	    "whole mailboxes: count, decrypt, re-key, verify" },
	{ "config", cmd_config, CMD_CONFIG, 0, "", "show the settings and where they come from" },
};
#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

static const struct command *find(const char *name)
{
	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	}
	return NULL;
}

static int finish_output(void)
{
	if (fflush(stdout) == 0 && ferror(stdout) == 0)
		return 0;
	message_error("writing to standard output: %s", strerror(errno));
	message_error("check where standard output goes");
	return OUTPUT_FAILED;
}

static int help(void)
{
	puts("Usage: hsmime COMMAND [OPTION ...] [FILE]\n"
	     "S/MIME mail and CMS files; every private key stays on its PKCS#11 token.\n"
	     "\n"
	     "Commands:");
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		printf("  %-10s %s\n", commands[i].name, commands[i].summary);
	puts("\nOptions that every command takes:");
	options_help(stdout, CMD_ALL);
	puts("\n"
	     "Without a command:\n"
	     "      --version                 show the version\n"
	     "\n"
	     "hsmime COMMAND --help shows the rest. No FILE, or -, is standard input.\n"
	     "Exit status: 0 done or valid, 1 not valid, 2 usage, 3 malformed input,\n"
	     "4 token or PIN, 5 no key or certificate, 6 input or output, 7 refused by policy.");
	return finish_output();
}

static int help_command(const struct command *c)
{
	printf("Usage: hsmime %s [OPTION ...]%s%s\n%c%s.\n\nOptions:\n", c->name,
	    c->usage[0] != '\0' ? " " : "", c->usage, c->summary[0] - 'a' + 'A', c->summary + 1);
	options_help(stdout, c->bit);
	return finish_output();
}

static int unknown(const char *name)
{
	const char *names[COMMAND_COUNT];
	const char *meant;

	for (size_t i = 0; i < COMMAND_COUNT; i++)
		names[i] = commands[i].name;
	if (name[0] == '-') {
		message_error("%.40s is not an option of hsmime itself", name);
		message_error("options come behind the command; see hsmime --help");
		return USAGE;
	}
	message_error("there is no command %.40s", name);
	meant = nearest(name, names, COMMAND_COUNT);
	if (meant != NULL)
		message_error("did you mean hsmime %s?", meant);
	else
		message_error("see hsmime --help");
	return USAGE;
}

static int usage(const struct command *c, const char *what)
{
	message_error("%s", what);
	message_error("usage: hsmime %s [OPTION ...] %s", c->name, c->usage);
	return USAGE;
}

static int verbosity(const struct options *o)
{
	return option_is(o, OPT_QUIET) ? -1 : (int)option_get(o, OPT_VERBOSE)->count;
}

static int prepare(struct options *o, const struct command *c)
{
	int status;

	message_setup(verbosity(o));
	if (o->operand_count > c->operands)
		return usage(c, "too many arguments");
	status = rules_check(o);
	return status != 0 ? status : config_load(o);
}

/* What failed before a command was there to report it; a program that asked for JSON gets JSON. */
static void report_failure(const struct command *c, int argc, char **argv)
{
	unsigned bit = c != NULL ? c->bit : 0;
	bool taken = glance_content(bit, glance(argc, argv, OPT_OUTPUT));
	struct json j = { .out = taken ? stderr : stdout };
	const char *what, *hint;

	message_failure(&what, &hint);
	json_open(&j, NULL, '{');
	json_text(&j, "command", c != NULL ? c->name : NULL);
	json_text(&j, "status", hsmime_status_name(HSMIME_EUSAGE));
	json_number(&j, "exit_status", USAGE);
	json_text(&j, "error", what);
	json_text(&j, "hint", hint);
	json_texts(&j, "warnings", message_warnings());
	json_close(&j, '}');
}

static int run(const struct command *c, int argc, char **argv)
{
	struct options o = { .command = c->bit };
	bool json = glance(argc, argv, OPT_JSON) != NULL;
	int status;

	if (json && glance_content(c->bit, glance(argc, argv, OPT_OUTPUT)))
		message_silence();
	status = options_parse(&o, argc, argv);

	if (status == 0 && option_is(&o, OPT_HELP)) {
		status = help_command(c);
	} else if (status == 0) {
		status = prepare(&o, c);
		if (status == 0) {
			heap_start(c->bit == CMD_ARCHIVE);
			status = c->run(&o);
			json = false;
		}
	}
	if (status == USAGE && json)
		report_failure(c, argc, argv);
	options_free(&o);
	return status;
}

static int help_about(int argc, char **argv)
{
	const struct command *c;

	if (argc < 2)
		return help();
	c = find(argv[1]);
	return c != NULL ? help_command(c) : unknown(argv[1]);
}

static int no_command(int argc, char **argv)
{
	int status = USAGE;

	if (argc < 2) {
		message_error("no command");
		message_error("see hsmime --help");
	} else {
		status = unknown(argv[1]);
	}
	if (glance(argc, argv, OPT_JSON) != NULL)
		report_failure(NULL, argc, argv);
	return status;
}

static int dispatch(int argc, char **argv)
{
	const struct command *c;

	if (argc < 2)
		return no_command(argc, argv);
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
		return help();
	if (strcmp(argv[1], "help") == 0)
		return help_about(argc - 1, argv + 1);
	if (strcmp(argv[1], "--version") == 0) {
		printf("hsmime %s\n", hsmime_version());
		return finish_output();
	}
	c = find(argv[1]);
	return c != NULL ? run(c, argc - 1, argv + 1) : no_command(argc, argv);
}

/*
 * What the library held is free by then, the module finalised. The exit handlers of OpenSSL and
 * of modules would only take time, and some crash or wait for a call that never returns; a leak
 * checker wants them, though.
 */
static void leave(int status)
{
	bool stays = hsmime_calls_hanging() > 0;

#ifndef __SANITIZE_ADDRESS__
	stays = true;
#endif
	fflush(NULL);
	if (stays)
		_exit(status);
	exit(status);
}

int main(int argc, char **argv)
{
	guard_start(argc > 1 && strcmp(argv[1], "archive") == 0);
	leave(dispatch(argc, argv));
}
