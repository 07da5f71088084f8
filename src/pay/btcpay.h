/*
 * What the files of the BTCPay provider share, and what connecting needs to
 * know.  Texts that are returned live in the arena or in what was given.
 */
#ifndef PAY_BTCPAY_H
#define PAY_BTCPAY_H

#include "base/json.h"
#include "pay/provider.h"

/* The webhook events that mean something to us, NULL at the end. */
extern const char *const	btcpay_events[];

/* A call about the account's store: `path' follows /api/v1/stores/ID/. */
void		 btcpay_ask(struct arena *, const struct pay_account *,
		    const char *method, const char *path, struct pay_ask *);

/* A link of the server's under the name that buyers know it by. */
const char	*btcpay_public_link(struct arena *, const struct pay_account *,
		    const char *link);

/* PAY_OK: `*out' has the JSON, the caller's.  Otherwise it is NULL. */
enum pay_result	 btcpay_read(const struct pay_answer *, json_t **out);

/* pay/btcpay_methods.c; see struct provider. */
void		 btcpay_ask_checkout(struct arena *, const struct pay_account *,
		    const char *invoice_id, struct pay_ask *);
enum pay_result	 btcpay_read_checkout(struct arena *,
		    const struct pay_account *, const struct pay_answer *,
		    struct pay_methods *);

/* pay/btcpay_out.c; see struct provider. */
void		 btcpay_ask_refund(struct arena *, const struct pay_account *,
		    const char *invoice_id, const char *refund_id,
		    const char *variant, struct pay_ask *);
void		 btcpay_ask_find_refund(struct arena *,
		    const struct pay_account *, const char *refund_id,
		    struct pay_ask *);
enum pay_result	 btcpay_read_refund(struct arena *,
		    const struct pay_account *, const char *refund_id,
		    const struct pay_answer *, struct pay_refund *);
void		 btcpay_ask_pay(struct arena *, const struct pay_account *,
		    const char *bolt11, struct pay_ask *);
void		 btcpay_ask_payment(struct arena *, const struct pay_account *,
		    const char *payment_hash, struct pay_ask *);
enum pay_sent	 btcpay_read_pay(struct arena *, const struct pay_account *,
		    const struct pay_answer *, const char **detail);
enum pay_sent	 btcpay_read_payment(struct arena *,
		    const struct pay_account *, const struct pay_answer *,
		    const char **detail);

#endif
