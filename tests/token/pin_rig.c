#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/crypto.h>

#include "engine/log.h"
#include "pin_rig.h"

const char pin_rig_right[] = "271828182845904523536028747135266249";
const char pin_rig_wrong[] = "31415926535897932384";
struct pin_rig pin_rig;

static ptrdiff_t ask(void *arg, const hsmime_pin_request *request, char *out, size_t size)
{
	(void)arg;
	pin_rig.person.asked++;
	pin_rig.person.request = *request;
	snprintf(pin_rig.asked_for, sizeof(pin_rig.asked_for), "%s: %s%s%s", request->token_label,
	    request->purpose, request->key != NULL ? " with " : "",
	    request->key != NULL ? request->key : "");
	if (pin_rig.person.meanwhile != NULL)
		pin_rig.person.meanwhile();
	if (pin_rig.person.answer == NULL)
		return HSMIME_EPIN;
	assert_true(strlen(pin_rig.person.answer) <= size);
	memcpy(out, pin_rig.person.answer, strlen(pin_rig.person.answer));
	return (ptrdiff_t)strlen(pin_rig.person.answer);
}

static void log_it(void *arg, int level, const char *message)
{
	size_t used = strlen(pin_rig.logged);

	(void)arg;
	/* What is looked for is not of interest here. */
	if (level > 1)
		return;
	pin_rig.warnings += level == 0;
	snprintf(pin_rig.logged + used, sizeof(pin_rig.logged) - used, "%s\n", message);
}

static void set_pin(const char *label)
{
	softtoken_add(&pin_rig.st, label);
	assert_int_equal(pin_rig.st.functions->C_SetPIN(pin_rig.st.session,
			     (unsigned char *)SOFTTOKEN_PIN, sizeof(SOFTTOKEN_PIN) - 1,
			     (unsigned char *)pin_rig_right, sizeof(pin_rig_right) - 1),
	    CKR_OK);
	EVP_PKEY_free(softtoken_ec(&pin_rig.st, 1, "key", "P-256", KEY_SIGN));
}

int pin_rig_set_up(void **state)
{
	(void)state;
	assert_int_equal(CRYPTO_secure_malloc_init(65536, 32), 1);
	softtoken_begin(&pin_rig.st);
	set_pin("Beta");
	set_pin("Alpha");
	EVP_PKEY_free(
	    softtoken_ec(&pin_rig.st, 2, "careful", "P-256", KEY_SIGN | KEY_ALWAYS_AUTHENTICATE));
	softtoken_seal(&pin_rig.st);
	snprintf(pin_rig.file, sizeof(pin_rig.file), "%s/pin", pin_rig.st.folder);
	pin_rig.proxy = softtoken_proxy();
	return 0;
}

int pin_rig_tear_down(void **state)
{
	(void)state;
	softtoken_end(&pin_rig.st);
	return 0;
}

int pin_rig_begin(void **state)
{
	(void)state;
	pin_rig.proxy->reset();
	memset(&pin_rig.err, 0, sizeof(pin_rig.err));
	memset(&pin_rig.person, 0, sizeof(pin_rig.person));
	pin_rig.logged[0] = '\0';
	pin_rig.warnings = 0;
	pin_rig.state_dir = NULL;
	pin_rig.idle = 0;
	log_to((struct log_target){ log_it, NULL });
	return 0;
}

int pin_rig_end(void **state)
{
	(void)state;
	engine_free(pin_rig.e);
	pin_rig.e = NULL;
	assert_null(strstr(pin_rig.logged, pin_rig_right));
	assert_null(strstr(pin_rig.logged, pin_rig_wrong));
	return 0;
}

void pin_rig_open(const char *source, bool with_person)
{
	struct engine_options options = { .module = PROXY_MODULE,
		.pin_source = source,
		.pin_callback = with_person ? ask : NULL,
		.pin_idle = pin_rig.idle,
		.state_dir = pin_rig.state_dir };

	engine_free(pin_rig.e);
	assert_int_equal(engine_new(&pin_rig.e, &options, &pin_rig.err), 0);
	assert_int_equal(pin_rig.proxy->count("C_Login"), 0);
}

int pin_rig_find(const char *uri)
{
	struct engine_found found = { 0 };
	int r = engine_find_key(&found, pin_rig.e, uri, ENGINE_SIGN, &pin_rig.err);

	engine_found_free(&found);
	return r;
}

void pin_rig_refused(const char *uri, const char *message, unsigned long logins)
{
	assert_int_equal(pin_rig_find(uri), HSMIME_EPIN);
	assert_int_equal(pin_rig.err.code, HSMIME_EPIN);
	if (strstr(pin_rig.err.message, message) == NULL)
		fail_msg("\"%s\" / \"%s\"", pin_rig.err.message, pin_rig.err.hint);
	assert_string_not_equal(pin_rig.err.hint, "");
	assert_null(strstr(pin_rig.err.message, pin_rig_wrong));
	assert_null(strstr(pin_rig.err.hint, pin_rig_wrong));
	assert_int_equal(pin_rig.proxy->count("C_Login"), logins);
}

void pin_rig_wiped(const char *given)
{
	const unsigned char *was = pin_rig.proxy->pin();

	assert_non_null(was);
	for (size_t i = 16; i < strlen(given); i++)
		assert_int_equal(was[i], 0);
}
