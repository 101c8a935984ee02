/*
 * key_list: the keys that a command's operand and --key name, and what the tokens have of them.
 */
#ifndef CLI_KEY_LIST_H
#define CLI_KEY_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include <hsmime/hsmime.h>

#include "job.h"

/*
 * key_names(names, job): the operand and every --key, of a group each of its keys, a NULL behind them.
 * Free with free. 0, HSMIME_EUSAGE (there is no such group) or HSMIME_ENOMEM.
 */
int key_names(const char ***names, struct job *job);

/* A key on a token, and which name led to it (NULL: none was given). */
struct key_row {
	const hsmime_key *key;
	const char *name;
};

/* Each key once, in the order of the names. Zero before use; free with key_list_free. */
struct key_list {
	const char **names;
	struct key_part {
		hsmime_key *keys;
		size_t count;
	} * parts; /* one for each name */
	size_t part_count;
	struct key_row *rows;
	size_t count;
};

/* key_list_read(list, job, login): 0, or as key_names and hsmime_keys. */
int key_list_read(struct key_list *list, struct job *job, bool login);
void key_list_free(struct key_list *list);

#endif
