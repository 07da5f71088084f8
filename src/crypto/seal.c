/* Sealing: authenticated encryption bound to the place a secret is kept in. */
#include "crypto/seal.h"

#include "crypto/keyring.h"

#include <sodium.h>

#include <string.h>

#define SEAL_VERSION	1
#define KEY_LEN		crypto_aead_xchacha20poly1305_ietf_KEYBYTES
#define NONCE_LEN	crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG_LEN		crypto_aead_xchacha20poly1305_ietf_ABYTES

_Static_assert(KEY_LEN == 32, "what keyring_derive() makes");
_Static_assert(SEAL_OVERHEAD == 1 + NONCE_LEN + TAG_LEN, "as documented");

size_t
seal(const struct keyring *ring, const struct seal_place *place,
    const void *plain, size_t len, uint8_t *out)
{
	uint8_t	key[KEY_LEN], *nonce = out + 1;

	out[0] = SEAL_VERSION;
	randombytes_buf(nonce, NONCE_LEN);
	keyring_derive(ring, place->purpose, key);
	crypto_aead_xchacha20poly1305_ietf_encrypt(nonce + NONCE_LEN, NULL,
	    plain, len, place->row_id, place->row_id_len, NULL, nonce, key);
	explicit_bzero(key, sizeof(key));

	return (len + SEAL_OVERHEAD);
}

bool
unseal(const struct keyring *ring, const struct seal_place *place,
    const void *sealed, size_t len, uint8_t *out, size_t *out_len)
{
	const uint8_t	*box = sealed, *nonce = box + 1;
	uint8_t		 key[KEY_LEN];
	int		 failed;

	if (len < SEAL_OVERHEAD || box[0] != SEAL_VERSION)
		return (false);
	keyring_derive(ring, place->purpose, key);
	failed = crypto_aead_xchacha20poly1305_ietf_decrypt(out, NULL, NULL,
	    nonce + NONCE_LEN, len - 1 - NONCE_LEN, place->row_id,
	    place->row_id_len, nonce, key);
	explicit_bzero(key, sizeof(key));
	if (failed)
		return (false);
	*out_len = len - SEAL_OVERHEAD;

	return (true);
}
