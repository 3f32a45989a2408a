# SPDX-License-Identifier: MIT
"""A fake of the parts of Azure that scoregate talks to: see README.md."""

from .control import Control, Process
from .fake import Azure
from .inference import Inference
from .message import Answer, Call

__all__ = ["Answer", "Azure", "Call", "Control", "Inference", "Process"]
