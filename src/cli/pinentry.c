#include "pinentry.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "assuan/dialog.h"
#include "message.h"
#include "part.h"
#include "progress.h"
#include "text/utf8.h"

#define TEXT 800   /* octets of each text of a dialog */
#define OPTION 200 /* octets of each option */

static char program[PATH_MAX]; /* "": what is wanted is not in PATH */
static const char *wanted;
static unsigned limit = 60; /* seconds */

static bool is_executable(const char *path)
{
	return access(path, X_OK) == 0;
}

/* As a shell finds it; a name with a slash is a path. */
static bool find_program(const char *name)
{
	const char *at = getenv("PATH");

	if (name[0] == '\0' || strchr(name, '/') != NULL) {
		snprintf(program, sizeof(program), "%s", name);
		return name[0] != '\0' && is_executable(program);
	}
	while (at != NULL && *at != '\0') {
		size_t len = strcspn(at, ":");

		snprintf(program, sizeof(program), "%.*s/%s", (int)len, at, name);
		if (len > 0 && is_executable(program))
			return true;
		at += len + (at[len] == ':');
	}
	program[0] = '\0';
	return false;
}

static bool is_set(const char *variable)
{
	const char *value = getenv(variable);

	return value != NULL && value[0] != '\0';
}

bool pinentry_wanted(const char *option, bool terminal)
{
	const char *named;

	if (option != NULL && strcmp(option, "none") == 0)
		return false;
	if (option != NULL && strcmp(option, "auto") != 0) {
		wanted = option;
		(void)find_program(option);
		return true;
	}
	if (terminal || !(is_set("DISPLAY") || is_set("WAYLAND_DISPLAY")))
		return false;
	/* One that somebody named, and that is not there, is told where a PIN is wanted. */
	named = getenv("PINENTRY");
	wanted = named != NULL && named[0] != '\0' ? named : "pinentry";
	return find_program(wanted) || wanted == named;
}

void pinentry_limit(unsigned seconds)
{
	limit = seconds;
}

/* Where pinentry finds the person. */
struct place {
	char texts[4][OPTION];
	const char *list[5];
	size_t count;
};

static void add(struct place *p, const char *name, const char *value)
{
	size_t len = strlen(name);

	if (value == NULL || value[0] == '\0' || len + strlen(value) >= OPTION)
		return;
	memcpy(p->texts[p->count], name, len);
	memcpy(p->texts[p->count] + len, value, strlen(value) + 1);
	p->list[p->count] = p->texts[p->count];
	p->list[++p->count] = NULL;
}

/* /dev/tty would be pinentry's own, which may have none. */
static const char *terminal(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (isatty(fd))
			return ttyname(fd);
	return getenv("GPG_TTY");
}

static const char *locale(void)
{
	if (is_set("LC_ALL"))
		return getenv("LC_ALL");
	return is_set("LC_CTYPE") ? getenv("LC_CTYPE") : getenv("LANG");
}

static void find_person(struct place *p)
{
	*p = (struct place){ 0 };
	add(p, "ttyname=", terminal());
	add(p, "ttytype=", getenv("TERM"));
	add(p, "lc-ctype=", locale());
	add(p, "display=", getenv("DISPLAY"));
}

static void print_length(FILE *text, const hsmime_pin_request *r)
{
	bool is_new = r->kind == HSMIME_PIN_NEW || r->kind == HSMIME_PIN_NEW_SO;

	if (is_new && !r->again && r->max_len > 0)
		fprintf(text, "\nLength: %zu to %zu characters", r->min_len, r->max_len);
}

/* The library cuts names, so that all parts together are shorter than TEXT. */
static void describe(char out[TEXT], const hsmime_pin_request *r, const char *first)
{
	FILE *text = fmemopen(out, TEXT, "w");

	if (text == NULL)
		return;
	fputs(first, text);
	fputs("Token: ", text);
	utf8_print(text, r->token_label);
	if (r->token_serial != NULL && r->token_serial[0] != '\0') {
		fputs(" (serial number ", text);
		utf8_print(text, r->token_serial);
		putc(')', text);
	}
	if (r->key != NULL) {
		fputs("\nKey: ", text);
		utf8_print(text, r->key);
	}
	if (r->purpose != NULL && r->purpose[0] != '\0') {
		fputs("\nTo: ", text);
		utf8_print(text, r->purpose);
	}
	print_length(text, r);
	fclose(text);
	out[TEXT - 1] = '\0';
}

static const char *prompt_of(const hsmime_pin_request *r)
{
	static const char *const prompts[] = { [HSMIME_PIN_USER] = "PIN:",
		[HSMIME_PIN_SO] = "Security officer's PIN:",
		[HSMIME_PIN_PUK] = "PUK:",
		[HSMIME_PIN_NEW] = "New PIN:",
		[HSMIME_PIN_NEW_SO] = "New security officer's PIN:" };

	return r->again ? "The same again:" : prompts[r->kind];
}

static ptrdiff_t run(
    const hsmime_pin_request *r, enum dialog_kind kind, const char *first, char *pin, size_t size)
{
	char text[TEXT] = "";
	const char *why = "";
	dialog_run_function *ask = NULL;
	struct place place;
	struct dialog d = { .program = program,
		.options = place.list,
		.title = "hsmime",
		.description = text,
		.prompt = prompt_of(r),
		.kind = kind,
		.limit = limit < INT_MAX / 1000 ? limit * 1000 : INT_MAX };
	ptrdiff_t n = -1;

	find_person(&place);
	describe(text, r, first);
	/* Never its bare name: what starts it would look in the current folder. */
	if (program[0] == '\0')
		why = "it is not in PATH";
	else
		*(void **)&ask = part_symbol(DIALOG_MODULE, DIALOG_SYMBOL, &why);
	if (ask != NULL)
		n = ask(&d, pin, size, &why);
	if (n < 0)
		message_warning(
		    "%s can't ask for the PIN: %s", program[0] != '\0' ? program : wanted, why);
	return n > 0 ? n : HSMIME_EPIN;
}

ptrdiff_t pinentry_pin(void *arg, const hsmime_pin_request *request, char *pin, size_t size)
{
	const char *careful = "Careful: a wrong PIN was given to this token before.\n";
	char first[TEXT];
	ptrdiff_t go_on = 1;

	(void)arg;
	if (!request->count_low)
		careful = "";
	progress_clear();
	if (request->final_try)
		go_on = run(request, DIALOG_CONFIRM,
		    "This is the last try: a wrong PIN locks the token.\nGo on?\n", pin, size);
	if (go_on < 0)
		return go_on;
	if (request->pin_pad) {
		snprintf(first, sizeof(first),
		    "%sPress OK, then type the PIN on the token's pad.\n", careful);
		go_on = run(request, DIALOG_MESSAGE, first, pin, size);
		pin[0] = 'y';
		return go_on;
	}
	return run(request, DIALOG_PIN, careful, pin, size);
}
