/* What the parts of the doctor share. */
#ifndef CLI_DOCTOR_PRIVATE_H
#define CLI_DOCTOR_PRIVATE_H

struct keyring;

enum doctor_level {
	DOCTOR_OK,
	DOCTOR_WARN,
	DOCTOR_FAIL
};

/* Prints the line; a failure is remembered for the exit status. */
void	doctor_say(enum doctor_level, const char *what, const char *, ...)
	    __attribute__((format(printf, 3, 4)));

/* Server, schema, keys (`ring' may be NULL: it did not open), clock. */
void	doctor_database(const struct keyring *ring);
/* Asks the payment providers something harmless; the same ring. */
void	doctor_provider(const struct keyring *ring);
/* Logs in at the mail server, and leaves. */
void	doctor_mail(void);

#endif
