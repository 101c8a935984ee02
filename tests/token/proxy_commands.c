#include "proxy_commands.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "proxy.h"
#include "proxy_control.h"
#include "proxy_names.h"

const struct proxy *proxy_control(void);

#define ARGUMENTS_MAX 9

/* What one letter of a command's arguments reads. */
union argument {
	const char *text;     /* s: a dash is NULL */
	unsigned long number; /* n: also a CKR_… or CKM_… */
	long integer;         /* i: may be negative */
};

struct command {
	const char *name;
	const char *arguments; /* letters; what follows * may be left out */
	void (*run)(const union argument *a, size_t count);
};

static void run_reset(const union argument *a, size_t count)
{
	(void)a;
	(void)count;
	proxy_control()->reset();
}

static void run_counts(const union argument *a, size_t count)
{
	(void)a;
	(void)count;
	control_write_counts();
}

static void run_release(const union argument *a, size_t count)
{
	(void)a;
	(void)count;
	proxy_control()->release();
}

static void run_lose(const union argument *a, size_t count)
{
	proxy_control()->lose(count > 0 ? a[0].text : NULL);
}

static void run_bring_back(const union argument *a, size_t count)
{
	(void)a;
	(void)count;
	proxy_control()->bring_back();
}

static void run_refuse(const union argument *a, size_t count)
{
	proxy_control()->refuse(
	    a[0].text, a[1].number, count > 2 ? a[2].number : 0, count > 3 ? a[3].number : 1);
}

static void run_lie(const union argument *a, size_t count)
{
	proxy_control()->lie(a[0].text, a[1].number, count > 2 ? a[2].number : 1);
}

static void run_garble(const union argument *a, size_t count)
{
	(void)count;
	proxy_control()->garble(a[0].number, a[1].number);
}

static void run_delay(const union argument *a, size_t count)
{
	(void)count;
	proxy_control()->delay(a[0].text, a[1].number);
}

/* Of those that take a function's name and a number of calls to skip. */
#define RUN_AT(name)                                                                               \
	static void run_##name(const union argument *a, size_t count)                              \
	{                                                                                          \
		proxy_control()->name(a[0].text, count > 1 ? a[1].number : 0);                     \
	}
RUN_AT(hang)
RUN_AT(lose_at)
RUN_AT(bring_back_at)

/* Of those that take one number. */
#define RUN_NUMBER(name, type)                                                                     \
	static void run_##name(const union argument *a, size_t count)                              \
	{                                                                                          \
		(void)count;                                                                       \
		proxy_control()->name((type)a[0].number);                                          \
	}
RUN_NUMBER(limit_sessions, unsigned long)
RUN_NUMBER(report_sessions, unsigned long)
RUN_NUMBER(report_open, unsigned long)
RUN_NUMBER(set_flags, CK_FLAGS)
RUN_NUMBER(cant_lock, int)
RUN_NUMBER(keep_failed, int)
RUN_NUMBER(poison, int)
RUN_NUMBER(hide_slots, int)
RUN_NUMBER(removal, CK_RV)
RUN_NUMBER(stale_info, int)
RUN_NUMBER(slot_events, enum proxy_events)
RUN_NUMBER(lose_readers, int)
RUN_NUMBER(hide_mechanism, CK_MECHANISM_TYPE)
RUN_NUMBER(twin_slots, int)
RUN_NUMBER(extra_keys, unsigned long)
RUN_NUMBER(wrong_pin, CK_RV)
RUN_NUMBER(change_pin, int)
RUN_NUMBER(derive_point, enum proxy_point)
RUN_NUMBER(room, enum proxy_room)
RUN_NUMBER(unwrap_length, enum proxy_length)
RUN_NUMBER(unwrap_sensitive, int)

static void run_only(const union argument *a, size_t count)
{
	(void)count;
	proxy_control()->only(a[0].text);
}

static void run_relabel(const union argument *a, size_t count)
{
	(void)count;
	proxy_control()->relabel(a[0].text);
}

static void run_limit_key(const union argument *a, size_t count)
{
	(void)count;
	proxy_control()->limit_key((unsigned char)a[0].number, (unsigned)a[1].number);
}

static void run_authenticate(const union argument *a, size_t count)
{
	(void)count;
	proxy_control()->authenticate(
	    (unsigned char)a[0].number, (enum proxy_authenticate)a[1].number);
}

static void run_pad(const union argument *a, size_t count)
{
	const char *answers[ARGUMENTS_MAX];

	for (size_t i = 0; i < count; i++)
		answers[i] = a[i].text;
	proxy_control()->pad(answers, count);
}

static void run_pin_tries(const union argument *a, size_t count)
{
	proxy_control()->pin_tries(a[0].number, count > 1 ? (int)a[1].number : 1);
}

static void run_bad_padding(const union argument *a, size_t count)
{
	struct proxy_padding p = { a[0].number, count > 1 ? a[1].integer : -1,
		count > 2 ? (int)a[2].integer : 0 };

	proxy_control()->bad_padding(&p);
}

#define COMMAND(name, arguments)                                                                   \
	{                                                                                          \
#name, arguments, run_##name                                                       \
	}
static const struct command commands[] = {
	COMMAND(reset, ""),
	COMMAND(counts, ""),
	COMMAND(limit_sessions, "n"),
	COMMAND(report_sessions, "n"),
	COMMAND(report_open, "n"),
	COMMAND(refuse, "sn*nn"), /* function, code, calls to skip (0), times (1) */
	COMMAND(lie, "sn*n"),
	COMMAND(garble, "nn"), /* calls to skip, times */
	COMMAND(set_flags, "n"),
	COMMAND(cant_lock, "n"),
	COMMAND(keep_failed, "n"),
	COMMAND(poison, "n"),
	COMMAND(hide_slots, "n"),
	COMMAND(delay, "sn"), /* function or -, microseconds */
	COMMAND(hang, "s*n"), /* function, calls to skip (0) */
	COMMAND(release, ""),
	COMMAND(only, "s"), /* label, or -: all */
	COMMAND(lose, "*s"),
	COMMAND(bring_back, ""),
	COMMAND(lose_at, "s*n"),
	COMMAND(bring_back_at, "s*n"),
	COMMAND(removal, "n"),
	COMMAND(stale_info, "n"),
	COMMAND(slot_events, "n"),
	COMMAND(lose_readers, "n"),
	COMMAND(hide_mechanism, "n"),
	COMMAND(twin_slots, "n"),
	COMMAND(relabel, "s"),
	COMMAND(extra_keys, "n"),
	COMMAND(limit_key, "nn"),    /* ID, sum of: 1 sign, 2 decrypt, 4 unwrap, 8 derive */
	COMMAND(authenticate, "nn"), /* ID, number in enum proxy_authenticate */
	COMMAND(derive_point, "n"),  /* number in enum proxy_point */
	COMMAND(pad, "*sssssssss"),  /* PIN or -, ... */
	COMMAND(pin_tries, "n*n"),
	COMMAND(wrong_pin, "n"),
	COMMAND(change_pin, "n"),
	COMMAND(bad_padding, "n*ii"), /* code, length (-1), active (0) */
	COMMAND(room, "n"),
	COMMAND(unwrap_length, "n"),
	COMMAND(unwrap_sensitive, "n"),
};

static const struct command *find(const char *name)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	fprintf(stderr, "proxy: no command %s\n", name);
	abort();
}

static union argument read_one(char letter, const char *word)
{
	union argument a = { .text = strcmp(word, "-") != 0 ? word : NULL };

	if (letter == 'n')
		a.number = names_number(word);
	else if (letter == 'i')
		a.integer = strtol(word, NULL, 0);
	return a;
}

void commands_run(char *line)
{
	static const char spaces[] = " \t\r\n";
	union argument arguments[ARGUMENTS_MAX];
	size_t count = 0;
	char *rest = NULL, *word = strtok_r(line, spaces, &rest);
	const struct command *c;
	const char *letter;
	bool enough = false;

	if (word == NULL || *word == '#')
		return;
	c = find(word);
	letter = c->arguments;
	for (; *letter != '\0'; letter++) {
		enough |= *letter == '*';
		if (*letter == '*')
			continue;
		word = strtok_r(NULL, spaces, &rest);
		if (word == NULL)
			break;
		arguments[count++] = read_one(*letter, word);
	}
	if ((*letter != '\0' && !enough) || strtok_r(NULL, spaces, &rest) != NULL) {
		fprintf(stderr, "proxy: %s takes other arguments\n", c->name);
		abort();
	}
	c->run(arguments, count);
}

void commands_write_state(FILE *out)
{
	fprintf(out, "sessions %lu\nwrong_pins %lu\nrepeated_pins %lu\n",
	    proxy_control()->sessions(), proxy_control()->wrong_pins(),
	    proxy_control()->repeated_pins());
}
