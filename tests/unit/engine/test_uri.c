#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <unistd.h>

#include "engine/module.h"
#include "engine/slot.h"
#include "engine/uri.h"
#include "engine/uri_names.h"

static char label[] = "Legal; team 50%", serial[] = "00a1", maker[] = "Maker & Sons",
	    model[] = "X/1", demo[] = "Demo";
static char card[] = "card.so", proxy_path[] = "p11-kit-proxy.so";
static unsigned slot_questions;

static CK_RV get_slot_info(CK_SLOT_ID slot, CK_SLOT_INFO *info)
{
	slot_questions++;
	if (slot != 7)
		return CKR_SLOT_ID_INVALID;
	memset(info, 0, sizeof(*info));
	memset(info->slotDescription, ' ', sizeof(info->slotDescription));
	memset(info->manufacturerID, ' ', sizeof(info->manufacturerID));
	memcpy(info->slotDescription, "Reader 1", 8);
	memcpy(info->manufacturerID, "Reader Co", 9);
	return CKR_OK;
}

static CK_FUNCTION_LIST functions = { .C_GetSlotInfo = get_slot_info };
static struct module module = {
	.path = card, .file = "/usr/lib/libcard.so.1", .functions = &functions
};
static struct token token = {
	.module = &module, .label = label, .serial = serial, .manufacturer = maker, .model = model
};
static struct error err;

static int parse(struct uri *u, const char *text)
{
	memset(&err, 0, sizeof(err));
	return uri_parse(u, text, &module, &err);
}

static void matches(const char *text, bool expected)
{
	struct uri u;

	atomic_store(&token.slot, 7);
	assert_int_equal(parse(&u, text), 0);
	assert_int_equal(uri_matches_token(&u, &token), expected);
	uri_free(&u);
}

static void every_token_attribute_is_matched_and_percent_encoding_undone(void **state)
{
	(void)state;
	matches("pkcs11:", true);
	matches("pkcs11:token=Legal%3b%20team%2050%25", true);
	matches("pkcs11:token=%4Cegal%3B%20team%2050%25", true);
	matches("pkcs11:token=Legal%3b%20team%2050", false);
	matches("pkcs11:token=legal%3b%20team%2050%25", false);
	matches("pkcs11:serial=00a1", true);
	matches("pkcs11:serial=00a", false);
	matches("pkcs11:manufacturer=Maker%20%26%20Sons;model=X%2f1", true);
	matches("pkcs11:manufacturer=Maker%20&%20Sons", true);
	matches("pkcs11:model=X%2f2", false);
	matches("pkcs11:slot-id=7;slot-description=Reader%201;slot-manufacturer=Reader%20Co", true);
	matches("pkcs11:slot-id=8", false);
	matches("pkcs11:slot-description=Reader%202", false);
	matches("pkcs11:serial=00a1;model=X%2f2", false);
	matches("pkcs11:serial=00a2;slot-description=Reader%201", false);
	matches("pkcs11:slot-manufacturer=Reader%20C", false);
}

static void no_uri_matches_everything(void **state)
{
	struct uri u;

	(void)state;
	assert_int_equal(parse(&u, NULL), 0);
	assert_true(uri_matches_token(&u, &token));
	assert_null(uri_attribute(&u, CKA_ID));
	assert_null(u.pin_source);
	uri_free(&u);
	uri_free(&u);
	uri_free(NULL);
}

static void holds(const struct uri *u, CK_ATTRIBUTE_TYPE type, const void *value, size_t len)
{
	const CK_ATTRIBUTE *a = uri_attribute(u, type);

	assert_non_null(a);
	assert_int_equal(a->ulValueLen, len);
	assert_memory_equal(a->pValue, value, len);
}

static void id_label_and_class_are_given_as_octets(void **state)
{
	const CK_OBJECT_CLASS cert = CKO_CERTIFICATE;
	struct uri u;

	(void)state;
	assert_int_equal(parse(&u, "pkcs11:id=%00%ff%3b1;object=J%c3%bcrg%20%2b%2f;type=cert"), 0);
	holds(&u, CKA_ID, "\x00\xff;1", 4);
	holds(&u, CKA_LABEL, "J\xc3\xbcrg +/", 8);
	holds(&u, CKA_CLASS, &cert, sizeof(cert));
	uri_free(&u);
	assert_null(uri_attribute(&u, CKA_ID));
}

static void refuses(const char *text, int status, const char *message, const char *hint)
{
	struct uri u;

	assert_int_equal(parse(&u, text), status);
	assert_null(u.p11);
	assert_int_equal(err.code, status);
	if (strstr(err.message, message) == NULL || strstr(err.hint, hint) == NULL)
		fail_msg("%s: \"%s\" / \"%s\"", text, err.message, err.hint);
	assert_null(strstr(err.message, "918273"));
	assert_null(strstr(err.hint, "918273"));
}

static void a_pin_in_the_uri_is_refused_and_not_repeated(void **state)
{
	(void)state;
	refuses("pkcs11:token=A?pin-value=918273", HSMIME_EPOLICY, "holds a PIN",
	    "pin-source=file:/PATH");
	refuses("pkcs11:token=A?pin-value=%3918273", HSMIME_EPOLICY, "holds a PIN", "");
	refuses("pkcs11:pin-value=918273", HSMIME_EPOLICY, "holds a PIN", "");
	refuses("pkcs11:?pin-value=", HSMIME_EPOLICY, "holds a PIN", "");
	refuses("pkcs11:?module-name=card&pin-value=918273", HSMIME_EPOLICY, "holds a PIN", "");
	refuses("pkcs11:?pin-value=918273&pin-source=file:/pin", HSMIME_EPOLICY, "holds a PIN", "");
}

static void a_command_as_pin_source_is_refused(void **state)
{
	(void)state;
	refuses("pkcs11:?pin-source=|cat%20/pin", HSMIME_EPOLICY, "never run", "--pin-source");
	refuses("pkcs11:?pin-source=%7ccat%20/pin", HSMIME_EPOLICY, "never run", "");
	refuses("pkcs11:?pin-source=%7Ccat", HSMIME_EPOLICY, "never run", "");
	refuses("pkcs11:pinfile=%7Ccat", HSMIME_EPOLICY, "never run", "");
}

static void a_pin_file_is_handed_on(void **state)
{
	struct uri u;

	(void)state;
	assert_int_equal(parse(&u, "pkcs11:token=A?pin-source=file:/run/pin%20file"), 0);
	assert_string_equal(u.pin_source, "file:/run/pin file");
	uri_free(&u);
}

static void another_module_is_refused_with_the_reason(void **state)
{
	static const char *const paths[] = { "/tmp/evil.so", "libcard.so.1",
		"/usr/lib/libcard.so.2", "/usr/lib/", "" };
	static const char *const names[] = { "evil", "car", "card2", "libcar", "", ".so",
		"card.so.1x", "so" };
	char text[128];

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		snprintf(text, sizeof(text), "pkcs11:?module-path=%s", paths[i]);
		refuses(text, HSMIME_EPOLICY, "not configured", "--module");
	}
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(text, sizeof(text), "pkcs11:?module-name=%s", names[i]);
		refuses(text, HSMIME_EPOLICY, "not configured", "--module");
	}
	refuses("pkcs11:?module-path=/usr/lib/libcard.so.1&module-name=evil", HSMIME_EPOLICY,
	    "would run its code", "");
}

static void the_module_in_use_may_be_named(void **state)
{
	struct uri u;

	(void)state;
	assert_int_equal(parse(&u, "pkcs11:?module-path=/usr/lib/libcard.so.1"), 0);
	uri_free(&u);
	assert_int_equal(parse(&u, "pkcs11:?module-name=card"), 0);
	uri_free(&u);
	assert_int_equal(parse(&u, "pkcs11:?module-name=libcard"), 0);
	uri_free(&u);
}

static void another_name_of_the_same_file_may_be_used(void **state)
{
	struct module real = { .path = card, .file = "/proc/self/exe" };
	char text[600] = "pkcs11:?module-path=";
	ssize_t n = readlink("/proc/self/exe", text + 20, sizeof(text) - 21);
	struct uri u;

	(void)state;
	assert_true(n > 0);
	assert_int_equal(uri_parse(&u, text, &real, &err), 0);
	uri_free(&u);
}

static void behind_the_proxy_the_configured_modules_may_be_named_and_no_others(void **state)
{
	struct module proxy = {
		.path = proxy_path, .file = "/usr/lib/p11-kit-proxy.so", .proxy = true
	};
	struct uri u;

	(void)state;
	assert_int_equal(
	    uri_parse(&u, "pkcs11:?module-path=/tmp/evil.so", &proxy, &err), HSMIME_EPOLICY);
	assert_int_equal(uri_parse(&u, "pkcs11:?module-name=evil", &proxy, &err), HSMIME_EPOLICY);
	if (access("/usr/share/p11-kit/modules/softhsm2.module", R_OK) != 0)
		return;
	assert_int_equal(uri_parse(&u, "pkcs11:?module-name=softhsm2", &proxy, &err), 0);
	uri_free(&u);
}

static void what_is_no_uri_is_malformed_with_an_example(void **state)
{
	static const char *const texts[] = { "", "pkcs11", "pkcs12:token=A", "/path/key.pem",
		"pkcs11:token", "pkcs11:token=%", "pkcs11:token=%4", "pkcs11:token=%zz",
		"pkcs11:id=%0g", "pkcs11:=A", "pkcs11:type=banana", "pkcs11:slot-id=x",
		"pkcs11:token=A;;;=", "pkcs11:token=0123456789012345678901234567890123" };

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		refuses(texts[i], HSMIME_EUSAGE, "malformed", "RFC 7512");
}

static void an_attribute_that_is_not_known_is_an_error_not_ignored(void **state)
{
	(void)state;
	refuses("pkcs11:token=A;colour=red", HSMIME_EUSAGE, "not known", "");
	refuses("pkcs11:module-path=/usr/lib/libcard.so.1", HSMIME_EUSAGE, "not known", "");
	refuses("pkcs11:tokn=A", HSMIME_EUSAGE, "not known", "");
}

static void an_attribute_that_is_there_twice_is_an_error_and_not_the_last_one(void **state)
{
	static const char *const texts[] = { "pkcs11:object=alice;object=bob",
		"pkcs11:object=alice;id=%01;ob ject=alice", "pkcs11:id=%01;token=A&id;id=%02",
		"pkcs11:type=cert;object-type=private", "pkcs11:serial=1;serial=2?pin-source=/a",
		"pkcs11:?pin-source=/a&pin-source=/b", "pkcs11:pinfile=/a?pin-source=/b",
		"pkcs11:?module-name=card&x=?&module-name=card" };
	static const char *const once[] = { "pkcs11:object=a&object=b;id=object%3d",
		"pkcs11:id=%01?x-vendor=1&x-vendor=2&id=3", "pkcs11:?pin-source=/a;pin-source=/b",
		"pkcs11:id=%01;object=id=%02" };
	struct uri u;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		refuses(texts[i], HSMIME_EUSAGE, "more than once", "RFC 7512");
	for (size_t i = 0; i < sizeof(once) / sizeof(once[0]); i++) {
		if (parse(&u, once[i]) != 0)
			fail_msg("%s: \"%s\"", once[i], err.message);
		uri_free(&u);
	}
}

static void ignores(const char *text, const char *expected)
{
	char name[12] = "";

	assert_int_equal(uri_names_ignored(name, sizeof(name), text), expected != NULL);
	assert_string_equal(name, expected != NULL ? expected : "");
}

static void the_attribute_of_the_query_that_nobody_knows_is_found(void **state)
{
	(void)state;
	ignores("pkcs11:object=a?pin-sorce=file:/x", "pin-sorce");
	ignores("pkcs11:?pin-source=/x&id=%01", "id");
	ignores("pkcs11:?module-name=a&module-pathology=/b", "module-path");
	ignores("pkcs11:id=%01;token=A&x=y", NULL);
	ignores("pkcs11:?pin-source=/x?y=z&module-name=m&module-path=p", NULL);
	ignores("pkcs11:object=a", NULL);
	ignores("pkcs11:?", NULL);
}

static void what_is_formatted_parses_to_the_same(void **state)
{
	unsigned char octets[256];
	CK_ATTRIBUTE id = { CKA_ID, octets, sizeof(octets) };
	CK_ATTRIBUTE name = { CKA_LABEL, (char *)"a;b/c?d&e%f=g \xc3\xbc", 16 };
	const CK_OBJECT_CLASS private_key = CKO_PRIVATE_KEY;
	struct uri u;
	char *text = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(octets); i++)
		octets[i] = (unsigned char)i;
	assert_int_equal(uri_format(&text, &token, &id, &name, CKO_PRIVATE_KEY), 0);
	assert_int_equal(parse(&u, text), 0);
	assert_true(uri_matches_token(&u, &token));
	holds(&u, CKA_ID, octets, sizeof(octets));
	holds(&u, CKA_LABEL, name.pValue, name.ulValueLen);
	holds(&u, CKA_CLASS, &private_key, sizeof(private_key));
	assert_null(strstr(text, "pin"));
	uri_free(&u);
	free(text);
}

static void a_brief_uri_has_the_token_s_label_and_the_id_or_else_the_label(void **state)
{
	CK_ATTRIBUTE id = { CKA_ID, (char *)"\x01", 1 }, name = { CKA_LABEL, (char *)"key", 3 };
	struct token plain = token;
	char *text = NULL;

	(void)state;
	plain.label = demo;
	assert_int_equal(uri_format_brief(&text, &plain, false, &id, &name), 0);
	assert_string_equal(text, "pkcs11:token=Demo;id=%01");
	free(text);
	assert_int_equal(uri_format_brief(&text, &plain, false, NULL, &name), 0);
	assert_string_equal(text, "pkcs11:token=Demo;object=key");
	free(text);
	assert_int_equal(uri_format_brief(&text, &plain, true, &id, &name), 0);
	assert_string_equal(text, "pkcs11:serial=00a1;token=Demo;id=%01");
	free(text);
	assert_int_equal(uri_format(&text, &plain, NULL, NULL, CK_UNAVAILABLE_INFORMATION), 0);
	assert_null(strstr(text, "object"));
	assert_null(strstr(text, "type"));
	assert_non_null(strstr(text, "serial=00a1"));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_token_attribute_is_matched_and_percent_encoding_undone),
		cmocka_unit_test(no_uri_matches_everything),
		cmocka_unit_test(id_label_and_class_are_given_as_octets),
		cmocka_unit_test(a_pin_in_the_uri_is_refused_and_not_repeated),
		cmocka_unit_test(a_command_as_pin_source_is_refused),
		cmocka_unit_test(a_pin_file_is_handed_on),
		cmocka_unit_test(another_module_is_refused_with_the_reason),
		cmocka_unit_test(the_module_in_use_may_be_named),
		cmocka_unit_test(another_name_of_the_same_file_may_be_used),
		cmocka_unit_test(
		    behind_the_proxy_the_configured_modules_may_be_named_and_no_others),
		cmocka_unit_test(what_is_no_uri_is_malformed_with_an_example),
		cmocka_unit_test(an_attribute_that_is_not_known_is_an_error_not_ignored),
		cmocka_unit_test(an_attribute_that_is_there_twice_is_an_error_and_not_the_last_one),
		cmocka_unit_test(the_attribute_of_the_query_that_nobody_knows_is_found),
		cmocka_unit_test(what_is_formatted_parses_to_the_same),
		cmocka_unit_test(a_brief_uri_has_the_token_s_label_and_the_id_or_else_the_label),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
