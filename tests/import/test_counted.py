"""The imported log is part of the dashboard's figures."""
from lib import keysat
from lib.process import wait_for


def test_the_imported_log_is_counted(target, tmp_path):
    """Also when a server counted up to now before it came."""
    shop = keysat.Shop()
    product = shop.product()
    lic = shop.license(product, shop.invoice(product),
                       issued_at="2025-12-01T03:04:05Z")
    for n in range(3):
        shop.add("validation_log", id=n + 1, license_id=lic["id"], result="ok",
                 occurred_at="2026-05-05 10:00:00")
    t = target(LICET_PAYMENTS="none")
    t.server.db.execute("UPDATE figure_marks SET upto = licet_now()")
    t.take(shop.write(tmp_path / "k.db"))
    t.start()
    wait_for(lambda: t.server.value(
        "SELECT n FROM figure_days WHERE day = '2026-05-05'"
        " AND figure = 'validation.ok'") == 3, 90, "the log is counted")
