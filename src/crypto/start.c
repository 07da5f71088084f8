/* Chooses the implementations for this CPU and opens the source of entropy. */
#include "crypto/start.h"

#include <sodium.h>

bool
crypto_start(void)
{
	return (sodium_init() >= 0);
}
