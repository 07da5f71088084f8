"""What tests of the catalogue's pages share."""

CATALOG = [{"slug": "export", "name": "Export", "description": "As PDF"},
           {"slug": "batch", "name": "Batch", "description": ""}]


def photo_studio(api):
    return api.product(name="Photo Studio", price_currency="EUR",
                       price_value=4900, entitlements_catalog=CATALOG)


def same(before, after, *but):
    """Nothing has changed, but for these."""
    but = {*but, "updated_at"}
    assert {k: v for k, v in before.items() if k not in but} == \
        {k: v for k, v in after.items() if k not in but}


def policy_page(policy, action=""):
    return f"/admin/policies/{policy['id']}{action}"


def code_page(code, action=""):
    return f"/admin/codes/{code['id']}{action}"
