/* plateau objects: a census of a live process, outside any run. */
#ifndef PLATEAU_CLI_CMD_OBJECTS_H
#define PLATEAU_CLI_CMD_OBJECTS_H

/* argv[0] is the command's name. Returns the program's exit code: 0 a census
 * was taken, 2 usage, 4 the process cannot be read or has ended. */
int cmd_objects(int argc, char **argv);

#endif
