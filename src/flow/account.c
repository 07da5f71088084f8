#include "flow/account.h"

#include "base/conf.h"
#include "base/log.h"
#include "flow/bind.h"
#include "pay/sealed.h"

/* A column's text, copied; "" for NULL. */
static const char *
column(struct flow *f, const struct db_rows *rows, unsigned int row,
    const char *name)
{
	const char	*text = db_text(rows, row, name);

	return (text == NULL ? "" : arena_strdup(&f->arena, text));
}

bool
account_read(struct flow *f, const struct db_rows *rows, unsigned int row,
    struct pay_account *out)
{
	const char	*id = db_text(rows, row, "provider_id");

	*out = (struct pay_account){ .provider = pay_provider(db_text(rows,
	    row, "provider_kind")) };
	if (id == NULL || out->provider == NULL)
		return (false);
	out->id = arena_strdup(&f->arena, id);
	out->base_url = column(f, rows, row, "provider_base_url");
	out->public_url = column(f, rows, row, "provider_public_url");
	out->store_id = column(f, rows, row, "provider_store_id");
	out->here = conf.public_url;
	out->api_key = pay_unseal(&f->arena, bind_keyring(),
	    PAY_SEALED_API_KEY, out->id,
	    db_text(rows, row, "provider_api_key"));
	out->webhook_secret = pay_unseal(&f->arena, bind_keyring(),
	    PAY_SEALED_WEBHOOK_SECRET, out->id,
	    db_text(rows, row, "provider_webhook_secret"));
	if (out->api_key != NULL && out->webhook_secret != NULL)
		return (true);
	LOG(LOG_ERR, "provider.sealed", LS("provider", out->id),
	    LS("meaning", "this key ring does not open its secrets"));
	out->provider = NULL;
	return (false);
}

const char *
account_seal_api_key(struct flow *f, const char *id, const char *secret)
{
	return (pay_seal(&f->arena, bind_keyring(), PAY_SEALED_API_KEY, id,
	    secret));
}

const char *
account_seal_webhook_secret(struct flow *f, const char *id, const char *secret)
{
	return (pay_seal(&f->arena, bind_keyring(), PAY_SEALED_WEBHOOK_SECRET,
	    id, secret));
}
