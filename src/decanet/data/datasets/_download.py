"""Downloads: resumable, verified, atomic, announced with their size."""

import errno
import hashlib
import http.client
import shutil
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from decanet.core.errors import DataError, ResourceError, shortage
from decanet.core.progress import Report

CHUNK = 1 << 18


def download(url: str, target: Path, *, md5: str, size: int | None, report: Report, tries: int = 3) -> Path:
    """Download ``url`` to ``target``; the part of an earlier attempt in ``target.part`` is continued.

    Args:
        md5: the publisher's checksum; a file that differs is deleted.
        size: expected size in bytes, for the message and the check of the disk space.
        tries: number of attempts; each continues where the last one was interrupted.

    Raises:
        DataError: the server cannot be reached, ends the connection, or sends another file.
        ResourceError: not enough disk space.
    """
    part = target.with_name(target.name + ".part")
    part.parent.mkdir(parents=True, exist_ok=True)
    if size is not None:
        room_needed(part.parent, size - (part.stat().st_size if part.exists() else 0))
        report.note(f"downloading {target.name}, {size / 1e6:.0f} MB")
    for attempt in range(1, tries + 1):
        try:
            _continue(url, part, report)
            break
        except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
            if isinstance(error, OSError) and error.errno == errno.ENOSPC:
                raise ResourceError(
                    f"no space left on the disk for {part}; free some and try again: it will be continued"
                ) from None
            reason = getattr(error, "reason", None) or error
            permanent = isinstance(error, urllib.error.HTTPError) and error.code in {401, 403, 404, 410}
            if permanent or attempt == tries or _no_such_host(error):
                raise DataError(
                    f"cannot fetch {target.name} ({reason}); "
                    "try again later, or pass a copy with --source PATH"
                ) from None
            report.note(f"connection lost ({reason}); continuing")
            time.sleep(attempt)
    found = file_digest(part, "md5")
    if found != md5:
        part.unlink()
        raise DataError(
            f"{target.name} arrived damaged (MD5 {found}, expected {md5}); it was deleted, try again"
        )
    part.replace(target)
    return target


def _no_such_host(error: Exception) -> bool:
    # A name that does not resolve or a refused connection does not recover within seconds: the machine is offline.
    reason = getattr(error, "reason", error)
    return isinstance(reason, OSError) and (
        type(reason).__name__ == "gaierror" or isinstance(reason, ConnectionRefusedError)
    )


def _continue(url: str, part: Path, report: Report) -> None:
    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"User-Agent": "decanet"})
    if have:
        request.add_header("Range", f"bytes={have}-")
    try:
        response = urllib.request.urlopen(request, timeout=30)
    except urllib.error.HTTPError as error:
        if error.code == 416:  # the file is complete: the checksum decides whether it is right
            return
        raise
    with response:
        if response.status != 206:  # the server sends the whole file
            have = 0
        length = response.headers.get("Content-Length")
        total = have + int(length) if length else None
        with part.open("ab" if have else "wb") as file:
            while chunk := response.read(CHUNK):
                file.write(chunk)
                have += len(chunk)
                report.progress("downloading", have, total, "bytes")
        if total is not None and have < total:
            raise http.client.IncompleteRead(b"", total - have)


def file_digest(path: Path, algorithm: str) -> str:
    """Hexadecimal digest of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


def room_needed(folder: Path, size: int) -> None:
    """Raise ResourceError unless the disk of ``folder`` has room for ``size`` bytes."""
    free = shutil.disk_usage(folder).free
    if free < size:
        raise ResourceError(
            f"{folder} has {free / 1e6:.0f} MB free, {size / 1e6:.0f} MB are needed; "
            "free some, or choose another place with --data-dir or DECANET_CACHE"
        )


def require_writable(*files: Path) -> None:
    """Raise DataError unless ``files``, all in one folder, can be written; called before a download."""
    folder = files[0].parent
    for file in files:
        if file.is_dir():
            raise DataError(f"cannot keep data in {file}: it is a folder; remove it")
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        raise shortage(error, f"writing into {folder}") or DataError(
            f"cannot keep data in {folder}: {error.strerror}; choose another place with --data-dir or DECANET_CACHE"
        ) from None
