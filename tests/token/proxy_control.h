/*
 * proxy_control: the control file, by which a test steers the proxy in another
 * process, and what the proxy writes for the test to read.
 *
 * $PROXY_CONTROL names the file. It is looked at when C_Initialize is called, at
 * every call, and while a call hangs. Each line is a command, carried out once per
 * process; a test appends lines, or replaces the file by rename, and then all the
 * lines of the new one are carried out. A command is the name of a member of struct
 * proxy and its arguments; see the table in proxy_commands.c. Numbers may be in hex,
 * codes and mechanisms are CKR_… and CKM_…, a dash is NULL, # begins a comment.
 *
 * $PROXY_COUNTS names a file for the calls, a line "C_Sign 3" each, written by the
 * command "counts", when a call hangs, at C_Finalize and when the process ends.
 *
 * $PROXY_EVENTS names a file to which a line is appended where a call begins to hang
 * ("hang C_Sign"), goes on ("released C_Sign"), waits for a token
 * ("waits C_WaitForSlotEvent", "woken C_WaitForSlotEvent"), and where tokens go and come ("lost",
 * "back"). So a test waits for what it needs without sleeping.
 */
#ifndef TESTS_TOKEN_PROXY_CONTROL_H
#define TESTS_TOKEN_PROXY_CONTROL_H

/* control_start(): at C_Initialize: look at the environment. */
void control_start(void);

/* control_poll(): carry out what is new in the control file. */
void control_poll(void);

/* control_folder(): of the control file; NULL: there is none. */
const char *control_folder(void);

/* control_event(what, name): tell the test; counts are written too. */
void control_event(const char *what, const char *name);

/* control_write_counts(): to $PROXY_COUNTS, if it is set. */
void control_write_counts(void);

#endif
