/*
 * The matrix of one member of the zoo: each case in turn, one line each: its name, a tab, and what
 * came of it.
 *
 * usage: zoo_matrix PKI-FOLDER
 *   The module and the PIN source come from the environment, as for hsmime.
 */
#include "matrix.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/pem.h>

static const struct matrix_case cases[] = {
	{ "sign RSA PKCS#1 v1.5", "rsa", ENGINE_SIGN, matrix_sign, TOKEN_SIGN_RSA_PKCS1, "SHA256",
	    NULL, NULL },
	{ "sign RSA-PSS", "rsa", ENGINE_SIGN, matrix_sign, TOKEN_SIGN_RSA_PSS, "SHA256", NULL,
	    NULL },
	{ "sign ECDSA P-256", "ec256", ENGINE_SIGN, matrix_sign, TOKEN_SIGN_ECDSA, "SHA256", NULL,
	    NULL },
	{ "sign ECDSA P-384", "ec384", ENGINE_SIGN, matrix_sign, TOKEN_SIGN_ECDSA, "SHA384", NULL,
	    NULL },
	{ "sign ECDSA P-521", "ec521", ENGINE_SIGN, matrix_sign, TOKEN_SIGN_ECDSA, "SHA512", NULL,
	    NULL },
	{ "decrypt RSA PKCS#1 v1.5", "rsa", ENGINE_DECRYPT, matrix_decrypt, TOKEN_DECRYPT_RSA_PKCS1,
	    NULL, NULL, NULL },
	{ "decrypt OAEP SHA-1", "rsa", ENGINE_DECRYPT, matrix_decrypt, TOKEN_DECRYPT_RSA_OAEP,
	    "SHA1", NULL, NULL },
	{ "decrypt OAEP SHA-256", "rsa", ENGINE_DECRYPT, matrix_decrypt, TOKEN_DECRYPT_RSA_OAEP,
	    "SHA256", NULL, NULL },
	{ "decrypt OAEP SHA-256, MGF1 SHA-1", "rsa", ENGINE_DECRYPT, matrix_decrypt,
	    TOKEN_DECRYPT_RSA_OAEP, "SHA256", "SHA1", NULL },
	{ "decrypt OAEP SHA-256, label", "rsa", ENGINE_DECRYPT, matrix_decrypt,
	    TOKEN_DECRYPT_RSA_OAEP, "SHA256", NULL, "contract" },
	{ "ECDH P-256", "ec256", ENGINE_DECRYPT, matrix_derive, 0, NULL, NULL, NULL },
	{ "ECDH P-384", "ec384", ENGINE_DECRYPT, matrix_derive, 0, NULL, NULL, NULL },
	{ "ECDH P-521", "ec521", ENGINE_DECRYPT, matrix_derive, 0, NULL, NULL, NULL },
	{ "bad PKCS#1 v1.5 padding", "rsa", ENGINE_DECRYPT, matrix_bad_padding,
	    TOKEN_DECRYPT_RSA_PKCS1, NULL, NULL, NULL },
	{ "tampered OAEP", "rsa", ENGINE_DECRYPT, matrix_tampered, TOKEN_DECRYPT_RSA_OAEP, "SHA256",
	    NULL, NULL },
	{ "ciphertext of a wrong length", "rsa", ENGINE_DECRYPT, matrix_wrong_length,
	    TOKEN_DECRYPT_RSA_PKCS1, NULL, NULL, NULL },
};

void matrix_must(int done, const char *what)
{
	if (done == 1)
		return;
	fprintf(stderr, "zoo_matrix: can't %s\n", what);
	exit(2);
}

static X509 *read_certificate(const char *folder, const char *name)
{
	char path[4096];
	X509 *cert = NULL;
	FILE *f = NULL;

	snprintf(path, sizeof(path), "%s/%s.pem", folder, name);
	f = fopen(path, "r");
	matrix_must(f != NULL, path);
	cert = PEM_read_X509(f, NULL, NULL, NULL);
	fclose(f);
	matrix_must(cert != NULL, path);
	return cert;
}

/* The same key may be there for the other purpose. */
static void not_found(struct matrix_result *out, struct engine *e, X509 *cert,
    enum engine_purpose purpose, const struct error *why)
{
	struct engine_found other = { 0 };
	struct error err = { 0 };

	out->kind = MATRIX_NO_KEY;
	if (engine_find_by_certificate(&other, e, cert,
		purpose == ENGINE_SIGN ? ENGINE_DECRYPT : ENGINE_SIGN, &err) == 0) {
		out->kind = MATRIX_NOT_SO;
		snprintf(out->why, sizeof(out->why), "%s", why->message);
	}
	engine_found_free(&other);
}

static void run(
    struct matrix_result *out, struct engine *e, X509 *cert, const struct matrix_case *c)
{
	struct engine_found found = { 0 };
	struct error err = { 0 };
	int r = engine_find_by_certificate(&found, e, cert, c->purpose, &err);
	struct matrix_key k = { found.key, X509_get0_pubkey(cert) };

	if (r == 0)
		c->run(out, &k, c);
	else if (r == HSMIME_ENOKEY)
		not_found(out, e, cert, c->purpose, &err);
	else
		matrix_failed(out, &err);
	engine_found_free(&found);
}

static void print(const struct matrix_case *c, const struct matrix_result *result)
{
	static const char *const words[] = {
		[MATRIX_WRONG] = "WRONG: ",
		[MATRIX_NO_KEY] = "no key",
		[MATRIX_NOT_SO] = "",
		[MATRIX_FAILED] = "fails: ",
		[MATRIX_SOFTWARE] = "padding in software",
		[MATRIX_SUBSTITUTE] = "substitute",
		[MATRIX_MECHANISM] = "mechanism",
	};

	printf("%s\t%s%s\n", c->name, words[result->kind], result->why);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	struct engine_options options = { 0 };
	struct engine *e = NULL;
	struct error err = { 0 };

	if (argc != 2) {
		fprintf(stderr, "usage: zoo_matrix PKI-FOLDER\n");
		return 2;
	}
	matrix_must(engine_new(&e, &options, &err) == 0, err.message);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		X509 *cert = read_certificate(argv[1], cases[i].key);
		struct matrix_result result = { MATRIX_WRONG, "" };

		run(&result, e, cert, &cases[i]);
		print(&cases[i], &result);
		X509_free(cert);
	}
	engine_free(e);
	return 0;
}
