/*
 * sign_verify.c: sign a mail with a key on a token, then verify the result.
 *
 * usage: sign_verify KEY-URI CA-FILE MAIL SIGNED-MAIL
 *
 * The module and the PIN come from the environment: HSMIME_MODULE (default:
 * all modules that p11-kit knows) and HSMIME_PIN_SOURCE, as for the tool.
 *
 * cc sign_verify.c -o sign_verify $(pkg-config --cflags --libs hsmime)
 */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <hsmime/hsmime.h>

static void report(const hsmime_ctx *ctx, const char *what)
{
	fprintf(stderr, "%s: %s\n", what, hsmime_ctx_error(ctx));
	if (*hsmime_ctx_hint(ctx) != '\0')
		fprintf(stderr, "%s\n", hsmime_ctx_hint(ctx));
}

static int sign(hsmime_ctx *ctx, const char *key_uri, const char *mail, const char *signed_mail)
{
	hsmime_sign_options options = HSMIME_SIGN_OPTIONS_INIT;
	hsmime_output *out = NULL;
	hsmime_source in;
	hsmime_file file;
	int fd = open(mail, O_RDONLY | O_CLOEXEC);
	int status = HSMIME_EIO;

	if (fd < 0) {
		perror(mail);
		return status;
	}
	hsmime_source_fd(&in, &file, fd);
	options.key_uri = key_uri;
	status = hsmime_output_file(&out, signed_mail);
	if (status == 0)
		status = hsmime_sign(ctx, out, &in, &options);
	if (status != 0)
		report(ctx, "sign");
	hsmime_output_free(out);
	close(fd);
	return status;
}

static void print_signers(const hsmime_result *result)
{
	for (size_t i = 0; i < result->layer_count; i++) {
		const hsmime_layer *layer = &result->layers[i];

		for (size_t k = 0; k < layer->signer_count; k++) {
			const hsmime_signer *signer = &layer->signers[k];

			printf("signed by %s (%s, %s): %s\n",
			    signer->subject != NULL ? signer->subject : "an unknown signer",
			    signer->signature_algorithm, signer->digest,
			    signer->status == 0 ? "valid" : signer->problem);
		}
	}
	for (const char *const *what = result->not_checked; what != NULL && *what != NULL; what++)
		printf("not checked: %s\n", *what);
}

static int verify(hsmime_ctx *ctx, const char *ca_file, const char *signed_mail)
{
	hsmime_verify_options options = HSMIME_VERIFY_OPTIONS_INIT;
	hsmime_certs *anchors = NULL;
	hsmime_result *result = NULL;
	hsmime_source in;
	hsmime_file file;
	int fd = open(signed_mail, O_RDONLY | O_CLOEXEC);
	int status = HSMIME_EIO;

	if (fd < 0) {
		perror(signed_mail);
		return status;
	}
	hsmime_source_fd(&in, &file, fd);
	status = hsmime_certs_new(&anchors);
	if (status == 0)
		status = hsmime_certs_load(anchors, ctx, ca_file);
	if (status == 0) {
		options.anchors = anchors;
		status = hsmime_verify(ctx, &result, NULL, &in, &options);
	}
	if (result != NULL)
		print_signers(result);
	if (status != 0)
		report(ctx, "verify");
	hsmime_result_free(result);
	hsmime_certs_free(anchors);
	close(fd);
	return status;
}

int main(int argc, char **argv)
{
	hsmime_ctx *ctx = NULL;
	int status = 0;

	if (argc != 5) {
		fprintf(stderr, "usage: %s KEY-URI CA-FILE MAIL SIGNED-MAIL\n", argv[0]);
		return hsmime_exit_status(HSMIME_EUSAGE);
	}
	status = hsmime_ctx_new(&ctx);
	if (status != 0) {
		fprintf(stderr, "hsmime does not start\n");
		return hsmime_exit_status(status);
	}
	status = sign(ctx, argv[1], argv[3], argv[4]);
	if (status == 0)
		status = verify(ctx, argv[2], argv[4]);
	hsmime_ctx_free(ctx);
	return hsmime_exit_status(status);
}
