/* The commands, one function each: argv[0] is the command's name. Each
 * returns the program's exit code. */
#ifndef PLATEAU_CLI_COMMANDS_H
#define PLATEAU_CLI_COMMANDS_H

int cmd_run(int argc, char **argv);
int cmd_observe(int argc, char **argv);
int cmd_demo(int argc, char **argv);

#endif
