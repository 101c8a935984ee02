/*
 * pin: where a PIN comes from. Sources that nobody attends (file:, fd:,
 * command:, cred:, env:) and the callback, behind which there is a person.
 */
#ifndef ENGINE_PIN_H
#define ENGINE_PIN_H

#include <stdatomic.h>
#include <stdbool.h>

#include <hsmime/context.h>

#include "engine/gate.h"
#include "util/error.h"
#include "util/secret.h"

#define PIN_MAX 255     /* octets */
#define PIN_LIMIT 60000 /* milliseconds */

struct pin_memory;
struct pin_cache;

enum pin_kind { PIN_CALLBACK, PIN_FILE, PIN_FD, PIN_COMMAND, PIN_CRED, PIN_ENV };

/* Private to pin.c, but for reading. */
struct pin_source {
	enum pin_kind kind; /* PIN_CALLBACK: no source but the person */
	char *name;         /* what follows the colon */
	int fd;
	long long start; /* fd: where it stood in its file at first; negative: it is no file */
	hsmime_pin_callback callback; /* may be NULL: nobody is there */
	void *callback_arg;
	bool doubtful;             /* whom the callback asks may be no person: not for a last try */
	bool for_uses;             /* engine_options.pin_for_uses */
	atomic_flag warned;        /* of how the PIN is kept: once is enough */
	struct gate gate;          /* for held */
	struct secret held;        /* fd: can be read once only, so it is kept, locked in memory */
	struct pin_memory *memory; /* the engine's; NULL: nothing is remembered */
	struct pin_cache *cache;   /* the engine's; NULL: nothing is kept */
	/* Milliseconds that a command may take, ten times as long until it has said the PIN; 0: no limit. */
	const atomic_uint *limit; /* the engine's; NULL: PIN_LIMIT */
};

/*
 * pin_source_new(out, spec, callback, callback_arg, err):
 * spec is "file:PATH", "fd:N", "command:CMD", "cred:NAME", "env:NAME", or NULL.
 * Returns 0, HSMIME_EUSAGE (malformed) or HSMIME_ENOMEM.
 */
int pin_source_new(struct pin_source **out, const char *spec, hsmime_pin_callback callback,
    void *callback_arg, struct error *err);

/*
 * pin_source_from_uri(out, value, base, err):
 * The pin-source attribute of a URI: a file ("file:PATH", "file:///PATH" or an
 * absolute PATH) and nothing else; the callback, and doubt about it, are base's. Returns 0,
 * HSMIME_EPOLICY (a command or another source) or HSMIME_ENOMEM.
 */
int pin_source_from_uri(
    struct pin_source **out, const char *value, const struct pin_source *base, struct error *err);

/* pin_source_like(p, base): p, new, has the doubt, the memory and the limit of base. */
void pin_source_like(struct pin_source *p, const struct pin_source *base);

/* pin_source_free(p): wipes what it holds; NULL is allowed. */
void pin_source_free(struct pin_source *p);

/* pin_attended(p): whether a PIN comes from a person. */
bool pin_attended(const struct pin_source *p);

/* pin_person(p): there is somebody to ask who surely is a person. */
bool pin_person(const struct pin_source *p);

/*
 * pin_read(pin, p, request, err):
 * Get the PIN into *pin (uninitialised before; free with secret_free). On the
 * final try the person is asked even where there is another source; of a token with a PIN pad
 * the person is told, and what is in *pin then is nothing. Returns 0,
 * HSMIME_EPIN (nobody there, nothing to read, too long; with err->pin_missing where that is a
 * source that nobody attends) or HSMIME_ENOMEM; *pin is then empty.
 */
int pin_read(
    struct secret *pin, struct pin_source *p, const hsmime_pin_request *request, struct error *err);

#endif
