/*
 * The system calls that a worker may make.  Kore's filter is always on; ours
 * is put in front of it and adds what libpq and libcurl need.
 */
#ifndef SERVE_SECCOMP_H
#define SERVE_SECCOMP_H

#include <stdbool.h>

/*
 * Allows every system call: for sanitizers, valgrind and gdb.  Set before the
 * workers start.
 */
extern bool	serve_seccomp_off;

/* Kore's hook, called by name in each worker. */
void	kore_seccomp_hook(void);

#endif
