/* Where the loadable provider's tokens come from: openssl.cnf, the environment, a person. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/params.h>

#include "engine/provider/internal.h"

static int copy_of(char **copy, const char *text)
{
	if (text == NULL || text[0] == '\0')
		return 1;
	*copy = strdup(text);
	return *copy != NULL;
}

int provider_configure(struct provider *p, OSSL_FUNC_core_get_params_fn *get)
{
	char *module = NULL, *pin_source = NULL, *token = NULL;
	/* "module" is OpenSSL's own word in this section: the file of the provider. */
	OSSL_PARAM params[] = {
		OSSL_PARAM_utf8_ptr("pkcs11-module", &module, 0),
		OSSL_PARAM_utf8_ptr("pin-source", &pin_source, 0),
		OSSL_PARAM_utf8_ptr("token", &token, 0),
		OSSL_PARAM_END,
	};

	if (get == NULL || !get(p->core, params))
		return 1;
	return copy_of(&p->module, module) && copy_of(&p->pin_source, pin_source) &&
	       copy_of(&p->token, token);
}

void provider_unconfigure(struct provider *p)
{
	free(p->module);
	free(p->pin_source);
	free(p->token);
}

static _Thread_local struct {
	OSSL_PASSPHRASE_CALLBACK *ask;
	void *arg;
} person;

void provider_ask_with(OSSL_PASSPHRASE_CALLBACK *ask, void *arg)
{
	person.ask = ask;
	person.arg = arg;
}

static ptrdiff_t ask_person(void *arg, const hsmime_pin_request *request, char *pin, size_t size)
{
	char info[128];
	OSSL_PARAM params[] = {
		OSSL_PARAM_utf8_string(OSSL_PASSPHRASE_PARAM_INFO, info, 0),
		OSSL_PARAM_END,
	};
	size_t len = 0;

	(void)arg;
	if (person.ask == NULL)
		return HSMIME_EPIN;
	/* What is printed on a token goes to a terminal: no control characters. */
	snprintf(info, sizeof(info), "token %s", request->token_label);
	for (char *c = info; *c != '\0'; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = '?';
	params[0].data_size = strlen(info);
	if (!person.ask(pin, size, &len, params, person.arg))
		return HSMIME_EPIN;
	return (ptrdiff_t)len;
}

int provider_engine(struct engine **out, struct provider *p, struct error *err)
{
	struct engine_options options = {
		.module = p->module,
		.token_label = p->token,
		.pin_source = p->pin_source,
		.pin_callback = ask_person,
		.pin_arg = p,
		/* A program's -passin answers as a person does. */
		.pin_doubtful = true,
	};
	int status = 0;

	gate_enter(&p->opening);
	if (p->engine == NULL)
		status = engine_new(&p->engine, &options, err);
	*out = p->engine;
	gate_leave(&p->opening);
	return status;
}
