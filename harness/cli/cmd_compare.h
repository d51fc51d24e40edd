/* plateau compare: two runs of one scenario, or a run and a baseline. */
#ifndef PLATEAU_CLI_CMD_COMPARE_H
#define PLATEAU_CLI_CMD_COMPARE_H

/* Runs the command; argv[0] is its name. Returns the program's exit code. */
int cmd_compare(int argc, char **argv);

#endif
