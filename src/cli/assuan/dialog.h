/*
 * dialog: one question by pinentry, through libassuan. It is a module, DIALOG_MODULE from the
 * tool's own folder on, which the tool loads only where pinentry asks.
 *
 * libassuan keeps what pinentry answers in its context, which it gets here from the secure heap
 * and wipes when it is released; the line that has the PIN in it is in no log of libassuan's.
 */
#ifndef CLI_ASSUAN_DIALOG_H
#define CLI_ASSUAN_DIALOG_H

#include <stddef.h>

enum dialog_kind {
	DIALOG_PIN,     /* asks for a PIN */
	DIALOG_CONFIRM, /* asks whether to go on */
	DIALOG_MESSAGE  /* tells, until the person has read it */
};

/*
 * Texts are UTF-8, each below 900 octets, where '%' and the end of a line count thrice: a line of
 * Assuan holds no more.
 */
struct dialog {
	const char *program; /* its file */
	const char *const *
	    options; /* "ttyname=/dev/pts/1", …; NULL-terminated. One that it does not know is left out. */
	const char *title;
	const char *description;
	const char *prompt;
	enum dialog_kind kind;
	unsigned limit; /* milliseconds for each of its answers before the question; 0: none */
};

/*
 * dialog_run(d, pin, size, why):
 * DIALOG_PIN: the PIN's octets in pin, and how many they are. The others: 1 for "go on".
 * 0: the person gave up. -1: it could not be asked; *why says why, in words that stay.
 */
typedef ptrdiff_t dialog_run_function(
    const struct dialog *d, char *pin, size_t size, const char **why);

#define DIALOG_SYMBOL "dialog_run"

dialog_run_function dialog_run __attribute__((visibility("default")));

#endif
