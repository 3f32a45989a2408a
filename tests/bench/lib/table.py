# SPDX-License-Identifier: MIT
"""Samples to medians, ratios and a table. A ratio is the median of the ratios of each round, in
which the two were measured one right after the other: what disturbs the machine disturbs both."""

from statistics import median


def number(value):
    """Three digits that count; a dash for None."""
    if value is None:
        return "–"
    if abs(value) >= 99.95:
        return f"{value:.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def ratio(ours, theirs):
    """OURS and THEIRS: samples in the order of the rounds."""
    pairs = [a / b for a, b in zip(ours, theirs) if b > 0]
    return median(pairs) if pairs and len(ours) == len(theirs) else None


def summarise(groups, names, samples):
    """Rows as dicts. SAMPLES: {figure: {gateway: [value]}}."""
    rows = []
    for group in groups:
        for key, figure in group.figures.items():
            taken = samples.get(key, {})
            rows.append({
                "figure": key, "title": figure.title, "unit": figure.unit,
                "goal": figure.goal, "goal_is_times_nginx": figure.times_nginx,
                "median": {n: median(taken[n]) for n in names if taken.get(n)},
                "ratio": {n: ratio(taken[names[0]], taken[n]) for n in names[1:]
                          if figure.compared and taken.get(names[0]) and taken.get(n)},
                "samples": taken,
            })
    return rows


def goal(row):
    """The goal in words, and whether scoregate's figure is within it."""
    if row["goal"] is None:
        return ""
    words = f"≤ {row['goal']:g} " + ("× nginx" if row["goal_is_times_nginx"] else row["unit"])
    ours = (row["ratio"].get("nginx") if row["goal_is_times_nginx"]
            else row["median"].get("scoregate"))
    if ours is None or "scoregate" not in row["median"]:
        return words
    return f"{words}: {'yes' if ours <= row['goal'] else 'no'}"


def render(rows, names):
    ratios = names[1:] if names[0] == "scoregate" else []
    lines = [["", "", *names, *(f"/{n}" for n in ratios), "goal"]]
    for row in rows:
        lines.append([row["title"], row["unit"], *(number(row["median"].get(n)) for n in names),
                      *(number(row["ratio"].get(n)) for n in ratios), goal(row)])
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    last = len(widths) - 1
    return "\n".join(
        "  ".join(cell.ljust(w) if i in (0, 1, last) else cell.rjust(w)
                  for i, (cell, w) in enumerate(zip(line, widths))).rstrip()
        for line in lines)
