"""An empty installation into which something is imported."""
import json

from lib.client import Api
from lib.instance import Instance, Vault
from lib.replica import run_ctl

TABLES = ("products", "policies", "invoices", "licenses", "machines",
          "subscriptions", "subscription_invoices", "tier_changes",
          "discount_codes", "discount_redemptions", "tip_attempts",
          "merchant_profiles", "payment_providers", "webhook_endpoints",
          "settings", "events", "validation_log", "signing_keys")


class Target:
    """An empty installation of ours with a key ring of its own."""

    def __init__(self, cluster, tmp, **settings):
        self.tmp = tmp
        self.vault = Vault().create_ring(import_seed=None)
        self.server = Instance(cluster, self.vault, start=False, **settings)

    def take(self, path, *options, status=0):
        done = run_ctl(self.server.settings, "import", "keysat", str(path),
                       *options, check=False)
        assert done.returncode == status, done.stderr
        assert "Sanitizer" not in done.stderr, done.stderr
        return done.stderr

    def report(self, path, *options):
        name = self.tmp / "report.json"
        self.take(path, "--report", str(name), *options)
        return json.loads(name.read_text())

    def counts(self):
        return {t: self.server.value(f"SELECT count(*) FROM {t}")
                for t in TABLES}

    def start(self):
        self.server.start()
        return Api(self.server.url, self.server.admin_key, self.server.db)
