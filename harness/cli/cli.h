/* The program: which command, and what they share. */
#ifndef PLATEAU_CLI_CLI_H
#define PLATEAU_CLI_CLI_H

/* Runs the command line; returns the exit code (PRODUCT's table). */
int cli_main(int argc, char **argv);

#endif
