/*
 * licetctl: the operator's commands, in the same binary as the server.  Each
 * asks only for the settings it uses, and says on standard error what is wrong.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

struct resource;

/*
 * argv[0] is the program, argv[1] the command.  `resources' are the tables that
 * the server serves, for `docs api'.  Returns the exit status: 0; 1 when the
 * command failed; 2 when it was called wrongly.
 */
int	cli_main(int argc, char **argv, const struct resource *resources);

#endif
