/*
 * pin_names: tokens and PIN sources as names of files, and by what a source shows that it changed.
 */
#ifndef ENGINE_PIN_NAMES_H
#define ENGINE_PIN_NAMES_H

#include <stdbool.h>

struct token;
struct pin_source;

#define PIN_NAME_DIGITS 30
#define PIN_NAME_ROOM (PIN_NAME_DIGITS + 1)

/*
 * pin_name_token(out, t): by serial number, manufacturer and model: a digest in hexadecimal.
 * pin_name_source(out, source): by the source, a person's excepted. The number of a descriptor says
 * nothing: one that is a file is that file, all others, pipes above all, are one source, since
 * nothing tells them apart and the next one may give the same PIN.
 * False where OpenSSL fails.
 */
bool pin_name_token(char out[PIN_NAME_ROOM], const struct token *t);
bool pin_name_source(char out[PIN_NAME_ROOM], const struct pin_source *source);

/* pin_source_kind(source): "file", "command", … */
const char *pin_source_kind(const struct pin_source *source);

/*
 * pin_source_state(state, source): what changes when somebody changes the PIN in it: of a file its
 * place, size and time; PIN_UNCHANGING where there is nothing to tell it by.
 */
#define PIN_STATE_ROOM 96
#define PIN_UNCHANGING "-"
void pin_source_state(char state[PIN_STATE_ROOM], const struct pin_source *source);

#endif
