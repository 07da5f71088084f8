"""Judges a page that is open in a browser: axe-core, and what axe doesn't look
at: nothing is cut off, nothing is too small to hit."""
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa",
         "best-practice"]
SERIOUS = ("serious", "critical")
LOOKS = [(1280, 900, False), (390, 844, True)]
RUN = """
const done = arguments[arguments.length - 1];
axe.run(document, { runOnly: arguments[0], resultTypes: ["violations"] })
    .then(r => done(r.violations.map(v => ({ id: v.id, impact: v.impact,
        help: v.help, nodes: v.nodes.slice(0, 3).map(n => n.html +
            " " + (n.any[0] || n.all[0] || n.none[0] || {}).message) }))),
        e => done(String(e)));
"""
WIDER = """
const wide = document.documentElement.clientWidth, out = [];
if (document.documentElement.scrollWidth <= wide)
	return out;
for (const e of document.querySelectorAll("body *"))
	if (e.getBoundingClientRect().right > wide + 1 &&
	    !e.closest(".scroll"))
		out.push(e.outerHTML.slice(0, 200));
return out.concat("the page");
"""
SMALL = """
return [...document.querySelectorAll(
    "a, button, input:not([type=hidden]), select, textarea, summary")]
    .filter(e => e.checkVisibility() && e.getClientRects().length === 1 &&
        !e.closest("td, dd, p, li, label"))
    .filter(e => { const r = e.getBoundingClientRect();
        return r.width < 24 || r.height < 24; })
    .map(e => e.outerHTML.slice(0, 120));
"""


def judge(browser, axe, path):
    """What is wrong with the page that is open, in a few words each."""
    browser.driver.execute_script(axe)
    found = browser.driver.execute_async_script(RUN, {
        "type": "tag", "values": RULES})
    assert isinstance(found, list), found
    wrong = [f"{path}: {v['impact']} {v['id']}: {v['help']}: {v['nodes']}"
             for v in found if v["impact"] in SERIOUS]
    wrong += [f"{path}: wider than the window: {e}"
              for e in browser.run(WIDER)]
    wrong += [f"{path}: smaller than 24 pixels: {e}"
              for e in browser.run(SMALL)]
    return wrong


def judge_all(browser, axe, paths, look):
    width, height, dark = look
    browser.look(width, height, dark)
    wrong = []
    for path in paths:
        browser.go(path)
        wrong += [f"{width} {'dark' if dark else 'light'}: {w}"
                  for w in judge(browser, axe, path)]
    return wrong
