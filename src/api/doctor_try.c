/* One signature and one decryption with a private key, checked with its public key in software. */
#include "api/doctor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/probe.h"
#include "engine/token_key.h"

/*
 * A failure is told also where another padding does it, unless the token just lacks the first one. EC: the
 * public key may be the certificate's, so that one of another key shows here.
 */
static void try_signature(
    struct doctor_trial *out, struct doctor *d, struct token_key *key, const char *uri)
{
	struct error err = { 0 };
	bool wrong = false;
	int r = probe_sign(&wrong, key, &err);

	out->failed[ENGINE_SIGN] = r != 0 || (err.code != 0 && !err.incapable);
	if (!out->failed[ENGINE_SIGN])
		doctor_say(d, DOCTOR_KEY_SIGNS, uri,
		    "the key signs, and the signature fits its public key");
	else if (!wrong)
		doctor_fail(d, DOCTOR_KEY_SIGN_FAILED, uri, &err);
	else if (token_key_type(key) == TOKEN_KEY_RSA)
		doctor_say(d, DOCTOR_KEY_SIGN_FAILED, uri,
		    "the key signs, but what it makes is no signature");
	else {
		doctor_say(d, DOCTOR_KEY_MISMATCH, uri,
		    "the certificate or public key with the key's ID is another key's: a signature "
		    "does not fit it");
		out->strange = true;
	}
}

static void try_decryption(
    struct doctor_trial *out, struct doctor *d, struct token_key *key, const char *uri)
{
	struct error err = { 0 };
	enum probe probe = token_key_type(key) == TOKEN_KEY_RSA ? PROBE_DECRYPT : PROBE_DERIVE;

	out->failed[ENGINE_DECRYPT] = probe_run(key, probe, &err) != 0;
	if (!out->failed[ENGINE_DECRYPT])
		doctor_say(d, DOCTOR_KEY_DECRYPTS, uri,
		    "the key decrypts what is encrypted for its public key");
	else
		doctor_fail(d, DOCTOR_KEY_DECRYPT_FAILED, uri, &err);
}

/* As engine_find_key; the URI with how to come to its PIN behind it. */
static int find(struct engine_found *found, struct engine *e, const char *uri, const char *query,
    enum engine_purpose purpose, struct error *err)
{
	size_t size = strlen(uri) + (query != NULL ? strlen(query) : 0) + 1;
	char *whole = malloc(size);
	int r;

	if (whole == NULL)
		return error_nomem(err);
	snprintf(whole, size, "%s%s", uri, query != NULL ? query : "");
	r = engine_find_key(found, e, whole, purpose, err);
	free(whole);
	return r;
}

void doctor_try(struct doctor_trial *out, struct doctor *d, struct engine *e,
    const struct diagnosis_object *key, const char *query)
{
	static const struct {
		enum doctor_kind failed;
		void (*run)(struct doctor_trial *out, struct doctor *d, struct token_key *key,
		    const char *uri);
	} rows[ENGINE_PURPOSES] = {
		[ENGINE_SIGN] = { DOCTOR_KEY_SIGN_FAILED, try_signature },
		[ENGINE_DECRYPT] = { DOCTOR_KEY_DECRYPT_FAILED, try_decryption },
	};

	for (enum engine_purpose p = ENGINE_SIGN; !out->strange && p <= ENGINE_DECRYPT; p++) {
		struct engine_found found = { 0 };
		struct error err = { 0 };

		if (!key->may[p])
			continue;
		out->failed[p] = find(&found, e, key->uri, query, p, &err) != 0;
		if (out->failed[p])
			doctor_fail(d, rows[p].failed, key->uri, &err);
		else
			rows[p].run(out, d, found.key, key->uri);
		d->key_failed |= out->failed[p] && !out->strange;
		engine_found_free(&found);
		error_forget();
	}
}
