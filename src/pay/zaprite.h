/*
 * What the files of the Zaprite provider share, and what connecting needs.
 * Texts that are returned live in the arena.
 */
#ifndef PAY_ZAPRITE_H
#define PAY_ZAPRITE_H

#include "base/json.h"
#include "pay/provider.h"

/* A call: `path' follows /v1/. */
void		 zaprite_ask(struct arena *, const struct pay_account *,
		    const char *method, const char *path, struct pay_ask *);
/* PAY_OK: `*out' has the JSON, the caller's.  Otherwise it is NULL. */
enum pay_result	 zaprite_read(const struct pay_answer *, json_t **out);

/* pay/zaprite_card.c; see struct provider. */
void		 zaprite_ask_contact(struct arena *, const struct pay_account *,
		    const char *email, struct pay_ask *);
enum pay_result	 zaprite_read_contact(struct arena *,
		    const struct pay_account *, const struct pay_answer *,
		    const char **contact_id);
void		 zaprite_ask_card(struct arena *, const struct pay_account *,
		    const char *contact_id, struct pay_ask *);
enum pay_result	 zaprite_read_card(struct arena *, const struct pay_account *,
		    const char *order_id, const struct pay_answer *,
		    struct pay_card *);
void		 zaprite_ask_charge(struct arena *, const struct pay_account *,
		    const char *invoice_id, const char *card_id,
		    struct pay_ask *);

#endif
