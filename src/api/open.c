/* What the API's resources keep in a worker. */
#include "api/api.h"

#include "flow/key.h"

void
api_open(void)
{
	key_open();
	validate_open();
	machines_open();
}

void
api_close(void)
{
	machines_close();
	validate_close();
	key_close();
}
