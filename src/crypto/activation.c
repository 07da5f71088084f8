#include "crypto/activation.h"

#include "crypto/base32.h"
#include "crypto/sha256.h"

#include <string.h>
#include <strings.h>

#define PREFIX		"LICQ1"
#define PREFIX_LEN	(sizeof(PREFIX) - 1)
#define HASH_LEN	32
#define CHECK_LEN	4
#define REQUEST_LEN	(HASH_LEN + CHECK_LEN)
#define TEXT_LEN	BASE32_TEXT_LEN(REQUEST_LEN)

bool
activation_request_read(const char *text, uint8_t hash[32])
{
	char	given[PREFIX_LEN + TEXT_LEN];
	uint8_t	bytes[REQUEST_LEN], check[32];
	uint8_t	said[sizeof(ACTIVATION_REQUEST_SAYS) - 1 + HASH_LEN];
	size_t	n = 0;

	for (; *text != '\0'; text++) {
		if (strchr(" \t\r\n-", *text) != NULL)
			continue;
		if (n == sizeof(given))
			return (false);
		given[n++] = *text;
	}
	if (n != sizeof(given) || strncasecmp(given, PREFIX, PREFIX_LEN) ||
	    !base32_decode(bytes, given + PREFIX_LEN, TEXT_LEN))
		return (false);
	memcpy(said, ACTIVATION_REQUEST_SAYS, sizeof(said) - HASH_LEN);
	memcpy(said + sizeof(said) - HASH_LEN, bytes, HASH_LEN);
	sha256(said, sizeof(said), check);
	if (memcmp(check, bytes + HASH_LEN, CHECK_LEN))
		return (false);
	memcpy(hash, bytes, HASH_LEN);
	return (true);
}
