# SPDX-License-Identifier: MIT
"""Lists: what is asked for by name, tags and kind, in order, page by page."""

import base64
import urllib.parse


def has_all(pairs, wanted):
    """Whether the dict PAIRS has every "k" or "k=v" of the comma separated WANTED."""
    for one in filter(None, (wanted or "").split(",")):
        name, equals, value = one.partition("=")
        if name not in pairs or equals and str(pairs[name]) != value:
            return False
    return True


def ordered(items, order, created="created"):
    """By CreatedAt or UpdatedAt, Asc or Desc; the newest first unless told otherwise."""
    descending = not (order or "UpdatedAtDesc").lower().endswith("asc")
    return sorted(items, key=lambda i: getattr(i, created), reverse=descending)


def page(call, items, size, skip_name):
    """(the items of the page that CALL asks for, the absolute URI of the next or None)."""
    try:
        start = int(base64.urlsafe_b64decode(call.query[skip_name])) \
            if call.query.get(skip_name) else 0
        size = int(call.query.get("count") or size)
    except ValueError:
        return None, None
    if start < 0 or size < 1:
        return None, None
    following = None
    if start + size < len(items):
        token = base64.urlsafe_b64encode(str(start + size).encode()).decode()
        query = urllib.parse.urlencode({**call.query, skip_name: token})
        following = f"{call.base}{call.path}?{query}"
    return items[start:start + size], following
