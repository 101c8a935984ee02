#include "util/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <openssl/err.h>

/* What a caller that does not listen was last told, for error_hint and error_prefix. */
static _Thread_local int unheard = HSMIME_EINTERNAL;

void error_tidy(char *text)
{
	for (; *text != '\0'; text++) {
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			*text = '?';
		/* U+0080 to U+009F as UTF-8 writes them: U+009B is another ESC [. */
		if ((unsigned char)text[0] == 0xc2 && ((unsigned char)text[1] & 0xe0) == 0x80)
			text[0] = text[1] = '?';
	}
}

int error_set(struct error *err, int code, const char *fmt, ...)
{
	va_list args;

	if (err == NULL) {
		unheard = code;
		return code;
	}
	va_start(args, fmt);
	vsnprintf(err->message, sizeof(err->message), fmt, args);
	va_end(args);
	error_tidy(err->message);
	err->hint[0] = '\0';
	err->incapable = err->pin_missing = err->unanswered = err->hidden = false;
	err->code = code;
	return code;
}

int error_hint(struct error *err, const char *fmt, ...)
{
	va_list args;

	if (err == NULL)
		return unheard;
	va_start(args, fmt);
	vsnprintf(err->hint, sizeof(err->hint), fmt, args);
	va_end(args);
	error_tidy(err->hint);
	return err->code;
}

/* As much of more as fits behind what is in text, which has room for size octets. */
static void append(char *text, size_t size, const char *more)
{
	size_t len = strlen(text);
	size_t n = strnlen(more, size - 1 - len);

	memcpy(text + len, more, n);
	text[len + n] = '\0';
}

int error_prefix(struct error *err, const char *fmt, ...)
{
	char old[sizeof(err->message)];
	va_list args;

	if (err == NULL)
		return unheard;
	memcpy(old, err->message, sizeof(old));
	va_start(args, fmt);
	vsnprintf(err->message, sizeof(err->message), fmt, args);
	va_end(args);
	append(err->message, sizeof(err->message), ": ");
	append(err->message, sizeof(err->message), old);
	error_tidy(err->message);
	return err->code;
}

void error_forget(void)
{
	/* The mark goes with what lies above it, and is wanted again. */
	if (ERR_pop_to_mark() == 1)
		ERR_set_mark();
}

int error_openssl(struct error *err, int code, const char *what)
{
	unsigned long newest = ERR_peek_last_error();
	const char *reason = NULL;

	error_forget();
	/* What is still there was there before, and says nothing of this. */
	if (newest == ERR_peek_last_error())
		newest = 0;
	reason = ERR_reason_error_string(newest);
	if (ERR_GET_REASON(newest) == ERR_R_MALLOC_FAILURE)
		return error_nomem(err);
	if (reason == NULL)
		return error_set(err, code, "%s failed", what);
	return error_set(err, code, "%s: %s", what, reason);
}

static int hint_errno(struct error *err, int code)
{
	static const struct {
		int code;
		const char *hint;
	} rows[] = {
		{ EPIPE, "the program that reads it has ended; look at what that one says" },
		{ ENOSPC, "free some space there, or name another place" },
		{ EDQUOT, "free some space there, or name another place" },
		{ EISDIR, "name a file" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].code == code)
			return error_hint(err, "%s", rows[i].hint);
	}
	return HSMIME_EIO;
}

int error_errno(struct error *err, const char *what, const char *name)
{
	char text[128];
	int code = errno;
	const char *reason = strerror_r(code, text, sizeof(text));

	if (name != NULL)
		error_set(err, HSMIME_EIO, "%s %s: %s", what, name, reason);
	else
		error_set(err, HSMIME_EIO, "%s: %s", what, reason);
	return hint_errno(err, code);
}

void error_clear(struct error *err)
{
	if (err == NULL)
		return;
	err->code = 0;
	err->message[0] = '\0';
	err->hint[0] = '\0';
	err->incapable = err->pin_missing = err->unanswered = false;
}

int error_keep(struct error *err, int code, const char *words)
{
	if (err != NULL && err->code == code && err->message[0] != '\0')
		return code;
	return error_set(err, code, "%s", words);
}
