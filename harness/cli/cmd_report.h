/* plateau report: render a recorded run's reports again. */
#ifndef PLATEAU_CLI_CMD_REPORT_H
#define PLATEAU_CLI_CMD_REPORT_H

/* argv[0] is "report". Returns 0 when all reports were written, whatever
 * their verdict; 2 for a directory that is no run; 5 when writing failed. */
int cmd_report(int argc, char **argv);

#endif
