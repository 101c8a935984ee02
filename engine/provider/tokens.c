/* Where the loadable provider's tokens come from: openssl.cnf, the environment, a person. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/params.h>

#include "engine/pin_cache.h"
#include "engine/provider/internal.h"
#include "engine/watch.h"
#include "engine/zone.h"
#include "util/state_folder.h"

#define CALL_LIMIT 60 /* seconds */
#define CALL_LIMIT_MAX 1000000
#define PIN_IDLE 900 /* seconds */

static int copy_of(char **copy, const char *text)
{
	if (text == NULL || text[0] == '\0')
		return 1;
	*copy = strdup(text);
	return *copy != NULL;
}

int provider_configure(struct provider *p, OSSL_FUNC_core_get_params_fn *get)
{
	char *module = NULL, *pin_source = NULL, *token = NULL, *call_limit = NULL;
	/* "module" is OpenSSL's own word in this section: the file of the provider. */
	OSSL_PARAM params[] = {
		OSSL_PARAM_utf8_ptr("pkcs11-module", &module, 0),
		OSSL_PARAM_utf8_ptr("pin-source", &pin_source, 0),
		OSSL_PARAM_utf8_ptr("token", &token, 0),
		OSSL_PARAM_utf8_ptr("call-limit", &call_limit, 0),
		OSSL_PARAM_END,
	};

	if (get == NULL || !get(p->core, params))
		return 1;
	return copy_of(&p->module, module) && copy_of(&p->pin_source, pin_source) &&
	       copy_of(&p->token, token) && copy_of(&p->call_limit, call_limit);
}

void provider_unconfigure(struct provider *p)
{
	free(p->module);
	free(p->pin_source);
	free(p->token);
	free(p->call_limit);
}

static int read_call_limit(unsigned *ms, const char *text, struct error *err)
{
	char *end = NULL;
	unsigned long seconds = CALL_LIMIT;

	*ms = 0;
	if (text != NULL)
		seconds = strtoul(text, &end, 10);
	if (text != NULL && (strspn(text, "0123456789") != strlen(text) || *end != '\0' ||
				seconds > CALL_LIMIT_MAX)) {
		error_set(err, HSMIME_EUSAGE, "call-limit in openssl.cnf is \"%s\"", text);
		error_hint(err, "give seconds, 0 to %d; 0 for no limit", CALL_LIMIT_MAX);
		return HSMIME_EUSAGE;
	}
	*ms = (unsigned)seconds * 1000;
	return 0;
}

struct person {
	OSSL_PASSPHRASE_CALLBACK *ask;
	void *arg;
};

void provider_ask_with(OSSL_PASSPHRASE_CALLBACK *ask, void *arg)
{
	static _Thread_local struct person person;

	person = (struct person){ ask, arg };
	zone_set_caller(ask != NULL ? &person : NULL);
}

static ptrdiff_t ask_person(void *arg, const hsmime_pin_request *request, char *pin, size_t size)
{
	const struct person *person = zone_caller();
	char info[128];
	OSSL_PARAM params[] = {
		OSSL_PARAM_utf8_string(OSSL_PASSPHRASE_PARAM_INFO, info, 0),
		OSSL_PARAM_END,
	};
	size_t len = 0;

	(void)arg;
	if (person == NULL)
		return HSMIME_EPIN;
	/* What is printed on a token goes to a terminal: no control characters. */
	snprintf(info, sizeof(info), "token %s", request->token_label);
	for (char *c = info; *c != '\0'; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = '?';
	params[0].data_size = strlen(info);
	if (!person->ask(pin, size, &len, params, person->arg))
		return HSMIME_EPIN;
	return (ptrdiff_t)len;
}

int provider_engine(struct engine **out, struct provider *p, struct error *err)
{
	char state[PATH_MAX];
	bool kept = state_folder(state, sizeof(state), NULL) == 0;
	struct engine_options options = {
		.module = p->module,
		.token_label = p->token,
		.pin_source = p->pin_source,
		.pin_callback = ask_person,
		.pin_arg = p,
		.state_dir = kept ? state : NULL,
		/* A program's -passin answers as a person does. */
		.pin_doubtful = true,
		/* OpenSSL lends whom it asks while a key is loaded, and not when the key is used. */
		.pin_idle = PIN_IDLE,
		.pin_for_uses = true,
		.one_token = true,
	};
	int status = read_call_limit(&options.call_limit, p->call_limit, err);

	if (status != 0)
		return status;
	pin_cache_expire();
	if (!gate_enter(&p->opening))
		return watch_stuck(err, NULL);
	if (p->engine == NULL)
		status = engine_new(&p->engine, &options, err);
	*out = p->engine;
	gate_leave(&p->opening);
	return status;
}
