#include "rules.h"

#include <string.h>

#include "message.h"

enum rule_kind { NEEDS, EXCLUDES };

static const struct {
	unsigned commands;
	enum option_id option;
	enum rule_kind kind;
	enum option_id other;
	const char *why;
} rules[] = {
	{ CMD_SIGN, OPT_RECIPIENT, NEEDS, OPT_ENCRYPT, "it names who can decrypt" },
	{ CMD_SIGN, OPT_CIPHER, NEEDS, OPT_ENCRYPT, "it says how to encrypt" },
	{ CMD_SIGN, OPT_KEY_TRANSPORT, NEEDS, OPT_ENCRYPT, "it says how to encrypt" },
	{ CMD_SIGN, OPT_FORCE_RECIPIENT, NEEDS, OPT_ENCRYPT, "it says how to encrypt" },
	{ CMD_SIGN, OPT_NO_ENCRYPT_TO_SELF, NEEDS, OPT_ENCRYPT, "it says how to encrypt" },
	{ CMD_SIGN, OPT_RECIPIENT_KEY_ID, NEEDS, OPT_ENCRYPT, "it says how to encrypt" },
	{ CMD_SIGN, OPT_BCC_DIR, NEEDS, OPT_ENCRYPT, "it says how to encrypt" },
	{ CMD_SIGN, OPT_ENCRYPT, NEEDS, OPT_RECIPIENT, "somebody has to be able to decrypt" },
	{ CMD_SIGN, OPT_FROM, EXCLUDES, OPT_KEY, "each of them chooses the key" },
	{ CMD_SIGN, OPT_FROM, EXCLUDES, OPT_CMS, "only a mail has a From address" },
	{ CMD_CRYPTO, OPT_ENTITY, EXCLUDES, OPT_CMS, "only a mail has a MIME entity" },
	{ CMD_CRYPTO, OPT_BCC_DIR, EXCLUDES, OPT_CMS, "only a mail has Bcc recipients" },
	{ CMD_PIN, OPT_FORCE, NEEDS, OPT_LABEL, "it is the name that the token is to have" },
	{ CMD_VERIFY, OPT_CONTENT, NEEDS, OPT_CMS, "a mail holds what it covers itself" },
	{ CMD_VERIFY, OPT_NO_CHAIN, EXCLUDES, OPT_CA, "one of them asks for no chain" },
	{ CMD_VERIFY, OPT_NO_CHAIN, EXCLUDES, OPT_PARTIAL_CHAIN, "one of them asks for no chain" },
	{ CMD_VERIFY, OPT_NO_CHAIN, EXCLUDES, OPT_AT,
	    "without a chain no certificate is checked at any time" },
	{ CMD_VERIFY, OPT_NO_CHECK_TIME, EXCLUDES, OPT_AT, "one of them asks for no time" },
	{ CMD_KEYS, OPT_PEM_URI, EXCLUDES, OPT_JSON, "each of them is a form of the answer" },
};

static int complain(const char *option, const char *what, const char *other, const char *why)
{
	message_error("--%s %s --%s", option, what, other);
	message_error("%s", why);
	return 2;
}

/* The form of a mail is fixed; only CMS over a file can be written in several. */
static int check_format(const struct options *o)
{
	const char *format = option_text(o, OPT_FORMAT);

	if (!option_given(o, OPT_FORMAT) || option_given(o, OPT_CMS) ||
	    strcmp(format, "auto") == 0 || strcmp(format, "smime") == 0)
		return 0;
	return complain("format", "needs", "cms", "a mail is always S/MIME");
}

int rules_check(const struct options *o)
{
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		bool other = option_given(o, rules[i].other);

		if ((rules[i].commands & o->command) == 0 || !option_given(o, rules[i].option))
			continue;
		if (other == (rules[i].kind == NEEDS))
			continue;
		return complain(option_table[rules[i].option].name,
		    rules[i].kind == NEEDS ? "needs" : "does not go with",
		    option_table[rules[i].other].name, rules[i].why);
	}
	return check_format(o);
}
