"""What the pages have in common: templates, and a policy that admits their style and script."""

import base64
import hashlib
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from bestseller.report import words

TEMPLATES = files("bestseller.report") / "templates"


def fill(template: str, style: str, script: str, **values: Any) -> str:
    """Fill a template and return a page: one file, no request, no inline handler, no timestamp.

    Everything that comes from the catalogue is escaped. The policy allows the page's own style and
    script by their hashes, pictures as data, and nothing else.
    """
    environment = Environment(
        loader=PackageLoader("bestseller.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "number": words.number,
        "percent": words.percent,
        "times": words.times,
        "model": words.model_label,
        "count": words.count,
    }
    return environment.get_template(template).render(
        policy=policy(style, script),
        # Both come from this package, and the style's thumbnails from its own encoder.
        style=Markup(style),
        script=Markup(script),
        **values,
    )


def policy(style: str, script: str) -> str:
    """Return the content security policy that admits exactly this style and this script."""
    allowed = f"'{_digest(script)}'" if script else "'none'"
    return (
        "default-src 'none'; img-src data:; "
        f"style-src '{_digest(style)}'; script-src {allowed}; "
        "base-uri 'none'; form-action 'none'"
    )


def asset(*names: str) -> str:
    """Return files of the templates' folder, one after the other."""
    return "".join((TEMPLATES / name).read_text(encoding="utf-8") for name in names)


def scripts(names: Sequence[str]) -> str:
    """Return scripts as one, in a scope of its own."""
    return f'"use strict";\n(() => {{\n{asset(*names)}}})();\n'


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
