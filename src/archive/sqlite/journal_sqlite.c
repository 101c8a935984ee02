/* The module's one symbol. */
#include "functions.h"

extern const struct journal_kind hsmime_journal;

__attribute__((visibility("default"))) const struct journal_kind hsmime_journal = {
	.interface = JOURNAL_INTERFACE,
	.open = job_open,
	.settings = job_settings,
	.setting = job_setting,
	.add = message_add,
	.listed = job_listed,
	.join = host_join,
	.hold = host_hold,
	.beat = host_hold,
	.claim = host_claim,
	.reap = host_reap,
	.release = host_release,
	.hosts = host_list,
	.finished = host_hold,
	.take = message_take,
	.commit = outcome_commit,
	.totals = job_totals,
	.causes = report_causes,
	.tally = report_tally,
	.each = report_each,
	.retry = outcome_retry,
	.close = job_close,
};
