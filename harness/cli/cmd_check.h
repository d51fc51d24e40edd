/* plateau check: is this scenario right, and what will it do? */
#ifndef PLATEAU_CLI_CMD_CHECK_H
#define PLATEAU_CLI_CMD_CHECK_H

/* argv[0] is the command's name. Returns the program's exit code: 0 right,
 * 2 mistakes or usage. */
int cmd_check(int argc, char **argv);

#endif
