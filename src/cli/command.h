/*
 * command: the tool's commands. Each runs with its options read and returns the exit status.
 */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include "options.h"

int cmd_sign(const struct options *o);
int cmd_verify(const struct options *o);
int cmd_encrypt(const struct options *o);
int cmd_decrypt(const struct options *o);
int cmd_tokens(const struct options *o);
int cmd_keys(const struct options *o);
int cmd_doctor(const struct options *o);
int cmd_pin(const struct options *o);
int cmd_archive(const struct options *o);
int cmd_config(const struct options *o);

#endif
