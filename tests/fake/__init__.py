"""Stand-ins for outside services, faithful on the wire.

btcpay.py    FakeBtcpay: invoices and their life, clock, keys, webhooks,
             refunds, a Lightning node (its parts: btcpay_*.py)
zaprite.py   FakeZaprite: orders, contacts, saved cards
rates.py     Rates: Kraken, Coinbase, CoinGecko
lnurl.py     Lnurl: Lightning addresses, with true invoices (bolt11.py)
smtp.py      Smtp: a mail server (aiosmtpd), with faults of its own
faults.py    the switchboard of them all: spoil(), chaos(), calm(), reset()
hooks.py     how webhooks are sent, repeated, held back, tried again
wire.py      the HTTP server under them

Each has start(), stop(), reset(), settings() for an instance, requests and
asked() for what it was asked; tests take the fixtures btcpay, zaprite, rates
and lnurl.
"""
