/*
 * result_json: what a message was found to be: a layer's kind, and members of JSON, the same words
 * wherever they are written.
 */
#ifndef TEXT_RESULT_JSON_H
#define TEXT_RESULT_JSON_H

#include <stdbool.h>
#include <stddef.h>

#include <hsmime/result.h>

#include "text/json.h"

/* kind_text(kind): a layer's kind as a constant name, for example "signed-detached". */
const char *kind_text(enum hsmime_layer_kind kind);

/* layer_is_encrypted(l): authenticated or not, opened or not. */
bool layer_is_encrypted(const hsmime_layer *l);

/* json_answer(j, key, answer): null where it was not checked. */
void json_answer(struct json *j, const char *key, enum hsmime_answer answer);

/* json_recipient(j, r): an object, in an array. json_recipients: the array. */
void json_recipient(struct json *j, const hsmime_recipient *r);
void json_recipients(
    struct json *j, const char *key, const hsmime_recipient *recipients, size_t count);

#endif
