#include "archive/ledger.h"

#include <dlfcn.h>
#include <stdlib.h>

#include "archive/plugin.h"

static int load(struct ledger *l, struct error *err)
{
	const void *symbol;
	int status = plugin_load(&l->library, &symbol, "sqlite", LEDGER_SYMBOL, err);

	if (status != 0)
		return status;
	l->kind = symbol;
	if (l->kind->interface == LEDGER_INTERFACE)
		return 0;
	l->kind = NULL;
	(void)plugin_missing("sqlite", "its module is of another version", err);
	return HSMIME_EUNSUPPORTED;
}

int ledger_open(struct ledger **out, struct error *err)
{
	struct ledger *l = calloc(1, sizeof(*l));
	int status;

	*out = NULL;
	if (l == NULL)
		return error_nomem(err);
	status = load(l, err);
	if (status == 0)
		status = l->kind->open(l, err);
	if (status != 0) {
		ledger_close(l);
		return status;
	}
	*out = l;
	return 0;
}

void ledger_close(struct ledger *l)
{
	if (l == NULL)
		return;
	if (l->kind != NULL)
		l->kind->close(l);
	if (l->library != NULL)
		dlclose(l->library);
	free(l);
}
