"""The code blocks of the project's documents, and what may be said about them."""

import re
from dataclasses import dataclass
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted(
    [
        *(REPO / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "model_card.md")),
        *(REPO / name for name in ("examples/README.md", "checkpoint/LICENSE.md", "ser/demo/about.md")),
        *(REPO / "docs").rglob("*.md"),
    ]
)
FENCE = re.compile(
    r"(?:^<!-- not run: (?P<reason>[^\n]+) -->\n+)?"
    r"^(?P<indent> *)```(?P<language>\w*)\n(?P<text>.*?)^(?P=indent)```$",
    re.DOTALL | re.MULTILINE,
)
PROSE_ONLY = re.compile(r"^```.*?^```|`[^`\n]*`", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A block of code in a document.

    Attributes:
        document: Where it stands.
        line: Line of its first line.
        language: What its fence says.
        text: What is in it.
        reason: Why it is not run, where a comment such as `<!-- not run: needs a GPU -->` says so.
    """

    document: Path
    line: int
    language: str
    text: str
    reason: str | None

    def __str__(self) -> str:
        return f"{self.document.relative_to(REPO)}:{self.line}"


def code_blocks(document: Path) -> list[Block]:
    """All blocks of a document, in order."""
    content = document.read_text(encoding="utf-8")
    return [
        Block(
            document,
            content.count("\n", 0, match.start("text")) + 1,
            match["language"],
            match["text"],
            match["reason"],
        )
        for match in FENCE.finditer(content)
    ]


def links(document: Path) -> list[str]:
    """Targets of a document's links and pictures."""
    prose = PROSE_ONLY.sub("", document.read_text(encoding="utf-8"))
    return re.findall(r"\]\(([^)\s]+)\)", prose) + re.findall(r"(?:src|href)=\"([^\"]+)\"", prose)


def anchors(document: Path) -> set[str]:
    """What `#...` may lead to in a document: its headings as GitHub spells them."""
    headings = re.findall(r"^#+ (.+)$", document.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
