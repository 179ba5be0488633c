"""The measured parts of documents, which stand between `<!-- NAME: ... -->` and `<!-- end of NAME -->`."""

import re
from collections.abc import Iterable
from pathlib import Path


def write_block(document: Path, name: str, lines: Iterable[str]) -> None:
    """Write a part of a document anew.

    Raises:
        ValueError: If the document has no such part.
    """
    text = document.read_text(encoding="utf-8")
    block = re.compile(rf"(?<=<!-- {name}: )([^\n]*-->\n).*?(?=<!-- end of {name} -->)", re.DOTALL)
    if not block.search(text):
        raise ValueError(f"{document} has no part named {name}.")
    content = "".join(f"{line}\n" for line in lines)
    document.write_text(block.sub(lambda match: match[1] + content, text), encoding="utf-8")
