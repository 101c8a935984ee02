/*
 * pin_missing: what is said where a person is to give a PIN, and none came.
 */
#ifndef ENGINE_PIN_MISSING_H
#define ENGINE_PIN_MISSING_H

#include <hsmime/context.h>

#include "util/error.h"

/*
 * pin_missing_nobody(err, request): there is nobody to ask; pin_missing_last_try(err, request): who
 * was asked did not agree to the last try, or gave no PIN then. Both return HSMIME_EPIN.
 */
int pin_missing_nobody(struct error *err, const hsmime_pin_request *request);
int pin_missing_last_try(struct error *err, const hsmime_pin_request *request);

#endif
