/*
 * One process that keeps its engine while the token under it is taken out, put in or dies. It
 * reads one request a line and answers each with one line.
 *
 * usage: zoo_session PKI-FOLDER
 *   The module and the PIN source come from the environment, as for hsmime; ZOO_CALL_LIMIT is in
 *   milliseconds there. Requests:
 *   sign NAME      a signature with the key of PKI-FOLDER/NAME.pem, verified: "signed"
 *   decrypt NAME   a content key that was encrypted for it: "decrypted"
 *   fork NAME      a signature by a child, then one here: "signed on both sides"
 *   leave          the process exits, with the engine and all keys in its hands
 *   The key is looked up the first time. What fails is "exit status: message | hint".
 */
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/pem.h>

#include "engine/engine.h"
#include "engine/token_key.h"

#define KEYS_MAX 8
#define CALL_LIMIT 60000 /* milliseconds */
#define CHILD_SECONDS 60

/* A key that was asked for. */
struct known {
	char name[32];
	X509 *cert;
	struct engine_found found;
};

struct session {
	struct engine *engine;
	const char *folder;
	struct known keys[KEYS_MAX];
	size_t count;
};

static X509 *read_certificate(const char *folder, const char *name)
{
	char path[4096];
	X509 *cert = NULL;
	FILE *f = NULL;

	snprintf(path, sizeof(path), "%s/%s.pem", folder, name);
	f = fopen(path, "r");
	if (f != NULL) {
		cert = PEM_read_X509(f, NULL, NULL, NULL);
		fclose(f);
	}
	return cert;
}

static int find(struct known **out, struct session *s, const char *name, struct error *err)
{
	struct known *k = &s->keys[s->count];
	int r;

	for (size_t i = 0; i < s->count; i++)
		if (strcmp(s->keys[i].name, name) == 0) {
			*out = &s->keys[i];
			return 0;
		}
	if (s->count == KEYS_MAX || (k->cert = read_certificate(s->folder, name)) == NULL)
		return error_set(err, HSMIME_EUSAGE, "no such certificate: %s", name);
	r = engine_find_by_certificate(&k->found, s->engine, k->cert, ENGINE_SIGN, err);
	if (r < 0) {
		X509_free(k->cert);
		return r;
	}
	snprintf(k->name, sizeof(k->name), "%s", name);
	s->count++;
	*out = k;
	return 0;
}

static int sign(struct known *k, struct error *err)
{
	unsigned char digest[32] = "what is signed, as a digest", sig[2048];
	size_t len = sizeof(sig);
	struct token_sign q = { .digest = "SHA256", .data = digest, .len = sizeof(digest) };
	EVP_PKEY_CTX *ctx = NULL;
	int r;

	q.scheme =
	    token_key_type(k->found.key) == TOKEN_KEY_RSA ? TOKEN_SIGN_RSA_PKCS1 : TOKEN_SIGN_ECDSA;
	r = token_key_sign(k->found.key, sig, &len, &q, err);
	if (r < 0)
		return r;
	ctx = EVP_PKEY_CTX_new(X509_get0_pubkey(k->cert), NULL);
	if (EVP_PKEY_verify_init(ctx) != 1 ||
	    EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) != 1 ||
	    EVP_PKEY_verify(ctx, sig, len, digest, sizeof(digest)) != 1)
		r = error_set(err, HSMIME_EINVALID, "the signature does not verify");
	EVP_PKEY_CTX_free(ctx);
	return r;
}

static int decrypt(struct known *k, struct error *err)
{
	static const unsigned char secret[32] = "the content key of some message";
	static const unsigned char substitute[32] = "what stands in for content keys";
	unsigned char data[2048], clear[2048];
	size_t len = sizeof(data), clear_len = sizeof(clear);
	struct token_decrypt q = { .scheme = TOKEN_DECRYPT_RSA_PKCS1,
		.data = data,
		.substitute = substitute,
		.substitute_len = sizeof(substitute) };
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(X509_get0_pubkey(k->cert), NULL);
	bool encrypted = EVP_PKEY_encrypt_init(ctx) == 1 &&
			 EVP_PKEY_encrypt(ctx, data, &len, secret, sizeof(secret)) == 1;
	int r;

	EVP_PKEY_CTX_free(ctx);
	if (!encrypted)
		return error_set(err, HSMIME_EUSAGE, "can't encrypt for %s", k->name);
	q.len = len;
	r = token_key_decrypt(k->found.key, clear, &clear_len, &q, err);
	if (r == 0 && memcmp(clear, secret, sizeof(secret)) != 0)
		r = error_set(err, HSMIME_EINVALID, "the substitute");
	return r;
}

static int fork_and_sign(struct known *k, struct error *err)
{
	pid_t child = fork();
	int status = -1;

	if (child == 0) {
		alarm(CHILD_SECONDS);
		if (sign(k, err) == 0)
			_exit(0);
		fprintf(stderr, "zoo_session: in the child: %s\n", err->message);
		_exit(1);
	}
	if (child < 0 || waitpid(child, &status, 0) != child || status != 0)
		return error_set(
		    err, HSMIME_EINTERNAL, "the child ended with %#x", (unsigned)status);
	return sign(k, err);
}

static void answer(struct session *s, char *line)
{
	static const struct {
		const char *name;
		int (*run)(struct known *k, struct error *err);
		const char *done;
	} requests[] = { { "sign", sign, "signed" }, { "decrypt", decrypt, "decrypted" },
		{ "fork", fork_and_sign, "signed on both sides" } };
	char *name = strchr(line, ' ');
	struct error err = { 0 };
	struct known *k = NULL;
	int r = error_set(&err, HSMIME_EUSAGE, "no such request");

	for (size_t i = 0; name != NULL && i < sizeof(requests) / sizeof(requests[0]); i++) {
		if (strncmp(requests[i].name, line, (size_t)(name - line)) != 0)
			continue;
		r = find(&k, s, name + 1, &err);
		if (r == 0)
			r = requests[i].run(k, &err);
		if (r == 0)
			printf("%s\n", requests[i].done);
	}
	if (r < 0)
		printf("exit %d: %s | %s\n", hsmime_exit_status(r), err.message, err.hint);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	const char *limit = getenv("ZOO_CALL_LIMIT");
	struct engine_options options = {
		.call_limit = limit != NULL ? (unsigned)strtoul(limit, NULL, 10) : CALL_LIMIT
	};
	struct session s = { .folder = argc == 2 ? argv[1] : NULL };
	struct error err = { 0 };
	char line[128];

	if (s.folder == NULL) {
		fprintf(stderr, "usage: zoo_session PKI-FOLDER\n");
		return 2;
	}
	/*
	 * Not as hsmime, which ignores it: p11-kit's client writes to a server that may be gone.
	 */
	signal(SIGPIPE, SIG_DFL);
	if (engine_new(&s.engine, &options, &err) != 0) {
		fprintf(stderr, "zoo_session: %s\n", err.message);
		return 1;
	}
	while (fgets(line, sizeof(line), stdin) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		if (strcmp(line, "leave") == 0)
			exit(0);
		answer(&s, line);
	}
	for (size_t i = 0; i < s.count; i++) {
		engine_found_free(&s.keys[i].found);
		X509_free(s.keys[i].cert);
	}
	engine_free(s.engine);
	return 0;
}
