#include "command.h"

#include "job.h"
#include "text/json.h"
#include "message.h"
#include "text/utf8.h"

static const struct {
	unsigned flag;
	const char *name;
} flag_names[] = {
	{ HSMIME_TOKEN_INITIALIZED, "initialized" },
	{ HSMIME_TOKEN_LOGIN_REQUIRED, "login-required" },
	{ HSMIME_TOKEN_PIN_PAD, "pin-pad" },
	{ HSMIME_TOKEN_WRITE_PROTECTED, "write-protected" },
	{ HSMIME_TOKEN_STUCK, "stuck" },
};

/* The worst one first: it is what a person has to know. */
static const struct {
	unsigned flag;
	const char *name;
} pin_states[] = {
	{ HSMIME_TOKEN_PIN_LOCKED, "locked" },
	{ HSMIME_TOKEN_PIN_FINAL_TRY, "final-try" },
	{ HSMIME_TOKEN_PIN_COUNT_LOW, "count-low" },
	{ HSMIME_TOKEN_PIN_TO_BE_CHANGED, "to-be-changed" },
	{ HSMIME_TOKEN_PIN_INITIALIZED, "ok" },
};

static const char *pin_state(unsigned flags)
{
	if (flags == HSMIME_TOKEN_STUCK)
		return "unknown";
	for (size_t i = 0; i < sizeof(pin_states) / sizeof(pin_states[0]); i++) {
		if ((flags & pin_states[i].flag) != 0)
			return pin_states[i].name;
	}
	return "not-set";
}

static void write_json(const hsmime_token *list, size_t count)
{
	struct json j = { .out = stdout };

	json_open(&j, NULL, '[');
	for (size_t i = 0; i < count; i++) {
		json_open(&j, NULL, '{');
		json_text(&j, "label", list[i].label);
		json_text(&j, "serial", list[i].serial);
		json_text(&j, "manufacturer", list[i].manufacturer);
		json_text(&j, "model", list[i].model);
		json_text(&j, "uri", list[i].uri);
		json_text(&j, "slot", list[i].slot_description);
		json_text(&j, "pin", pin_state(list[i].flags));
		json_open(&j, "flags", '[');
		for (size_t k = 0; k < sizeof(flag_names) / sizeof(flag_names[0]); k++) {
			if ((list[i].flags & flag_names[k].flag) != 0)
				json_text(&j, NULL, flag_names[k].name);
		}
		json_close(&j, ']');
		json_close(&j, '}');
	}
	json_close(&j, ']');
}

/* Left-justified by code points, so that a label in any script keeps the columns; "-" is none. */
static void cell(const char *text, int width)
{
	const char *at = text[0] != '\0' ? text : "-";

	utf8_print(stdout, at);
	for (; *at != '\0'; width--)
		(void)utf8_next(&at);
	printf("%*s", width > 0 ? width + 2 : 2, "");
}

static void write_flags(unsigned flags)
{
	const char *before = "";

	for (size_t k = 0; k < sizeof(flag_names) / sizeof(flag_names[0]); k++) {
		if ((flags & flag_names[k].flag) == 0)
			continue;
		printf("%s%s", before, flag_names[k].name);
		before = ",";
	}
	putchar('\n');
}

static void write_row(const char *label, const char *serial, const char *model, const char *pin)
{
	cell(label, 24);
	cell(serial, 18);
	cell(model, 16);
	cell(pin, 13);
}

static void write_table(const hsmime_token *list, size_t count, const char *label)
{
	if (count == 0) {
		message_no_token(label);
		return;
	}
	write_row("LABEL", "SERIAL", "MODEL", "PIN");
	puts("FLAGS");
	for (size_t i = 0; i < count; i++) {
		write_row(list[i].label, list[i].serial, list[i].model, pin_state(list[i].flags));
		write_flags(list[i].flags);
	}
}

int cmd_tokens(const struct options *o)
{
	struct job job;
	hsmime_token *list = NULL;
	size_t count = 0;
	int status = job_start(&job, o, "tokens");

	if (status == 0)
		status = hsmime_tokens(&list, &count, job.ctx);
	if (status == 0 && option_is(o, OPT_JSON))
		write_json(list, count);
	else if (status == 0)
		write_table(list, count, option_text(o, OPT_TOKEN));
	hsmime_tokens_free(list, count);
	return job_finish(&job, status);
}
