"""A hundred thousand requests leave the workers as big as before."""
import re
import shutil
import subprocess

import pytest

from lib.client import Api
from lib.process import resident_kb
from lib.replica import binary, is_sanitized

WARM = 20_000       # by then every buffer has been as large as it gets
REQUESTS = 100_000
GROWTH_KB = 1024

SCRIPT = """
local n = 0
local keys = { %s }
local products = { "demo", "other" }
request = function()
    n = n + 1
    local ip = string.format("10.77.%%d.%%d", math.floor(n / 250) %% 250,
        n %% 250)
    local h = { ["X-Forwarded-For"] = ip, ["Content-Type"] =
        "application/json" }
    local what = n %% 10
    if what == 7 then
        return wrk.format("GET", "/v1/products/none" .. n, h)
    elseif what == 8 then
        return wrk.format("POST", "/v1/purchase", h, '{"product":"none"}')
    elseif what == 9 then
        return wrk.format("POST", "/v1/validate", h, '{"key":')
    end
    return wrk.format("POST", "/v1/validate", h, string.format(
        '{"key":"%%s","fingerprint":"m%%d"}', keys[n %% #keys + 1], n %% 9))
end
"""


def run(url, script, seconds):
    """Requests that wrk made in so many seconds."""
    done = subprocess.run(["wrk", "-t1", "-c32", f"-d{seconds}s", "-s",
                           str(script), url],
                          capture_output=True, text=True, check=True)
    return int(re.search(r"(\d+) requests in", done.stdout).group(1))


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.skipif(shutil.which("wrk") is None, reason="wrk is missing")
def test_workers_do_not_grow(own_instance, tmp_path):
    if is_sanitized(binary()):
        pytest.skip("sanitizers keep freed memory")
    instance = own_instance()
    api = Api(instance.url, instance.admin_key)
    made = [api.issue(max_machines=0)["license_key"] for _ in range(20)]
    script = tmp_path / "load.lua"
    script.write_text(SCRIPT % ",".join(f'"{k}"' for k in made))
    warm = total = 0
    while warm < WARM:
        warm += run(instance.url, script, 2)
    workers = sorted(instance.replicas[0].workers)
    before = [resident_kb(w) for w in workers]
    while total < REQUESTS:
        total += run(instance.url, script, 4)
    after = [resident_kb(w) for w in workers]
    growth = [b - a for a, b in zip(before, after)]
    assert max(growth) < GROWTH_KB, (before, after, total)
