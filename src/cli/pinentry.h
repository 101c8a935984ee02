/*
 * pinentry: asking for PINs by the pinentry program that the person has, beside the terminal.
 */
#ifndef CLI_PINENTRY_H
#define CLI_PINENTRY_H

#include <stdbool.h>
#include <stddef.h>

#include <hsmime/context.h>

/*
 * pinentry_wanted(option, terminal):
 * Whether pinentry asks. option is --pinentry's value: a program, "auto" or NULL ($PINENTRY, else
 * pinentry in PATH, where there is no terminal but a display), "none". terminal: there is one.
 * One that option or $PINENTRY names is wanted also where it is not there: pinentry_pin tells that.
 * A program without a slash is looked for in PATH alone; option is kept, and has to stay.
 */
bool pinentry_wanted(const char *option, bool terminal);

/*
 * pinentry_limit(seconds): how long each answer of pinentry may take, but for the person's; 0: no
 * limit. 60 without this call.
 */
void pinentry_limit(unsigned seconds);

/*
 * pinentry_pin: a hsmime_pin_callback by the program that pinentry_wanted found: names the token,
 * the key and what for, warns as prompt_pin does, and has a last try confirmed first. HSMIME_EPIN
 * where the person gives up or the program does not work, which is told as a warning.
 */
ptrdiff_t pinentry_pin(void *arg, const hsmime_pin_request *request, char *pin, size_t size);

#endif
