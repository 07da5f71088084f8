"""Rows for a test to begin with, and a batch written as a list of asks."""
import hashlib
import uuid


def text(value):
    return "NULL" if value is None else "'" + str(value).replace("'", "''") + "'"


def product(db):
    slug = "p" + uuid.uuid4().hex[:12]
    (pid,), = db.sql("INSERT INTO products (slug, name, price_sats, "
                     f"price_value) VALUES ('{slug}', 'P', 1, 1) RETURNING id")
    return pid, slug


def license(db, product_id, **columns):
    """A license that began an hour ago; columns are SQL."""
    values = {"product_id": text(product_id), "signing_key_id": "1",
              "issued_at": "date_trunc('second', now() - interval '1 hour')"}
    values.update(columns)
    (lid,), = db.sql(f"INSERT INTO licenses ({', '.join(values)}) "
                     f"VALUES ({', '.join(values.values())}) RETURNING id")
    return lid


def ago(seconds):
    return f"date_trunc('second', now()) - interval '{seconds} s'"


def digest(fingerprint):
    return hashlib.sha256(fingerprint.encode()).digest()


def ask(license_id, fingerprint=None, early=None, product=None, bound_ok=True,
        hostname=None, platform=None, ip="192.0.2.1", agent="test/1"):
    return dict(license=license_id, early=early, product=product,
                fingerprint=fingerprint and digest(fingerprint),
                bound_ok=bound_ok, hostname=hostname, platform=platform,
                ip=ip, agent=agent)


def validate(db, *asks):
    return db.call("validate_batch", **{
        name: [a[name] for a in asks] for name in asks[0]})


def heartbeat(db, *asks):
    return db.call("heartbeat_batch", **{
        name: [a[name] for a in asks]
        for name in ("license", "fingerprint", "ip")})


def active(db, license_id):
    return int(db.sql("SELECT count(*) FROM machines WHERE license_id = "
                      f"'{license_id}' AND deactivated_at IS NULL")[0][0])
