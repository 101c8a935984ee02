/* Any octets as a line of a manifest: what is read of it is whole, or nothing is. */
#include "fuzz.h"

#include "archive/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct ledger *ledger;
	struct manifest_line line;
	struct error err = { 0 };
	char *text = malloc(len + 1);
	int status;

	holds(text != NULL);
	if (len > 0)
		memcpy(text, data, len);
	holds(ledger != NULL || ledger_open(&ledger, NULL) == 0);
	status = manifest_line_read(&line, ledger, text, len, &err);
	if (status == 0 && line.is_facts)
		holds(line.task != NULL && line.number == 0);
	else if (status == 0)
		holds(line.outcome != NULL && line.number > 0 && line.number <= INT64_MAX);
	else
		holds(status == HSMIME_EFORMAT && err.message[0] != '\0');
	manifest_line_free(&line);
	free(text);
	return 0;
}
