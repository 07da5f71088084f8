"""Reads sql/*.sql as the build does: named statements, fragments, arguments.

A statement is prepared with generic plans and called by argument name, as the
workers do; what isn't given is NULL.
"""
import pathlib
import re

SQL = pathlib.Path(__file__).resolve().parents[2] / "sql"


def read():
    """name -> (text with $n, argument names, argument types)"""
    parts, fragments = {}, {}
    for path in sorted(SQL.glob("*.sql")):
        into = None
        for line in path.read_text().splitlines():
            head = re.match(r"-- (name|fragment): (\w+)", line)
            if head:
                into = parts if head[1] == "name" else fragments
                name = head[2]
                assert name not in into, f"{name} is there twice"
                into[name] = ""
            elif into is not None and not line.startswith("--"):
                into[name] += line + "\n"
    return {name: number(text, fragments) for name, text in parts.items()}


def number(text, fragments):
    while "{{" in text:
        text = re.sub(r"\{\{(\w+)\}\}",
                      lambda m: fragments[m[1]].strip().rstrip(";"), text)
    names, types = [], {}

    def place(match):
        if match[1] not in names:
            names.append(match[1])
        if match[2]:
            types.setdefault(match[1], match[2][2:])
        return f"${names.index(match[1]) + 1}{match[2] or ''}"

    text = re.sub(r"(?<![\w@])@(\w+)(::[a-z0-9]+(?:\[\])?)?", place, text)
    return (text.strip().rstrip(";"), names,
            [types.get(n, "text") for n in names])


STATEMENTS = read()
