"""What ``mkdocs build`` needs beside the pages: a reference of all public names, from their
docstrings, and links into the repository where a page points at its files."""

from __future__ import annotations

import importlib
import posixpath
import re
from typing import Any, Final

from mkdocs.structure.files import File

REPOSITORY: Final = "https://github.com/onehttp/onehttp"
REFERENCE: Final = {
    "onehttp": ("onehttp.public", "onehttp"),
    "lowlevel": ("onehttp.lowlevel", "onehttp.lowlevel"),
    "testing": ("onehttp.testing", "onehttp.testing"),
    "xcap": ("onehttp.xcap", "onehttp.xcap"),
    "identity": ("onehttp.identity", "onehttp.identity"),
    "kamailio": ("onehttp_compat.kamailio", "onehttp_compat.kamailio"),
}
"""Pages, the module whose names each has, and what users import."""
_link = re.compile(r"(\]\()([^)#\s]+)((?:#[^)]*)?\))")


def on_files(files: Any, config: Any) -> Any:
    """Add the pages of the reference."""
    for page, (module, shown) in REFERENCE.items():
        made = File.generated(config, f"reference/{page}.md", content=reference(module, shown))
        files.append(made)
    return files


def reference(module: str, shown: str) -> str:
    """A page with every public name of a module, and nothing else of it."""
    loaded = importlib.import_module(module)
    doc = (importlib.import_module(shown).__doc__ or "").strip()
    names = [name for name in sorted(loaded.__all__, key=str.lower) if not name.startswith("_")]
    parts = [f"# {shown}", doc, *(f"::: {_place(loaded, name)}" for name in names)]
    return "\n\n".join(parts) + "\n"


def _place(loaded: Any, name: str) -> str:
    """Where an object is defined: there its docstring is read."""
    found = getattr(loaded, name)
    home = getattr(found, "__module__", None)
    is_named = getattr(found, "__name__", name) == name
    return (
        f"{home}.{name}" if home and is_named and home != "typing" else f"{loaded.__name__}.{name}"
    )


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """Links to files outside of the documentation lead into the repository."""
    here = posixpath.dirname(page.file.src_uri)

    def led(match: re.Match[str]) -> str:
        target = match[2]
        path = posixpath.normpath(posixpath.join("docs", here, target))
        if "://" in target or path.startswith("docs/") or path == "docs":
            return match[0]
        return f"{match[1]}{REPOSITORY}/blob/main/{path}{match[3]}"

    return _link.sub(led, markdown)
