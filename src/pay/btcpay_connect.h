/*
 * Connecting a BTCPay Server with its owner's consent, and letting go of it:
 * what to ask and what the answers mean.  Texts live in the arena.
 *
 * Source of formats: the server's OpenAPI document and its Greenfield
 * authorization guide.  The browser brings the key as a form, though the
 * document says JSON: both are read.
 */
#ifndef PAY_BTCPAY_CONNECT_H
#define PAY_BTCPAY_CONNECT_H

#include "base/json.h"
#include "pay/provider.h"

/* What we ask for, NULL at the end. */
extern const char *const	btcpay_permissions[];

/* What a key may; `permissions' as the server writes them: POLICY[:STORE]. */
struct btcpay_key {
	bool		 is_told;	/* false: this server doesn't say */
	unsigned int	 n;
	const char	**permissions;
};

/* Where the owner's browser is sent, which comes back to `redirect'. */
const char	*btcpay_consent_url(struct arena *, const char *base_url,
		    const char *redirect);
/* The key in what the browser brings back; NULL: none, or not one. */
const char	*btcpay_read_consent(struct arena *, const void *body,
		    size_t len);
bool		 btcpay_is_api_key(const char *);

/* What may this key do? */
void		 btcpay_ask_key(struct arena *, const struct pay_account *,
		    struct pay_ask *);
enum pay_result	 btcpay_read_key(struct arena *, const struct pay_answer *,
		    struct btcpay_key *out);
/* Does the key allow this in the store, by itself or by what brings it? */
bool		 btcpay_key_allows(const struct btcpay_key *,
		    const char *policy, const char *store_id);

/* Which stores does it see?  PAY_NONE: none. */
void		 btcpay_ask_stores(struct arena *, const struct pay_account *,
		    struct pay_ask *);
enum pay_result	 btcpay_read_stores(struct arena *, const struct pay_answer *,
		    const char **id, const char **name);

/*
 * The address at which the store receives.  `old': as BTCPay Server before 2.0
 * calls the method.
 */
void		 btcpay_ask_address(struct arena *, const struct pay_account *,
		    bool old, struct pay_ask *);
enum pay_result	 btcpay_read_address(struct arena *, const struct pay_answer *,
		    const char **address);
/* Is this for certain no address of the real Bitcoin? */
bool		 btcpay_is_test_address(const char *);

/* The store's webhooks; PAY_NONE: none goes to that URL. */
void		 btcpay_ask_hooks(struct arena *, const struct pay_account *,
		    struct pay_ask *);
enum pay_result	 btcpay_read_hooks(struct arena *, const struct pay_answer *,
		    const char *url, const char **id);
/* Registers one with account->webhook_secret, or changes the one that is. */
void		 btcpay_ask_hook(struct arena *, const struct pay_account *,
		    const char *id, const char *url, struct pay_ask *);
enum pay_result	 btcpay_read_hook_id(struct arena *,
		    const struct pay_answer *, const char **id);

/* Letting go. */
void		 btcpay_ask_unhook(struct arena *, const struct pay_account *,
		    const char *id, struct pay_ask *);
void		 btcpay_ask_revoke(struct arena *, const struct pay_account *,
		    struct pay_ask *);
/* Is it gone, or was before? */
bool		 btcpay_is_gone(const struct pay_answer *);

/* How the store can be paid: [{"payment_method_id","enabled"}]; or NULL. */
void		 btcpay_ask_methods(struct arena *, const struct pay_account *,
		    struct pay_ask *);
json_t		*btcpay_read_methods(const struct pay_answer *);

#endif
