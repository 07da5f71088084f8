#include "pay/sealed.h"

#include "base/text.h"
#include "crypto/seal.h"

#include <stdint.h>
#include <string.h>

static struct seal_place
place(const char *purpose, const char *id)
{
	return ((struct seal_place){ .purpose = purpose, .row_id = id,
	    .row_id_len = strlen(id) });
}

const char *
pay_seal(struct arena *a, const struct keyring *ring, const char *purpose,
    const char *id, const char *secret)
{
	struct seal_place	 at = place(purpose, id);
	size_t			 len = strlen(secret);
	uint8_t			*box = arena_alloc(a, len + SEAL_OVERHEAD);
	char			*hex;

	len = seal(ring, &at, secret, len, box);
	hex = arena_alloc(a, 2 * len + 1);
	text_hex(box, len, hex);
	return (hex);
}

const char *
pay_unseal(struct arena *a, const struct keyring *ring, const char *purpose,
    const char *id, const char *hex)
{
	struct seal_place	 at = place(purpose, id);
	size_t			 len, i, out_len;
	uint8_t			*box;
	char			*secret;
	int			 high, low;

	if (hex == NULL)
		return ("");
	if ((len = strlen(hex)) % 2 != 0)
		return (NULL);
	len /= 2;
	box = arena_alloc(a, len + 1);
	for (i = 0; i < len; i++) {
		high = text_hex_value(hex[2 * i]);
		low = text_hex_value(hex[2 * i + 1]);
		if (high < 0 || low < 0)
			return (NULL);
		box[i] = (uint8_t)(high << 4 | low);
	}
	arena_wipe_later(a);
	secret = arena_alloc(a, len + 1);
	if (!unseal(ring, &at, box, len, (uint8_t *)secret, &out_len))
		return (NULL);
	secret[out_len] = '\0';
	return (secret);
}
