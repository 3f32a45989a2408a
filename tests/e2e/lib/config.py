# SPDX-License-Identifier: MIT
"""Configuration text in libconfig's syntax from Python values."""


class Raw(str):
    """Put into the text as it stands."""


def quote(text):
    out = []
    for byte in text.encode():
        char = chr(byte)
        if char in '"\\':
            out.append("\\" + char)
        elif 0x20 <= byte < 0x7f:
            out.append(char)
        else:
            out.append(f"\\x{byte:02x}")
    return '"' + "".join(out) + '"'


def value(v):
    """dict: group; list or tuple: list; str, bool, int, float as such; Raw as it stands."""
    if isinstance(v, Raw):
        return str(v)
    if isinstance(v, dict):
        return "{ " + " ".join(f"{k} = {value(x)};" for k, x in v.items()) + " }"
    if isinstance(v, (list, tuple)):
        return "( " + ", ".join(value(x) for x in v) + " )"
    if isinstance(v, bool):
        return "true" if v else "false"
    if isinstance(v, int):
        return str(v) if -2**31 <= v < 2**31 else f"{v}L"
    if isinstance(v, float):
        return repr(v)
    return quote(v)


def text(settings):
    """One setting per line, one list item per line at the top level."""
    lines = []
    for key, v in settings.items():
        if isinstance(v, (list, tuple)) and v and isinstance(v[0], dict):
            items = ",\n  ".join(value(x) for x in v)
            lines.append(f"{key} = (\n  {items}\n);")
        else:
            lines.append(f"{key} = {value(v)};")
    return "\n".join(lines) + "\n"


def key_auth(primary, secondary=None, **more):
    """The auth group of type key; secrets inline (or groups such as {"file": …})."""
    auth = {"type": "key", "primary": primary}
    if secondary is not None:
        auth["secondary"] = secondary
    return {**auth, **more}


def inline_secrets(v, key=None):
    """Every secret that the settings hold as a plain string."""
    if isinstance(v, dict):
        return [s for k, x in v.items() for s in inline_secrets(x, k)]
    if isinstance(v, (list, tuple)):
        return [s for x in v for s in inline_secrets(x)]
    return [v] if key in ("primary", "secondary", "secret") and isinstance(v, str) else []
