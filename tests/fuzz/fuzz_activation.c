/*
 * Any text as a device's request: what is taken for one is, but for case and
 * what is skipped, the one text of its hash.
 */
#include "crypto/activation.h"

#include "crypto/base32.h"
#include "crypto/sha256.h"

#include <ctype.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define REQUIRE(what)	do { if (!(what)) abort(); } while (0)
#define SAYS		ACTIVATION_REQUEST_SAYS

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t	 hash[32], said[sizeof(SAYS) - 1 + 32], all[36], check[32];
	char	*text, plain[5 + BASE32_TEXT_LEN(sizeof(all))];
	size_t	 i, n = 0;

	text = malloc(size + 1);
	memcpy(text, data, size);
	text[size] = '\0';
	if (activation_request_read(text, hash)) {
		memcpy(said, SAYS, sizeof(said) - 32);
		memcpy(said + sizeof(said) - 32, hash, 32);
		sha256(said, sizeof(said), check);
		memcpy(all, hash, 32);
		memcpy(all + 32, check, 4);
		memcpy(plain, "LICQ1", 5);
		(void)base32_encode(plain + 5, all, sizeof(all));
		for (i = 0; text[i] != '\0'; i++) {
			if (strchr(" \t\r\n-", text[i]) != NULL)
				continue;
			REQUIRE(n < sizeof(plain));
			REQUIRE(toupper((unsigned char)text[i]) == plain[n++]);
		}
		REQUIRE(n == sizeof(plain));
	}
	free(text);
	return (0);
}
