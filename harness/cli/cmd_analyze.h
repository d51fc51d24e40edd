/* plateau analyze: judge a recorded run, or any CSV time series, again. */
#ifndef PLATEAU_CLI_CMD_ANALYZE_H
#define PLATEAU_CLI_CMD_ANALYZE_H

/* argv[0] is "analyze". Returns the exit code: that of the verdict (0, 1, 3),
 * 4 for a run whose target failed, 2 when there is nothing to judge. */
int cmd_analyze(int argc, char **argv);

#endif
