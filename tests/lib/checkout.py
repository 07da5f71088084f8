"""A checkout as its buyer has it: the page without scripts, the state that the
script asks for, and the QR code as a camera reads it."""
import re
import subprocess
import urllib.parse

from lib.desk import Page
from lib.process import wait_for

STRETCH = re.compile(r"M(\d+) (\d+)h(\d+)v1h-\d+z")


def path_of(bought, more=""):
    return f"/checkout/{bought['invoice_id']}{more}"


def look(api, bought, by=None):
    """The page; 200 it must be."""
    r = api.public("GET", path_of(bought, f"?by={by}" if by else ""))
    assert r.status_code == 200, (r.status_code, r.headers, r.text[:300])
    page = Page(r.text)
    page.html = r.text
    return page


def heading(page):
    return page.headings[-1]


def state(api, bought):
    return api.get(path_of(bought, "/state"))


def reaches(api, bought, word, seconds=60):
    """Polls, as the page does, until it says so."""
    wait_for(lambda: state(api, bought)["state"] == word, seconds,
             f"the checkout is {word}", pause=0.1)
    return state(api, bought)


def acts(api, bought, *words):
    """What happens at the sandbox."""
    for word in words:
        r = api.public("POST", f"{bought['checkout_url']}/{word}")
        assert r.status_code == 200, (word, r.text)


def uri(page):
    """Where `Open in a wallet' leads."""
    return next(link for link in page.links
                if link.startswith(("bitcoin:", "lightning:")))


def parts(text):
    """A BIP 321 URI: (address, {key: value}), keys in lower case."""
    scheme, _, rest = text.partition(":")
    assert scheme.lower() in ("bitcoin", "lightning"), text
    address, _, query = rest.partition("?")
    return address, {k.lower(): v
                     for k, v in urllib.parse.parse_qsl(query)}


def scan(html, tmp_path):
    """The text of the page's QR code, drawn pixel by pixel and read by
    zbarimg."""
    size = int(re.search(r'viewBox="0 0 (\d+) \1"', html)[1])
    path = re.search(r'<path d="([^"]+)"', html)[1]
    assert STRETCH.sub("", path) == ""
    dark = {(int(x) + i, int(y)) for x, y, n in STRETCH.findall(path)
            for i in range(int(n))}
    # A quiet zone of four modules all around.
    assert min(min(x, y) for x, y in dark) == 4
    assert max(max(x, y) for x, y in dark) == size - 5
    rows = [bytes(0 if (x, y) in dark else 255 for x in range(size)
                  for _ in range(4)) for y in range(size) for _ in range(4)]
    image = tmp_path / "qr.pgm"
    image.write_bytes(f"P5 {size * 4} {size * 4} 255\n".encode() +
                      b"".join(rows))
    return subprocess.run(
        ["zbarimg", "--quiet", "--raw", "-Sdisable", "-Sqrcode.enable",
         str(image)], check=True, capture_output=True,
        timeout=60).stdout.decode().strip()
