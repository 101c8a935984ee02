/*
 * options: every option of the tool in one table, which drives parsing, --help
 * and the keys of the configuration files; and the values that they got, with
 * where each came from.
 */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Commands, as bits: which options each one takes. */
enum command_bit {
	CMD_SIGN = 1 << 0,
	CMD_VERIFY = 1 << 1,
	CMD_ENCRYPT = 1 << 2,
	CMD_DECRYPT = 1 << 3,
	CMD_TOKENS = 1 << 4,
	CMD_KEYS = 1 << 5,
	CMD_CONFIG = 1 << 6,
	CMD_DOCTOR = 1 << 7,
	CMD_PIN = 1 << 8,
	CMD_ARCHIVE = 1 << 9,
	CMD_MAKES = CMD_SIGN | CMD_ENCRYPT,
	CMD_READS = CMD_VERIFY | CMD_DECRYPT,
	CMD_CRYPTO = CMD_MAKES | CMD_READS,
	CMD_ALL = (1 << 10) - 1
};

enum option_id {
	OPT_KEY,
	OPT_FROM,
	OPT_CERT,
	OPT_RECIPIENT,
	OPT_CA,
	OPT_CMS,
	OPT_FORMAT,
	OPT_OPAQUE,
	OPT_ATTACHED,
	OPT_DETACHED,
	OPT_ENTITY,
	OPT_DIGEST,
	OPT_PSS,
	OPT_ENCRYPT,
	OPT_CIPHER,
	OPT_KEY_TRANSPORT,
	OPT_FORCE_RECIPIENT,
	OPT_NO_ENCRYPT_TO_SELF,
	OPT_RECIPIENT_KEY_ID,
	OPT_BCC_DIR,
	OPT_CONTENT,
	OPT_AT,
	OPT_NO_CHAIN,
	OPT_PARTIAL_CHAIN,
	OPT_NO_CHECK_TIME,
	OPT_ANY_PURPOSE,
	OPT_REQUIRE_AUTHENTICATED,
	OPT_DEEP,
	OPT_PROVENANCE,
	OPT_LOGIN,
	OPT_PEM_URI,
	OPT_OUTPUT,
	OPT_JSON,
	OPT_SPOOL_MAX,
	OPT_MODULE,
	OPT_TOKEN,
	OPT_PIN_SOURCE,
	OPT_CALL_LIMIT,
	OPT_WAIT,
	OPT_NEW_PIN_SOURCE,
	OPT_SO_PIN_SOURCE,
	OPT_PUK,
	OPT_LABEL,
	OPT_FORCE,
	OPT_IN,
	OPT_OUT,
	OPT_KEYS,
	OPT_JOB,
	OPT_SKIP_PLAIN,
	OPT_WORKERS,
	OPT_TOKEN_WAIT,
	OPT_JOURNAL,
	OPT_LEASE,
	OPT_JOURNAL_WAIT,
	OPT_CAUSE,
	OPT_REPORT,
	OPT_HTML,
	OPT_SEAL,
	OPT_SIGNATURE,
	OPT_NO_SEAL,
	OPT_SEALED_BY,
	OPT_SOURCES,
	OPT_SHARED,
	OPT_KEEP_RECIPIENTS,
	OPT_DROP,
	OPT_NO_CHECK,
	OPT_REENCRYPT,
	OPT_DRY_RUN,
	OPT_MATCH,
	OPT_SINCE,
	OPT_UNTIL,
	OPT_LIMIT,
	OPT_PINENTRY,
	OPT_VERBOSE,
	OPT_QUIET,
	OPT_HELP,
	OPT_COUNT
};

enum option_kind {
	OPTION_FLAG,     /* "true" or "false" */
	OPTION_TALLY,    /* a flag that may be repeated */
	OPTION_VALUE,    /* the last one holds */
	OPTION_REPEATED, /* on the command line all hold; one text in a file */
	OPTION_LIST      /* all hold */
};

struct option_row {
	const char *name; /* long name; the key in a configuration file too */
	char letter;      /* short name, or 0 */
	enum option_kind kind;
	const char *arg;                       /* what the argument is called, NULL for flags */
	const char *choices;                   /* comma-separated, NULL: any text */
	bool (*is_possible)(const char *text); /* whether a key's value is one, NULL: any text */
	const char *form;                      /* in words what is_possible takes */
	unsigned commands; /* enum command_bit: who takes it on the command line */
	unsigned config;   /* enum command_bit: who takes it from configuration; 0: it is no key */
	const char *standard; /* what holds when it is not set, in words; for keys */
	const char *help;
	const char *alias_value; /* flags: not an option itself but this value for alias */
	enum option_id alias;
};

extern const struct option_row option_table[OPT_COUNT];

/* Where a value came from; a higher one wins, whatever the order in which they are set. */
enum option_rank { RANK_NONE, RANK_SYSTEM, RANK_USER, RANK_ENVIRONMENT, RANK_COMMAND_LINE };

struct option_value {
	char **items;
	size_t count;
	enum option_rank rank;
	char *origin; /* in words: "command line", a file's path, … */
};

/* A group of the configuration: a key that several tokens hold. */
struct option_group {
	char *name;
	char *keys; /* URIs with blanks between */
	struct option_group *next;
};

struct options {
	unsigned command; /* enum command_bit */
	struct option_group *groups;
	struct option_value values[OPT_COUNT];
	char **operands;
	int operand_count;
};

/*
 * options_set(o, id, text, rank, origin):
 * Give an option a value. One of a higher rank stays; one of a lower rank is replaced; of the
 * same rank a list grows and the rest is replaced. Return 0, or -1 where text is none of the
 * choices or not possible. What is_possible says of the command line's text is left to the
 * command, which reports it as it does all that is wrong with what it was asked for. Out of
 * memory ends the program with status 6.
 */
int options_set(struct options *o, enum option_id id, const char *text, enum option_rank rank,
    const char *origin);

/*
 * options_parse(o, argc, argv):
 * Read the command line behind the command's name (argv[0]) for o->command. Long names must be
 * written out. Return 0, or 2 after an error message.
 */
int options_parse(struct options *o, int argc, char **argv);

/* options_set_group(o, name, keys): a group, in place of an earlier one of that name. */
void options_set_group(struct options *o, const char *name, const char *keys);

/* option_get(o, id): the values that hold for o->command; count is 0 where there is none. */
const struct option_value *option_get(const struct options *o, enum option_id id);

/* option_text(o, id): the last value that holds, or NULL. option_is(o, id): a flag is set. */
const char *option_text(const struct options *o, enum option_id id);
bool option_is(const struct options *o, enum option_id id);

/* option_given(o, id): it was set on the command line (a flag: to true). */
bool option_given(const struct options *o, enum option_id id);

/* option_is_key(id): it is a key of the configuration files. option_find(name): or -1. */
bool option_is_key(enum option_id id);
int option_find(const char *name);

/* option_wants(text, size, id): put in text what a value of id must be, in words: "one of …". */
void option_wants(char *text, size_t size, enum option_id id);

/*
 * options_help(out, command):
 * Print the options that command takes, one a line; with CMD_ALL those that all commands share.
 */
void options_help(FILE *out, unsigned command);

/* options_free(o): free every value. */
void options_free(struct options *o);

#endif
