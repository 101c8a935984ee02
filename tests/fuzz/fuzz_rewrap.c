/* Any octets as a message: rewrapping comes to what decrypting does, and to the same plaintext. */
#include "fuzz_open.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct enveloped_write added = { .recipients = sk_X509_new_null() };
	struct buffer out, expected;
	struct enveloped_rewrap how = {
		.out = fuzz_sink(&out), .frame = &frame, .added = &added, .judge = fuzz_anything
	};
	int status = fuzz_open(data, len, NULL);

	expected = plain;
	sk_X509_push(added.recipients, fuzz_certificate());
	holds(fuzz_open(data, len, &how) == status);
	if (status == 0) {
		holds(fuzz_open(out.data, out.len, NULL) == 0);
		holds(fuzz_same(plain.data, plain.len, expected.data, expected.len));
		buffer_free(&plain);
	}
	buffer_free(&expected);
	buffer_free(&out);
	sk_X509_pop_free(added.recipients, X509_free);
	return 0;
}
