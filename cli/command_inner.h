/* Between the command tree and the rows that are its own. */
#ifndef CLI_COMMAND_INNER_H
#define CLI_COMMAND_INNER_H

#include "cli/command.h"

enum { COMMAND_N_OWN = 16 };
extern const struct api_method command_own[COMMAND_N_OWN];

#endif
