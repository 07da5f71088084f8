"""Two years of monthly renewals, of people of all kinds, in seconds.

At every stop the server must be where a model of the contract is, and in the
end each row of subscriptions, their cycles, invoices, licenses and news must
be what the model says: none missing, none more.
"""
import itertools

import pytest

from money.model import DAY, HOUR, Tier
from money.years import Person, Years, pays_at_once

YEARS = 730 * DAY
PLAIN = Tier("saas", "plain", 50_000)
DEARER = Tier("saas", "plain", 70_000)
TRIAL = Tier("saas", "trial", 50_000, trial=14)
STALE = Tier("saas", "stale", 50_000)
REVIVED = Tier("saas", "revived", 50_000, grace=10)
PATIENT = Tier("saas", "patient", 40_000, grace=40)
LOW = Tier("saas", "low", 3_000, entitlements=("low",))
HIGH = Tier("saas", "high", 9_000, entitlements=("low", "high"),
            max_machines=5, grace=10)
EURO = Tier("saas-eu", "euro", 900, currency="EUR", own_grace=3600)

def habit(cycles, usual=pays_at_once):
    """The usual, but for some cycles."""
    return lambda n: cycles.get(n, usual(n))


def late(n):
    return [(5 * DAY, "pay")]


def never(n):
    return []


def is_unheard(n):
    return [(0 * DAY, "pay_unheard" if n % 4 == 0 else "pay")]


def cast():
    """Who comes at once, and who half a day later."""
    climber = Person(LOW, "climber", habit({
        5: [(-15 * DAY - 12 * HOUR, "upgrade"), (0 * DAY, "pay")]}))
    descender = Person(HIGH, "descender", habit({
        6: [(-10 * DAY, "downgrade"), (0 * DAY, "pay")]}))
    climber.other, descender.other = HIGH, LOW
    return [
        climber, descender,
        Person(PLAIN, "punctual"),
        Person(TRIAL, "trialist"),
        Person(TRIAL, "tourist", never),
        Person(PLAIN, "tardy", late),
        Person(PLAIN, "forgetful", lambda n: pays_at_once(n) if n < 5
               else []),
        Person(PLAIN, "returning", habit({8: [(20 * DAY, "pay_late")]})),
        Person(PLAIN, "unheard", is_unheard),
        Person(STALE, "stale", habit({9: [(-9 * DAY, "archive")]})),
        Person(REVIVED, "revived", habit({
            9: [(-9 * DAY, "archive"), (2 * DAY + 12 * HOUR, "take_out"),
                (3 * DAY, "pay")]})),
        Person(PLAIN, "quitter", habit({6: [(-10 * DAY, "cancel")]})),
        Person(PLAIN, "regretful", habit({
            6: [(2 * DAY, "cancel"), (4 * DAY, "pay")]})),
        Person(EURO, "european"),
    ], [
        Person(PATIENT, "patient", habit({3: [(35 * DAY, "pay")]})),
        Person(PATIENT, "generous", habit({
            3: [(34 * DAY, "pay_late"), (34 * DAY + 6 * HOUR, "pay_old")]})),
    ]


@pytest.fixture
def years(own_instance, btcpay, rates):
    server = own_instance(movable=True, name="years", LICET_WORKERS=1,
                          LICET_RENEWAL_SECONDS=3600,
                          LICET_RECONCILE_SECONDS=60,
                          **btcpay.settings(), **rates.settings())
    years = Years(server, btcpay, rates, (
        ("provider", 179 * DAY, 180 * DAY + 3 * HOUR),
        ("rates", 329 * DAY, 330 * DAY + 2 * HOUR)))
    yield years
    server.check_workers()


@pytest.mark.slow
def test_two_years(years):
    """4.8, D1, D4 to D7, D17, D34, over 24 cycles of everybody."""
    products = [years.shop.product(slug="saas", price_sats=50_000),
                years.shop.product(slug="saas-eu", price_currency="EUR",
                                   price_value=900)]
    for tier in (PLAIN, TRIAL, STALE, REVIVED, PATIENT, LOW, HIGH, EURO):
        years.sells(products[tier.product == "saas-eu"], tier)
    years.set_world(years.begin)
    early, later = cast()
    years.join(early)
    years.move_to(years.begin + 12 * HOUR)
    years.join(later)
    years.live(285 * DAY)
    # Who has subscribed has a price; who comes later pays the new one.
    years.shop.do("PATCH", f"/products/{products[0]['id']}",
                  {"price_sats": 70_000})
    years.live(366 * DAY + 12 * HOUR)
    years.move_to(years.begin + 366 * DAY + 12 * HOUR)
    years.join([Person(DEARER, "newcomer")])
    years.live(YEARS)
    for person in years.people:
        compare(years, person)
    assert_nothing_else(years)


def assert_nothing_else(years):
    bills = [b for p in years.people for b in p.bills]
    for rows, count in (
            ("licenses", len(years.people)),
            ("subscriptions", len(years.people)),
            ("invoices", len(bills)),
            ("subscription_invoices", sum(b.cycle > 0 for b in bills)),
            ("outbox WHERE event_type <> 'product.created'",
             sum(len(p.news) for p in years.people))):
        assert years.server.value(f"SELECT count(*) FROM {rows}") == count, \
            rows


def compare(years, person):
    """Every row of one person's, with names for ids."""
    rows = years.rows(person)
    expected = {
        "licenses": [person.license_row()],
        "subscriptions": [person.subscription_row()],
        "subscription_invoices": person.cycle_rows(),
        "invoices": person.invoice_rows(),
        "outbox": [{"event_type": e, **data} for e, data in person.news],
        "events": [{"action": action} for action in person.told],
        "billed": [{"invoice": b.name, "times": 1} for b in person.bills
                   if not b.is_trial]}
    assert set(rows) == set(expected)
    trouble = [f"{person.name}: {table} {n}: {difference(model, server)}"
               for table in rows for n, (model, server) in enumerate(
                   itertools.zip_longest(expected[table], rows[table]))
               if model != server]
    assert not trouble, "\n".join(trouble)


def difference(model, server):
    if model is None or server is None:
        return f"model {model}, server {server}"
    return ", ".join(
        f"{key}: model {model.get(key)}, server {server.get(key)}"
        for key in {**model, **server} if key not in model or
        key not in server or model[key] != server[key])
