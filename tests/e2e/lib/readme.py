# SPDX-License-Identifier: MIT
"""What a README tells its reader to do."""

import re

from .gateway import ROOT

EXAMPLES = ROOT / "examples"


def commands(path, language="sh"):
    """The code blocks in LANGUAGE of the README at PATH, in their order."""
    blocks = re.findall(rf"^```{language}\n(.*?)^```$", path.read_text(), re.MULTILINE | re.DOTALL)
    assert blocks, f"{path} has no code block in {language}"
    return blocks
