/* plateau import: recorded traffic becomes a scenario to edit. */
#ifndef PLATEAU_CLI_CMD_IMPORT_H
#define PLATEAU_CLI_CMD_IMPORT_H

/* argv[0] is the command's name. Returns the program's exit code: 0 a
 * scenario was written, 2 usage or nothing to import. */
int cmd_import(int argc, char **argv);

#endif
