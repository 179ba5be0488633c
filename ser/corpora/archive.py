"""Unpacking a corpus out of a zip that may be cut, wrong or malicious."""

from __future__ import annotations

import re
import shutil
import stat
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from filelock import FileLock
from tqdm import tqdm

from ser.corpora.folders import shortened

MAX_NUM_MEMBERS = 50_000  # the largest corpus read here has 7442 clips


def unpack_clips(
    archive: Path,
    folder: Path,
    *,
    name_pattern: str,
    num_clips: int | None,
    max_total_bytes: int,
) -> Path:
    """Unpack the clips of a zip into a new folder, which appears complete or not at all.

    Nothing is written for an archive that breaks a rule. Members other than clips stay packed. A second call,
    or a second process that waited for the first, finds the folder and does nothing.

    Args:
        archive: The zip.
        folder: The folder to make; nothing is done if it exists.
        name_pattern: Regular expression for the whole path of a clip in the archive; its group `path` is the
            path in `folder`.
        num_clips: Required number of clips; `None` for at least one.
        max_total_bytes: Largest total size of the unpacked clips.

    Returns:
        `folder`.

    Raises:
        ValueError: Not a zip, damaged, encrypted, a path that leads outside, a link, two different
            clips of one name, too few or too many clips, or too many bytes.
        OSError: The disk is full or the place cannot be written to.
    """
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = folder.with_name(f".{folder.name}.partial")
    with FileLock(folder.with_name(f".{folder.name}.lock")):
        if folder.is_dir():
            return folder
        if partial.exists():  # left by a process that was killed
            shutil.rmtree(partial)
        try:
            with zipfile.ZipFile(archive) as file:
                clips = _checked_clips(file, archive, name_pattern, num_clips, max_total_bytes)
                progress = tqdm(clips.items(), desc=f"Unpacking {archive.name}", unit="clip", disable=None)
                for path, member in progress:
                    _unpack_clip(file, member, partial / path)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, UnicodeDecodeError) as error:
            raise ValueError(f"{archive} is not a whole zip archive ({error}). Fetch it again.") from error
        else:
            partial.rename(folder)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    return folder


def _checked_clips(
    file: zipfile.ZipFile, archive: Path, name_pattern: str, num_clips: int | None, max_total_bytes: int
) -> dict[str, zipfile.ZipInfo]:
    """Check every member, and return the clips by their path in the folder."""
    members = file.infolist()
    if len(members) > MAX_NUM_MEMBERS:
        raise ValueError(f"{archive} holds {len(members)} files, more than {MAX_NUM_MEMBERS}. Not unpacked.")
    for member in members:
        _check_harmless(member, archive)
    clips = _without_copies(members, archive, name_pattern)
    if len(clips) != (num_clips or max(len(clips), 1)):
        found = shortened([member.filename for member in members if not member.is_dir()]) or "nothing"
        raise ValueError(
            f"{archive} holds {len(clips)} clips, expected {num_clips or 'at least 1'}; found {found}. "
            "Not unpacked: fetch the published archive."
        )
    total_bytes = sum(member.file_size for member in clips.values())
    if total_bytes > max_total_bytes:
        raise ValueError(
            f"{archive} would unpack to {total_bytes:,} bytes, more than {max_total_bytes:,}. Not unpacked."
        )
    return clips


def _without_copies(
    members: list[zipfile.ZipInfo], archive: Path, name_pattern: str
) -> dict[str, zipfile.ZipInfo]:
    """Return the clips by path, one for each name: archives often hold the same clips in two folders."""
    clips: dict[str, zipfile.ZipInfo] = {}
    path_of_name: dict[str, str] = {}
    for member in members:
        match = re.fullmatch(name_pattern, member.filename)
        if not match:
            continue
        path = path_of_name.setdefault(match["path"].casefold(), match["path"])
        first = clips.setdefault(path, member)
        if (first.file_size, first.CRC) != (member.file_size, member.CRC):
            raise ValueError(
                f"{archive} holds two clips of the same name that differ, {first.filename!r} and "
                f"{member.filename!r}. Not unpacked."
            )
    return clips


def _check_harmless(member: zipfile.ZipInfo, archive: Path) -> None:
    if not member.filename or member.header_offset < 0:  # zipfile fails on these later
        raise zipfile.BadZipFile("its directory is damaged")
    path = PurePosixPath(member.filename)
    if path.is_absolute() or ".." in path.parts or re.search(r"[\\:\x00-\x1f]", member.filename):
        raise ValueError(f"{archive} holds {member.filename!r}, a path that leads outside. Not unpacked.")
    if stat.S_ISLNK(member.external_attr >> 16):
        raise ValueError(f"{archive} holds {member.filename!r}, which is a link. Not unpacked.")
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError(f"{archive} is packed in an unusual way ({member.filename!r}). Not unpacked.")
    if member.flag_bits & 0x1:
        raise ValueError(f"{archive} is encrypted ({member.filename!r}). Not unpacked.")


def _unpack_clip(file: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path) -> None:
    """Write one clip; zipfile reads no more than the stated bytes and checks their sum."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with file.open(member) as packed, target.open("xb") as unpacked:
        shutil.copyfileobj(packed, unpacked)
