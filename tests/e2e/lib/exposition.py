# SPDX-License-Identifier: MIT
"""A strict reader of Prometheus' text format, version 0.0.4: what it takes, every scraper takes."""

import re

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r"[a-zA-Z_][a-zA-Z0-9_]*"
VALUE = r'"((?:[^"\\\n]|\\\\|\\"|\\n)*)"'
NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|Inf)|NaN")
TYPES = ("counter", "gauge", "histogram", "summary", "untyped")


def _unescape(value):
    return re.sub(r"\\(.)", lambda m: {"n": "\n"}.get(m[1], m[1]), value)


def _labels(text):
    """The pairs of 'a="b",c="d"'."""
    pairs, at = {}, 0
    while at < len(text):
        match = re.compile(rf"({LABEL})={VALUE}(,|$)").match(text, at)
        assert match, f"malformed labels: {text!r}"
        assert match[1] not in pairs, f"label {match[1]} stands twice: {text!r}"
        pairs[match[1]] = _unescape(match[2])
        at = match.end()
        assert not (match[3] == "," and at == len(text)), f"a comma at the end: {text!r}"
    return pairs


class Family:
    def __init__(self, name, help_text):
        self.name, self.help, self.type = name, help_text, None
        self.samples = {}  # frozenset of label pairs -> value

    def value(self, **labels):
        return self.samples[frozenset(labels.items())]


def parse(text):
    """{name: Family}. Every family has HELP, then TYPE, then its samples together; no sample twice;
    counters end in _total and are not negative."""
    assert text.endswith("\n") and "\r" not in text
    families, current = {}, None
    for line in text[:-1].split("\n"):
        if line.startswith("# HELP "):
            _, _, name, help_text = line.split(" ", 3)
            assert re.fullmatch(NAME, name) and help_text and name not in families, line
            current = families[name] = Family(name, help_text)
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert current and name == current.name and kind in TYPES, line
            assert current.type is None and not current.samples, line
            current.type = kind
        else:
            match = re.fullmatch(rf"({NAME})(?:\{{(.*)\}})? (\S+)", line)
            assert match, f"malformed line: {line!r}"
            assert current and current.type and match[1] == current.name, f"out of place: {line!r}"
            assert NUMBER.fullmatch(match[3]), f"malformed number: {line!r}"
            key = frozenset(_labels(match[2] or "").items())
            assert key not in current.samples, f"twice: {line!r}"
            current.samples[key] = float(match[3])
    for family in families.values():
        assert (family.type == "counter") == family.name.endswith("_total"), family.name
        assert family.type != "counter" or all(v >= 0 for v in family.samples.values())
    return families
