/* Makes the cryptographic library ready. */
#ifndef CRYPTO_START_H
#define CRYPTO_START_H

#include <stdbool.h>

/*
 * To be called once at start, in the parent and before any fork; calling it
 * again does nothing.  False if the library refuses: do not go on.
 */
bool	crypto_start(void);

#endif
