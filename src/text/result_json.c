#include "text/result_json.h"

const char *kind_text(enum hsmime_layer_kind kind)
{
	static const char *const words[] = { [HSMIME_LAYER_SIGNED_DETACHED] = "signed-detached",
		[HSMIME_LAYER_SIGNED_OPAQUE] = "signed-opaque",
		[HSMIME_LAYER_ENCRYPTED] = "encrypted",
		[HSMIME_LAYER_AUTH_ENCRYPTED] = "auth-encrypted" };

	return words[kind];
}

bool layer_is_encrypted(const hsmime_layer *l)
{
	return l->kind == HSMIME_LAYER_ENCRYPTED || l->kind == HSMIME_LAYER_AUTH_ENCRYPTED;
}

void json_answer(struct json *j, const char *key, enum hsmime_answer answer)
{
	if (answer == HSMIME_NOT_CHECKED)
		json_null(j, key);
	else
		json_bool(j, key, answer == HSMIME_YES);
}

void json_recipient(struct json *j, const hsmime_recipient *r)
{
	json_open(j, NULL, '{');
	json_text(j, "issuer", r->issuer);
	json_text(j, "serial_number", r->serial_number);
	json_text(j, "key_id", r->key_id);
	json_text(j, "algorithm", r->algorithm);
	json_bool(j, "used", r->used != 0);
	json_close(j, '}');
}

void json_recipients(
    struct json *j, const char *key, const hsmime_recipient *recipients, size_t count)
{
	json_open(j, key, '[');
	for (size_t i = 0; i < count; i++)
		json_recipient(j, &recipients[i]);
	json_close(j, ']');
}
