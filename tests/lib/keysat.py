"""Keysat databases, built from the published data model alone.

FULL is every table of it, OLDEST the ones it began with.  A database is a
dict of lists of rows; write() makes the SQLite file.
"""
import base64
import datetime
import hashlib
import json
import sqlite3
import uuid

from nacl.signing import SigningKey

from lib.keys import BOUND, TRIAL, Key, hash_hex

SEED = bytes(range(100, 132))
NOW = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)

TABLES = {
    "server_keys": "id algorithm public_key_pem private_key_pem created_at",
    "products": "id slug name description price_sats price_currency "
    "price_value active metadata entitlements_catalog merchant_profile_id "
    "created_at updated_at",
    "policies": "id product_id name slug duration_seconds grace_seconds "
    "max_machines is_trial price_sats_override price_currency_override "
    "price_value_override entitlements metadata active public tip_recipient "
    "tip_pct_bps tip_label is_recurring renewal_period_days "
    "grace_period_days trial_days tier_rank archived_at created_at "
    "updated_at",
    "invoices": "id btcpay_invoice_id product_id policy_id status "
    "buyer_email buyer_note amount_sats checkout_url listed_currency "
    "listed_value exchange_rate_centibps exchange_rate_source "
    "payment_provider_id created_at updated_at",
    "licenses": "id product_id invoice_id policy_id status fingerprint "
    "bound_identity issued_at expires_at grace_seconds max_machines is_trial "
    "entitlements revoked_at revocation_reason suspended_at "
    "suspension_reason nostr_npub buyer_email metadata",
    "machines": "id license_id fingerprint fingerprint_hash hostname "
    "platform ip_last_seen activated_at last_heartbeat_at deactivated_at "
    "deactivation_reason",
    "validation_log": "id license_id product_id fingerprint result "
    "client_ip user_agent occurred_at machine_id reason_detail",
    "subscriptions": "id license_id policy_id product_id period_days "
    "listed_currency listed_value status started_at next_renewal_at "
    "cancelled_at cancellation_reason last_renewal_attempt_at "
    "consecutive_failures zaprite_contact_id zaprite_payment_profile_id "
    "zaprite_payment_profile_method zaprite_payment_profile_expires_at "
    "merchant_profile_id payment_provider_id created_at updated_at",
    "subscription_invoices": "id subscription_id invoice_id cycle_number "
    "cycle_start_at cycle_end_at created_at",
    "tier_changes": "id license_id from_policy_id to_policy_id direction "
    "listed_currency proration_charge_value invoice_id effective_at actor "
    "reason created_at",
    "discount_codes": "id code kind amount discount_currency max_uses "
    "used_count expires_at applies_to_product_id applies_to_policy_id "
    "applies_to_policy_ids referrer_label description active featured "
    "created_at updated_at",
    "discount_redemptions": "id code_id invoice_id license_id status "
    "discount_applied_sats base_price_sats final_price_sats created_at "
    "updated_at",
    "audit_log": "id actor_kind actor_hash action target_kind target_id "
    "request_ip user_agent details occurred_at",
    "tip_attempts": "id license_id policy_id recipient amount_sats pct_bps "
    "label status detail payment_hash created_at",
    "settings": "key value updated_at",
    "merchant_profiles": "id name legal_name support_url support_email "
    "brand_color post_purchase_redirect_url is_default smtp_host smtp_port "
    "smtp_username smtp_password smtp_from created_at updated_at",
    "payment_providers": "id merchant_profile_id kind label api_key base_url "
    "webhook_id webhook_secret store_id created_at updated_at",
    "merchant_profile_rail_preferences": "merchant_profile_id rail "
    "payment_provider_id",
    "webhook_endpoints": "id url secret event_types active description "
    "created_at updated_at",
    "webhook_deliveries": "id endpoint_id event_type payload_json",
    "scoped_api_keys": "id label token_hash role extra_scopes created_at "
    "last_used_at revoked_at",
    "sessions": "token created_at expires_at",
    "rate_buckets": "bucket_kind bucket_key tokens_remaining",
}
FULL = {name: columns.split() for name, columns in TABLES.items()}
OLDEST = {
    "server_keys": FULL["server_keys"],
    "products": "id slug name description price_sats active metadata "
    "created_at updated_at".split(),
    "invoices": "id btcpay_invoice_id product_id status buyer_email "
    "buyer_note amount_sats checkout_url created_at updated_at".split(),
    "licenses": "id product_id invoice_id status fingerprint issued_at "
    "revoked_at revocation_reason metadata".split(),
    "validation_log": "id license_id product_id fingerprint result "
    "client_ip user_agent occurred_at".split(),
}


def new_id():
    return str(uuid.uuid4())


def at(days=0, seconds=0):
    """RFC 3339 as Keysat's language writes it, with nanoseconds."""
    when = NOW + datetime.timedelta(days=days, seconds=seconds)
    return when.strftime("%Y-%m-%dT%H:%M:%S.123456789+00:00")


def pkcs8(seed=SEED, version=2):
    """48 bytes, or 83 with the public key (RFC 5958)."""
    if version == 1:
        der = bytes.fromhex("302e020100300506032b657004220420") + seed
    else:
        der = bytes.fromhex("3051020101300506032b657004220420") + seed + \
            bytes.fromhex("812100") + bytes(SigningKey(seed).verify_key)
    return ("-----BEGIN PRIVATE KEY-----\n" + base64.b64encode(der).decode() +
            "\n-----END PRIVATE KEY-----\n")


def server_key(version=2):
    return {"id": 1, "algorithm": "ed25519", "created_at": at(-700),
            "public_key_pem": "-", "private_key_pem": pkcs8(version=version)}


def seconds(text):
    return int(datetime.datetime.fromisoformat(
        text[:19] + "+00:00").timestamp())


def sold_key(lic, fingerprint=None):
    """The key as Keysat showed it: version 1 if it is bound."""
    key = Key(product_id=lic["product_id"], license_id=lic["id"],
              issued_at=seconds(lic["issued_at"]))
    if fingerprint is not None:
        key.version, key.flags = 1, BOUND
        key.fingerprint_hash = bytes.fromhex(hash_hex(fingerprint))
    else:
        key.expires_at = seconds(lic["expires_at"]) \
            if lic.get("expires_at") else 0
        key.flags = TRIAL if lic.get("is_trial") else 0
        key.entitlements = tuple(json.loads(lic.get("entitlements", "[]")))
    return key.signed(SEED)


def write(path, rows, tables=None, extra=()):
    """The SQLite file of these rows; no column has a constraint."""
    db = sqlite3.connect(path)
    for name, columns in (tables or FULL).items():
        db.execute(f'CREATE TABLE {name} ({", ".join(columns)})')
    for statement in extra:
        db.execute(statement)
    for name, given in rows.items():
        for row in given:
            db.execute(f'INSERT INTO {name} ({", ".join(row)}) VALUES '
                       f'({", ".join("?" * len(row))})', list(row.values()))
    db.commit()
    db.close()
    return path


class Shop:
    """Rows of a shop, as Keysat would have written them."""

    def __init__(self, version=2):
        self.rows = {"server_keys": [server_key(version)]}

    def add(self, table, **row):
        self.rows.setdefault(table, []).append(row)
        return row

    def product(self, slug="app", **row):
        return self.add("products", **{
            "id": new_id(), "slug": slug, "name": "App", "description": "",
            "price_sats": 5000, "active": 1, "metadata": "{}",
            "created_at": at(-600), "updated_at": at(-600), **row})

    def policy(self, product, slug="pro", **row):
        return self.add("policies", **{
            "id": new_id(), "product_id": product["id"], "name": "Pro",
            "slug": slug, "duration_seconds": 0, "grace_seconds": 0,
            "max_machines": 1, "is_trial": 0, "entitlements": '["a","b"]',
            "metadata": "{}", "active": 1, "public": 1, "tip_pct_bps": 0,
            "is_recurring": 0, "renewal_period_days": 0,
            "grace_period_days": 7, "trial_days": 0, "created_at": at(-600),
            "updated_at": at(-600), **row})

    def invoice(self, product, **row):
        row = {"id": new_id(), "btcpay_invoice_id": new_id()[:22],
               "product_id": product["id"], "status": "settled",
               "buyer_email": "buyer@example.org", "amount_sats": 5000,
               "checkout_url": "https://pay.example/i/1",
               "created_at": at(-100), "updated_at": at(-100), **row}
        return self.add("invoices", **row)

    def license(self, product, invoice=None, **row):
        return self.add("licenses", **{
            "id": new_id(), "product_id": product["id"],
            "invoice_id": invoice and invoice["id"], "status": "active",
            "issued_at": at(-100), "metadata": "{}", **row})

    def machine(self, lic, fingerprint, **row):
        return self.add("machines", **{
            "id": new_id(), "license_id": lic["id"],
            "fingerprint": fingerprint,
            "fingerprint_hash": hashlib.sha256(
                fingerprint.encode()).hexdigest(),
            "hostname": "host", "platform": "linux",
            "activated_at": at(-90), "last_heartbeat_at": at(-1), **row})

    def write(self, path, tables=None, extra=()):
        return write(path, self.rows, tables, extra)


def full(shop, api_key="btcpay-key", url="https://pay.example",
         store="store1", secret="whsec"):
    """At least one row of everything; what the tests ask about."""
    add = shop.add
    main = add("merchant_profiles", id=new_id(), name="Acme", is_default=1,
               smtp_host="mail.example", smtp_port=25, smtp_password="s3cret",
               created_at=at(-600))
    provider = add("payment_providers", id=new_id(), kind="btcpay",
                   merchant_profile_id=main["id"], label="Pay",
                   api_key=api_key, base_url=url, store_id=store,
                   webhook_id="w1", webhook_secret=secret,
                   created_at=at(-600))
    add("merchant_profile_rail_preferences", rail="lightning",
        merchant_profile_id=main["id"], payment_provider_id=provider["id"])
    add("webhook_endpoints", id=new_id(), url="https://hooks.example/a",
        secret="sign with this", event_types='["license.issued"]', active=1,
        created_at=at(-600))
    add("settings", key="operator_name", value="Acme", updated_at=at(-600))
    add("settings", key="community_install_uuid", value="x", updated_at=at())
    p = shop.product(merchant_profile_id=main["id"], price_currency="SAT",
                     price_value=5000)
    pro = shop.policy(p, max_machines=2)
    single = shop.policy(p, "single")
    bought = shop.invoice(p, policy_id=pro["id"], amount_sats=4000,
                          payment_provider_id=provider["id"])
    many = shop.license(p, bought, policy_id=pro["id"], max_machines=2,
                        entitlements='["a","b"]', is_trial=0,
                        buyer_email="buyer@example.org", expires_at=at(200))
    machines = [shop.machine(many, "one"), shop.machine(many, "two"),
                shop.machine(many, "gone", deactivated_at=at(-50))]
    bound = shop.license(p, shop.invoice(p), policy_id=single["id"],
                         fingerprint="laptop", max_machines=1)
    dead = shop.license(p, status="revoked", revoked_at=at(-3),
                        revocation_reason="refund")
    code = add("discount_codes", id=new_id(), code="SAVE", kind="percent",
               amount=2000, discount_currency="SAT", max_uses=10,
               used_count=1, applies_to_product_id=p["id"],
               applies_to_policy_ids=json.dumps([pro["id"]]), active=1,
               created_at=at(-300))
    add("discount_redemptions", id=new_id(), code_id=code["id"],
        invoice_id=bought["id"], license_id=many["id"], status="redeemed",
        discount_applied_sats=1000, base_price_sats=5000,
        final_price_sats=4000, created_at=at(-100))
    add("tier_changes", id=new_id(), license_id=many["id"],
        from_policy_id=single["id"], to_policy_id=pro["id"],
        direction="upgrade", listed_currency="SAT", actor="admin",
        proration_charge_value=0, effective_at=at(-20), created_at=at(-20))
    add("tip_attempts", id=new_id(), license_id=many["id"], status="sent",
        recipient="dev@example.org", amount_sats=40, pct_bps=100,
        payment_hash="ab" * 32, created_at=at(-100))
    for i in range(3):
        add("audit_log", id=i + 1, actor_kind="web_ui", actor_hash="token",
            action="product.create", target_id=p["id"],
            details='{"a":"tab\\tback\\\\slash"}', occurred_at=at(-i))
        add("validation_log", id=i + 1, license_id=many["id"],
            product_id=p["id"], fingerprint="one", result="ok",
            client_ip="192.0.2.1", user_agent="a\tb\\c\nd",
            occurred_at=at(-i))
    return dict(many=many, bound=bound, dead=dead, machines=machines,
                product=p, pro=pro, provider=provider, main=main)


def subscribe(shop, made, days=5, paid=1, status="active", **row):
    """A subscription whose running cycle ends in so many days."""
    policy = shop.policy(made["product"], "sub", is_recurring=1,
                         renewal_period_days=30)
    first = shop.invoice(made["product"], policy_id=policy["id"],
                         payment_provider_id=made["provider"]["id"],
                         created_at=at(days - 30 * paid))
    lic = shop.license(made["product"], first, policy_id=policy["id"],
                       issued_at=at(days - 30 * paid),
                       buyer_email="buyer@example.org")
    sub = shop.add("subscriptions", **{
        "id": new_id(), "license_id": lic["id"], "policy_id": policy["id"],
        "product_id": made["product"]["id"], "period_days": 30,
        "listed_currency": "SAT", "listed_value": 5000, "status": status,
        "started_at": at(days - 30 * paid), "next_renewal_at": at(days),
        "consecutive_failures": 0, "created_at": at(days - 30 * paid), **row})
    for n in range(1, paid + 1):
        cycle(shop, sub, n, first if n == 1 else shop.invoice(
            made["product"], policy_id=policy["id"]),
            days + 30 * (n - 1 - paid))
    return sub, lic


def cycle(shop, sub, number, invoice, start):
    return shop.add("subscription_invoices", id=new_id(),
                    subscription_id=sub["id"], invoice_id=invoice["id"],
                    cycle_number=number, cycle_start_at=at(start),
                    cycle_end_at=at(start + 30), created_at=at(start))


def bound_to(n):
    """The fingerprint of a mass license's machine."""
    return f"machine-{n}"


def mass(path, product, n, log):
    """Adds n sold licenses with a machine each, and so many rows of the log.
    Every other license is bound to its machine, as the oldest were, the others
    expire and have theirs as a row.  The licenses' rows, by number."""
    sold = [{"id": new_id(), "product_id": product["id"],
             "invoice_id": new_id(), "status": "active",
             "issued_at": at(-9), "fingerprint": bound_to(k),
             "expires_at": None, "max_machines": 1, "entitlements": "[]"}
            if k % 2 else
            {"id": new_id(), "product_id": product["id"],
             "invoice_id": new_id(), "status": "active",
             "issued_at": at(-9), "fingerprint": None, "expires_at": at(400),
             "max_machines": 2, "entitlements": '["a","b"]'}
            for k in range(n)]
    db = sqlite3.connect(path)
    db.executemany(
        "INSERT INTO invoices (id, btcpay_invoice_id, product_id, status,"
        " amount_sats, created_at) VALUES (?, ?, ?, 'settled', 5, ?)",
        ((s["invoice_id"], s["invoice_id"][:20], product["id"], at(-9))
         for s in sold))
    db.executemany(
        f"INSERT INTO licenses ({', '.join(sold[0])})"
        f" VALUES ({', '.join('?' * len(sold[0]))})",
        (list(s.values()) for s in sold))
    db.executemany(
        "INSERT INTO machines (id, license_id, fingerprint, fingerprint_hash,"
        " activated_at, last_heartbeat_at) VALUES (?, ?, ?, ?, ?, ?)",
        ((new_id(), s["id"], bound_to(k), hash_hex(bound_to(k)), at(-8),
          at(-1)) for k, s in enumerate(sold) if not k % 2))
    db.executemany(
        "INSERT INTO validation_log (id, license_id, product_id, fingerprint,"
        " result, client_ip, user_agent, occurred_at)"
        " VALUES (?, ?, ?, ?, 'ok', '192.0.2.1', 'agent', ?)",
        ((k, sold[k % n]["id"], product["id"], bound_to(k % n),
          at(0, -20 * k)) for k in range(log)))
    db.commit()
    db.close()
    return sold


def mass_key(sold, n):
    """The key as the nth buyer of mass() has it."""
    return sold_key(sold[n], bound_to(n) if n % 2 else None)
