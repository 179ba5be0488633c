"""What the documents show works: every code block is run or checked, every link within leads somewhere.

A block that cannot be run says why in a comment above it: `<!-- not run: REASON -->`. Python is run in a
folder that looks like the repository with RAVDESS and EmoDB in `data/`; commands are given to the programs
that they name, which parse them and stop; JSON and YAML are parsed.
"""

import json
import re
from pathlib import Path

import pytest
import yaml
from documented_commands import check_command
from documents import DOCUMENTS, REPO, Block, anchors, code_blocks, links

SHELL = ("sh", "shell", "bash")
DRAWINGS = ("", "text", "mermaid")
CITATION = "bibtex"
BLOCKS = [block for document in DOCUMENTS for block in code_blocks(document)]
PYTHON_DOCUMENTS = sorted(
    {block.document for block in BLOCKS if block.language == "python" and block.reason is None}
    - {REPO / "model_card.md"}  # tests/hub/test_card.py runs what is in it
)
SERVER_NEEDED = "gradio_client"  # examples of the API have their own test, beside a running demo
SHORT_REASON = 10


def blocks_of(*languages: str) -> list[Block]:
    return [block for block in BLOCKS if block.language in languages and block.reason is None]


def test_every_block_is_of_a_kind_that_a_test_looks_at():
    looked_at = {*SHELL, *DRAWINGS, CITATION, "python", "json", "yaml"}
    assert [f"{block} {block.language}" for block in BLOCKS if block.language not in looked_at] == []


def test_what_is_not_run_says_why():
    reasons = {str(block): block.reason for block in BLOCKS if block.reason is not None}
    assert [block for block, reason in reasons.items() if len(reason) < SHORT_REASON] == []
    marks = sum(document.read_text().count("<!-- not run: ") for document in DOCUMENTS)
    assert marks == len(reasons)  # a mark that belongs to no block would be a mistake


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory, ravdess_dir: Path, emodb_dir: Path) -> Path:
    """A folder like the repository, with both corpora, in which documented code may write."""
    folder = tmp_path_factory.mktemp("workshop")
    for entry in REPO.iterdir():
        if entry.name not in ("data", "output") and not entry.name.startswith("."):
            (folder / entry.name).symlink_to(entry)
    (folder / "data").mkdir()
    (folder / "data" / "ravdess").symlink_to(ravdess_dir)
    (folder / "data" / "emodb").symlink_to(emodb_dir)
    return folder


@pytest.mark.parametrize("document", PYTHON_DOCUMENTS, ids=lambda path: path.name)
def test_python_runs(document: Path, workshop: Path, monkeypatch: pytest.MonkeyPatch):
    """The blocks of one document after each other, as somebody who reads it would try them."""
    blocks = [block for block in code_blocks(document) if block.language == "python" and block.reason is None]
    monkeypatch.chdir(workshop)
    names: dict[str, object] = {}
    for block in blocks:
        if SERVER_NEEDED not in block.text:
            exec(compile(block.text, str(block), "exec"), names)
    assert names.keys() > {"__builtins__"}


@pytest.mark.parametrize("block", blocks_of(*SHELL), ids=str)
def test_commands_are_understood_by_their_programs(block: Block, monkeypatch: pytest.MonkeyPatch):
    lines = block.text.replace("\\\n", " ").splitlines()
    assert any(line.strip() for line in lines)
    for line in lines:
        check_command(line, monkeypatch)


def test_data_is_well_formed():
    for block in blocks_of("json", "yaml"):
        assert (json.loads if block.language == "json" else yaml.safe_load)(block.text), str(block)


@pytest.mark.parametrize(
    ("command", "error", "message"),
    [
        ("make tset", AssertionError, "make tset: the Makefile knows"),
        ("make train DTAA=x", AssertionError, "make DTAA=x: the Makefile knows"),
        ("python train.py --epochz 3", pytest.fail.Exception, "--epochz"),
        ("frobnicate", pytest.fail.Exception, "Nothing knows how to check `frobnicate`"),
    ],
)
def test_a_command_with_a_mistake_is_found(
    command: str, error: type[BaseException], message: str, monkeypatch: pytest.MonkeyPatch
):
    with pytest.raises(error, match=message):
        check_command(command, monkeypatch)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(REPO).as_posix())
def test_links_within_the_repository_lead_somewhere(document: Path):
    broken = []
    for link in links(document):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (document.parent / name) if name else document
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


def test_every_document_is_in_the_index_of_the_readme():
    targets = {(REPO / link.partition("#")[0]).resolve() for link in links(REPO / "README.md")}
    assert [str(document) for document in (REPO / "docs").glob("*.md") if document not in targets] == []
