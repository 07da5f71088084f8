/* licetctl doctor: is everything there that a server needs? */
#ifndef CLI_DOCTOR_H
#define CLI_DOCTOR_H

/*
 * Looks without changing anything, prints a line for each check, "ok   ...",
 * "warn ..." or "FAIL ...", never a secret.  Returns 1 if any failed.
 */
int	cli_doctor(void);

#endif
