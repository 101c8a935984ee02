/*
 * prompt: asking the person at the terminal for a PIN.
 */
#ifndef CLI_PROMPT_H
#define CLI_PROMPT_H

#include <stdbool.h>

#include <hsmime/context.h>

/*
 * prompt_pin: the hsmime_pin_callback of the tool. Asks once on /dev/tty, without echo. Warns
 * when a wrong PIN was given before; on the token's final try asks for the word "yes" first. Of a
 * token with a PIN pad it says what to type there.
 * HSMIME_EPIN where there is no terminal, no PIN, one with control characters in it, which is told
 * there, or no "yes".
 */
ptrdiff_t prompt_pin(void *arg, const hsmime_pin_request *request, char *pin, size_t size);

/*
 * prompt_erase(label, serial, word): tell at the terminal that all on the token with that label and
 * serial number will be lost; whether just that word was typed.
 */
bool prompt_erase(const char *label, const char *serial, const char *word);

/* prompt_possible(): there is a terminal to ask at. */
bool prompt_possible(void);

/* prompt_restore(): give the terminal its echo back. Async-signal-safe. */
void prompt_restore(void);

#endif
