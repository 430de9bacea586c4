"""What came of one probe."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

_OUR_MISTAKES: Final = ("AttributeError", "ImportError", "KeyError", "ModuleNotFoundError")


@dataclass(frozen=True)
class Outcome:
    """Of a probe that ended; or was ended, with nothing said."""

    said: Any = None
    kind: str = ""
    """The class of what was raised, if anything was."""
    error: str = ""
    seconds: float = 0.0
    has_ended: bool = True

    @property
    def raised(self) -> str:
        """What was raised, as a sentence."""
        if not self.has_ended:
            return f"still waiting after {self.seconds:.0f} s"
        text = self.error.replace("|", "/")
        while (less := re.sub(r"<[^<>]*>", "...", text)) != text:  # reprs, which name our folders
            text = less
        short = text if len(text) <= 120 else f"{text[:117]}..."
        return f"`{self.kind}`: {short}" if short else f"`{self.kind}`"

    @property
    def instead(self) -> str:
        """What came of it, as a sentence."""
        if self.kind or not self.has_ended:
            return self.raised
        return self.said if isinstance(self.said, str) else f"came to `{self.said!r}`"

    @property
    def is_our_mistake(self) -> bool:
        """The probe asked for what is not there: it is to be mended, and says nothing."""
        return self.kind in (*_OUR_MISTAKES, "NameError", "TypeError", "NotImplementedError")
