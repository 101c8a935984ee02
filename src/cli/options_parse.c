#include "options.h"

#include <getopt.h>
#include <string.h>

#include "message.h"
#include "nearest.h"

/* Long options get numbers behind every letter. */
#define LONG_BASE 256

static int argument_of(const struct option_row *row)
{
	if (row->arg != NULL)
		return required_argument;
	return row->config != 0 ? optional_argument : no_argument;
}

static void build(struct option *longs, char *shorts, unsigned command)
{
	size_t n = 0;

	*shorts++ = ':';
	for (int id = 0; id < OPT_COUNT; id++) {
		const struct option_row *row = &option_table[id];

		if ((row->commands & command) == 0)
			continue;
		longs[n++] = (struct option){ row->name, argument_of(row), NULL, LONG_BASE + id };
		if (row->letter == 0)
			continue;
		*shorts++ = row->letter;
		if (row->arg != NULL)
			*shorts++ = ':';
	}
	longs[n] = (struct option){ 0 };
	*shorts = '\0';
}

static int find_letter(int letter)
{
	for (int id = 0; id < OPT_COUNT; id++) {
		if (option_table[id].letter == letter)
			return id;
	}
	return -1;
}

static int see_help(const char *command)
{
	message_error("see hsmime %s --help", command);
	return 2;
}

static void suggest(const char *word, unsigned command)
{
	const char *names[OPT_COUNT];
	size_t count = 0;
	const char *name;

	for (int id = 0; id < OPT_COUNT; id++) {
		if ((option_table[id].commands & command) != 0)
			names[count++] = option_table[id].name;
	}
	name = nearest(word, names, count);
	if (name != NULL)
		message_error("did you mean --%s?", name);
}

/* Only the name is repeated: what follows "=" could be a PIN that somebody tried to give. */
static int unknown_long(const char *arg, const struct options *o, const char *command)
{
	char name[64];

	snprintf(name, sizeof(name), "%.*s", (int)strcspn(arg + 2, "="), arg + 2);
	if (strcmp(name, "pin") == 0) {
		message_error("there is no option --pin: a command line can be read by others");
		message_error("give the PIN at the terminal, or name a --pin-source");
		return 2;
	}
	message_error("%s has no option --%s", command, name);
	suggest(name, o->command);
	return see_help(command);
}

static int complain(int code, char **argv, const struct options *o)
{
	const char *arg = argv[optind - 1];
	int id = optopt >= LONG_BASE ? optopt - LONG_BASE : find_letter(optopt);

	if (code == ':' && id >= 0) {
		message_error(
		    "--%s needs an argument: %s", option_table[id].name, option_table[id].arg);
		return see_help(argv[0]);
	}
	if (id >= 0 && optopt >= LONG_BASE) {
		message_error("--%s takes no argument", option_table[id].name);
		return see_help(argv[0]);
	}
	if (optopt != 0) {
		message_error("%s has no option -%c", argv[0], optopt);
		return see_help(argv[0]);
	}
	return unknown_long(arg, o, argv[0]);
}

/* getopt_long takes any unique beginning for a name; scripts must not depend on such. */
static const char *abbreviated(char **argv, int id)
{
	const char *arg = argv[optind - 1];

	if (optarg == arg)
		arg = argv[optind - 2];
	return strcspn(arg + 2, "=") == strlen(option_table[id].name) ? NULL : arg;
}

static int take(struct options *o, int id, const char *text)
{
	const struct option_row *row = &option_table[id];
	char wants[128];

	if (row->alias_value != NULL)
		return options_set(
		    o, row->alias, row->alias_value, RANK_COMMAND_LINE, "command line");
	if (options_set(o, (enum option_id)id, text != NULL ? text : "true", RANK_COMMAND_LINE,
		"command line") == 0)
		return 0;
	message_error("--%s can't be %s", row->name, text);
	option_wants(wants, sizeof(wants), (enum option_id)id);
	message_error("it takes %s", wants);
	return 2;
}

int options_parse(struct options *o, int argc, char **argv)
{
	struct option longs[OPT_COUNT + 1];
	char shorts[2 * OPT_COUNT + 2];
	int code;

	build(longs, shorts, o->command);
	opterr = 0;
	optind = 1;
	while ((code = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		int id = code >= LONG_BASE ? code - LONG_BASE : find_letter(code);
		const char *cut = NULL;
		int status;

		if (code == '?' || code == ':' || id < 0)
			return complain(code, argv, o);
		if (code >= LONG_BASE)
			cut = abbreviated(argv, id);
		status = cut != NULL ? unknown_long(cut, o, argv[0]) : take(o, id, optarg);
		if (status != 0)
			return status;
	}
	o->operands = argv + optind;
	o->operand_count = argc - optind;
	return 0;
}
