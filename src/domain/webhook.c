#include "domain/webhook.h"

#include "crypto/base64.h"
#include "crypto/hmac.h"

#include <string.h>

#define MAC_LEN	32

char *
webhook_signature(struct arena *a, const char *secret, const char *body)
{
	char	hex[HMAC_SHA256_HEX_SIZE];

	hmac_sha256_hex(secret, strlen(secret), body, strlen(body), hex);
	return (arena_printf(a, "sha256=%s", hex));
}

char *
webhook_standard_signature(struct arena *a, const char *secret,
    const char *id, int64_t seconds, const char *body)
{
	char	*signed_text, text[BASE64_SIZE(MAC_LEN)];
	uint8_t	 mac[MAC_LEN];

	signed_text = arena_printf(a, "%s.%lld.%s", id, (long long)seconds,
	    body);
	hmac_sha256(secret, strlen(secret), signed_text, strlen(signed_text),
	    mac);
	base64_encode(text, mac, sizeof(mac));
	return (arena_printf(a, "v1,%s", text));
}

char *
webhook_standard_secret(struct arena *a, const char *secret)
{
	size_t	 len = strlen(secret);
	char	*text = arena_alloc(a, BASE64_SIZE(len));

	base64_encode(text, secret, len);
	return (arena_printf(a, "whsec_%s", text));
}
