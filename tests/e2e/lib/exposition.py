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


class Histogram:
    """One row of a histogram: [(upper bound, count of all that are not above it)], sum, count."""

    def __init__(self):
        self.buckets, self.sum, self.count = [], None, None

    def add(self, suffix, bound, value):
        assert (suffix == "_bucket") == (bound is not None), "only a bucket has a bound"
        if suffix == "_bucket":
            assert self.sum is None and self.count is None, "a bucket behind sum and count"
            self.buckets.append((float(bound), value))
        elif suffix == "_sum":
            assert self.sum is None
            self.sum = value
        else:
            assert self.count is None
            self.count = value

    def check(self):
        bounds, counts = zip(*self.buckets)
        assert bounds[-1] == float("inf") and list(bounds) == sorted(set(bounds)), bounds
        assert counts[0] >= 0 and list(counts) == sorted(counts), counts
        assert all(c == int(c) for c in counts)
        assert self.count == counts[-1] and self.sum is not None and self.sum >= 0


class Family:
    def __init__(self, name, help_text):
        self.name, self.help, self.type = name, help_text, None
        self.samples = {}  # frozenset of label pairs -> value, or Histogram

    def value(self, **labels):
        return self.samples[frozenset(labels.items())]

    def total(self, **labels):
        """The sum of all samples that have these labels."""
        return sum(v for pairs, v in self.samples.items() if set(labels.items()) <= pairs)

    def add(self, name, labels, value):
        if self.type == "histogram":
            suffix = name.removeprefix(self.name)
            assert suffix in ("_bucket", "_sum", "_count"), name
            bound = labels.pop("le", None)
            key = frozenset(labels.items())
            assert key not in self.samples or key == list(self.samples)[-1], f"a row is split: {name}"
            self.samples.setdefault(key, Histogram()).add(suffix, bound, value)
            return
        key = frozenset(labels.items())
        assert name == self.name and key not in self.samples, f"out of place or twice: {name}"
        self.samples[key] = value

    def check(self):
        assert (self.type == "counter") == self.name.endswith("_total"), self.name
        if self.type == "counter":
            assert all(v >= 0 for v in self.samples.values()), self.name
        if self.type == "histogram":
            for row in self.samples.values():
                row.check()


def parse(text):
    """{name: Family}. Every family has HELP, then TYPE, then its samples together; no sample twice;
    counters end in _total and are not negative; histograms have their buckets in order, then sum and
    count, and the last bucket is without bound and has them all."""
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
            assert current and current.type, f"out of place: {line!r}"
            assert NUMBER.fullmatch(match[3]), f"malformed number: {line!r}"
            current.add(match[1], _labels(match[2] or ""), float(match[3]))
    for family in families.values():
        family.check()
    return families
