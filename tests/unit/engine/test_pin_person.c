#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <unistd.h>

#include "pin_reads.h"

static struct error err;

/* A person who answers what answer says. */
static struct {
	ptrdiff_t answer;
	int asked;
	size_t room;
} person;

static ptrdiff_t ask(void *arg, const hsmime_pin_request *r, char *pin, size_t size)
{
	assert_ptr_equal(arg, &person);
	assert_string_equal(r->token_label, "Card");
	person.asked++;
	person.room = size;
	memcpy(pin, "1111", 4);
	return person.answer;
}

static struct pin_source *with_person(const char *s, ptrdiff_t answer)
{
	struct pin_source *p = NULL;

	person.answer = answer;
	person.asked = 0;
	assert_int_equal(pin_source_new(&p, s, ask, &person, &err), 0);
	return p;
}

static void a_person_is_asked_where_there_is_no_source(void **state)
{
	struct pin_source *p = with_person(NULL, 4);

	(void)state;
	assert_true(pin_attended(p));
	pin_read_gives(p, "1111");
	assert_int_equal(person.asked, 1);
	assert_int_equal(person.room, PIN_MAX);
	pin_source_free(p);
	p = with_person(NULL, HSMIME_EPIN);
	pin_read_fails(p, "no PIN was given");
	pin_source_free(p);
	p = with_person(NULL, 0);
	pin_read_fails(p, "no PIN was given");
	pin_source_free(p);
	p = with_person(NULL, PIN_MAX + 1);
	pin_read_fails(p, "no PIN was given");
	pin_source_free(p);
	p = pin_open(NULL);
	pin_read_fails(p, "nobody is there");
	pin_source_free(p);
}

static void the_last_try_is_a_person_s_whatever_the_source(void **state)
{
	const hsmime_pin_request last = {
		.token_label = "Card", .purpose = "sign", .count_low = 1, .final_try = 1
	};
	struct pin_source *p = with_person("command:touch ran; echo 98765", 4);
	struct secret pin;

	(void)state;
	assert_false(pin_attended(p));
	assert_int_equal(pin_read(&pin, p, &last, &err), 0);
	assert_memory_equal(pin.data, "1111", 4);
	secret_free(&pin);
	assert_int_equal(person.asked, 1);
	assert_int_not_equal(access("ran", F_OK), 0);
	pin_source_free(p);
	p = pin_open("env:PATH");
	assert_int_equal(pin_read(&pin, p, &last, &err), HSMIME_EPIN);
	assert_null(pin.data);
	pin_source_free(p);
}

static void uri_gives(const char *value, const char *name)
{
	struct pin_source *base = with_person("env:X", 4), *p = NULL;

	if (name != NULL) {
		assert_int_equal(pin_source_from_uri(&p, value, base, &err), 0);
		assert_int_equal(p->kind, PIN_FILE);
		assert_string_equal(p->name, name);
		assert_ptr_equal(p->callback, ask);
	} else {
		assert_int_equal(pin_source_from_uri(&p, value, base, &err), HSMIME_EPOLICY);
		assert_null(p);
		assert_non_null(strstr(err.hint, "--pin-source"));
	}
	pin_source_free(p);
	pin_source_free(base);
}

static void a_uri_names_a_file_and_nothing_else(void **state)
{
	char long_path[9000];

	(void)state;
	uri_gives("/run/pin", "/run/pin");
	uri_gives("file:/run/pin", "/run/pin");
	uri_gives("file:///run/pin", "/run/pin");
	uri_gives("file://host/run/pin", NULL);
	uri_gives("file:pin", NULL);
	uri_gives("pin", NULL);
	uri_gives("|cat /run/pin", NULL);
	uri_gives("file:|cat", NULL);
	uri_gives("command:cat", NULL);
	uri_gives("env:X", NULL);
	uri_gives("fd:3", NULL);
	uri_gives("cred:x", NULL);
	uri_gives("", NULL);
	memset(long_path, '/', sizeof(long_path));
	long_path[sizeof(long_path) - 1] = '\0';
	uri_gives(long_path, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_person_is_asked_where_there_is_no_source),
		cmocka_unit_test(the_last_try_is_a_person_s_whatever_the_source),
		cmocka_unit_test(a_uri_names_a_file_and_nothing_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
