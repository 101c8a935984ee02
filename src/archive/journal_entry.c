#include "archive/journal.h"

#include <stdlib.h>

/* The name by itself: a module of a journal has this file, and not the mailboxes. */
void journal_entry_free(struct journal_entry *e)
{
	free(e->item.name);
	free(e->item.key);
	free(e->cause);
	free(e->output);
	free(e->record);
	free(e->problem);
	*e = (struct journal_entry){ 0 };
}
