-- Open event streams hear of a change that a buyer sees: `licet_invoice', the
-- invoice's id.  A row's own condition is judged without a call, so what buyers
-- don't see (when to look next, what was asked) costs nothing.
CREATE FUNCTION invoice_news_1() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
	PERFORM pg_notify('licet_invoice', NEW.id::text);
	RETURN NULL;
END $$;
CREATE TRIGGER invoice_news AFTER UPDATE ON invoices
	FOR EACH ROW WHEN (OLD.status <> NEW.status
	    OR OLD.paid_sats IS DISTINCT FROM NEW.paid_sats
	    OR OLD.payment_exception IS DISTINCT FROM NEW.payment_exception
	    -- The provider's answer came late.
	    OR OLD.provider_invoice_id IS NULL
	    AND NEW.provider_invoice_id IS NOT NULL
	    AND NEW.updated_at > NEW.created_at + interval '5 seconds')
	EXECUTE FUNCTION invoice_news_1();

-- Whichever invoice of an order is paid, the order is.
CREATE FUNCTION order_news_1() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
	PERFORM pg_notify('licet_invoice', i.id::text)
	FROM invoices i
	WHERE i.order_id = COALESCE(NEW.order_id, NEW.id)
	OR i.id = NEW.order_id;
	RETURN NULL;
END $$;
CREATE TRIGGER order_news AFTER UPDATE ON invoices
	FOR EACH ROW WHEN (OLD.status <> 'settled' AND NEW.status = 'settled')
	EXECUTE FUNCTION order_news_1();

-- One that follows another is news for who still looks at that.
CREATE FUNCTION invoice_followed_1() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
	PERFORM pg_notify('licet_invoice', NEW.follows_id::text);
	RETURN NULL;
END $$;
CREATE TRIGGER invoice_followed AFTER INSERT ON invoices
	FOR EACH ROW WHEN (NEW.follows_id IS NOT NULL)
	EXECUTE FUNCTION invoice_followed_1();

CREATE FUNCTION checkout_news_1() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
	PERFORM pg_notify('licet_invoice', NEW.invoice_id::text);
	RETURN NULL;
END $$;
CREATE TRIGGER checkout_begun AFTER INSERT ON checkouts
	FOR EACH ROW WHEN (NEW.told_at IS NOT NULL)
	EXECUTE FUNCTION checkout_news_1();
CREATE TRIGGER checkout_news AFTER UPDATE ON checkouts
	FOR EACH ROW WHEN (OLD.seen_sats <> NEW.seen_sats
	    OR OLD.due_sats IS DISTINCT FROM NEW.due_sats
	    OR OLD.confirmations IS DISTINCT FROM NEW.confirmations
	    OR OLD.confirmations_needed IS DISTINCT FROM NEW.confirmations_needed
	    OR OLD.expires_at IS DISTINCT FROM NEW.expires_at
	    OR OLD.bolt11 IS DISTINCT FROM NEW.bolt11
	    OR OLD.address IS DISTINCT FROM NEW.address)
	EXECUTE FUNCTION checkout_news_1();
