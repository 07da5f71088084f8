/* licetctl clock: show and move the clock that tests move. */
#ifndef CLI_CLOCK_H
#define CLI_CLOCK_H

/*
 * argv is { "clock", VERB, ... }: `show', `move SECONDS' (negative: back),
 * `set TIME' (RFC 3339).  Prints the time and how far it is moved.  Refuses
 * when LICET_ENV is production or LICET_CLOCK isn't movable.  Settings were
 * read.  Returns the exit status, 2 for a wrong call.
 */
int	cli_clock(int argc, char **argv);

#endif
