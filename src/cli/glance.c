#include "glance.h"

#include <string.h>

struct seen {
	enum option_id wanted;
	const char *value;
};

static int find_letter(char letter)
{
	for (int id = 0; id < OPT_COUNT; id++) {
		if (option_table[id].letter == letter)
			return id;
	}
	return -1;
}

/* Each returns how many arguments it took. */
static int look_long(struct seen *s, const char *arg, const char *next)
{
	size_t len = strcspn(arg + 2, "=");
	const char *value = arg[2 + len] == '=' ? arg + 2 + len + 1 : NULL;

	for (int id = 0; id < OPT_COUNT; id++) {
		const struct option_row *row = &option_table[id];

		if (strlen(row->name) != len || strncmp(row->name, arg + 2, len) != 0)
			continue;
		if (row->arg == NULL && id == (int)s->wanted)
			s->value = "true";
		else if (id == (int)s->wanted)
			s->value = value != NULL ? value : next;
		return row->arg != NULL && value == NULL ? 2 : 1;
	}
	return 1;
}

static int look_letters(struct seen *s, const char *arg, const char *next)
{
	for (const char *p = arg + 1; *p != '\0'; p++) {
		int id = find_letter(*p);
		bool takes = id >= 0 && option_table[id].arg != NULL;

		if (id == (int)s->wanted)
			s->value = !takes ? "true" : p[1] != '\0' ? p + 1 : next;
		if (takes)
			return p[1] != '\0' ? 1 : 2;
	}
	return 1;
}

const char *glance(int argc, char **argv, enum option_id id)
{
	struct seen s = { .wanted = id };

	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0;) {
		const char *next = i + 1 < argc ? argv[i + 1] : NULL;

		if (strncmp(argv[i], "--", 2) == 0)
			i += look_long(&s, argv[i], next);
		else if (argv[i][0] == '-')
			i += look_letters(&s, argv[i], next);
		else
			i++;
	}
	return s.value;
}

bool glance_content(unsigned command, const char *output)
{
	if (output == NULL)
		return (command & (CMD_MAKES | CMD_DECRYPT)) != 0;
	return strcmp(output, "-") == 0;
}
