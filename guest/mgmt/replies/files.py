"""`file list`, `file show` and the like: done with the user's own rights, by the program at the user's end."""

from __future__ import annotations

import os
import time

from ..xmltree import Element
from .reply import columns, fail, output

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..session import Session

    Given = dict[str, str]


def home(session: Session) -> str:
    return "/root" if session.user == "root" else f"/var/home/{session.user}"


def unprefixed(path: str) -> str:
    """A path without the routing engine that it names, which is this one; `var:` is the folder /var."""
    for prefix, folder in (("re0:", ""), ("local:", ""), ("var:", "/var/")):
        if path.startswith(prefix) and path != prefix:
            return folder + path[len(prefix) :].lstrip("/" if folder else "")
    return path


def place(session: Session, path: str) -> str:
    """Where a file is that the user names: from the home folder on, `~` stands for it."""
    path = unprefixed(path)
    if path == "~" or path.startswith("~/"):
        path = home(session) + path[1:]
    return session.datastore.world.path(os.path.join(home(session), path))


def _run(session: Session, argv: list[str]) -> str:
    """What the program said; Refused with its complaint when it fails."""
    code, text = session.channel.run(argv, capture=True)
    if code != 0:
        lines = text.strip().splitlines()
        raise fail(
            f"error: {lines[-1].replace(session.datastore.world.root or '//', '')}" if lines else f"error: {argv[0]} failed"
        )
    return text


def listing(session: Session, given: Given) -> Element:
    path = given.get("path") or "~"
    real = place(session, path)
    shown = real.removeprefix(session.datastore.world.root)
    root = Element("directory-list", attributes={"root-path": shown})
    code, text = session.channel.run(["ls", "-lnA", "--time-style=+%s", "--", real], capture=True)
    if code != 0:
        root.add("output", f"{shown}: {text.strip().rpartition(': ')[2]}\n")
        return root
    folder = root.add("directory")
    if text.startswith("total "):  # ls says it of a folder; a file stands alone
        folder.attributes["name"] = root.attributes["root-path"]
    for line in text.splitlines():
        words = line.split(maxsplit=6)
        if len(words) < 7:
            continue
        one = folder.add("file-information")
        one.add("file-name", words[6].partition(" -> ")[0].rpartition("/")[2])
        if words[0].startswith("d"):
            one.add("file-directory")
        one.add("file-permissions", octal(words[0]), junos_format=words[0][:10])
        one.add("file-owner", words[2])
        one.add("file-group", words[3])
        one.add("file-links", words[1])
        one.add("file-size", words[4])
        one.add("file-date", words[5], junos_format=time.strftime("%b %e %H:%M", time.localtime(int(words[5]))))
    folder.add("total-files", len(folder.all("file-information")))
    return root


def octal(letters: str) -> str:
    """644 of -rw-r--r--; set-id and sticky bits are not told."""
    bits = "".join("0" if letter in "-ST" else "1" for letter in letters[1:10])
    return f"{int(bits, 2):o}"


def listing_text(root: Element, given: Given) -> str:
    folder = root.children[0]
    if folder.tag == "output":
        return folder.text
    lines = [f"\n{folder.attributes['name']}:\n"] if "name" in folder.attributes else ["\n"]
    if "detail" in given:
        rows = []
        for one in folder.all("file-information"):
            mode = one.find("file-permissions")
            letters = mode.attributes["junos:format"] if mode is not None else ""
            rows.append((letters, *(one.value(f"file-{name}") for name in ("links", "owner", "size", "name"))))
        return lines[0] + columns(list(rows), (10, -3, 8, -10, 0))
    for one in folder.all("file-information"):
        lines.append(one.value("file-name") + ("/" if one.find("file-directory") is not None else "") + "\n")
    return "".join(lines)


def content(session: Session, given: Given) -> Element:
    real = place(session, given["filename"])
    text = _run(session, ["cat", "--", real])
    root = Element("file-content", text)
    root.attributes = {"filename": given["filename"], "filesize": str(len(text))}
    return root


def content_text(root: Element, given: Given) -> str:
    return root.text


def copy(session: Session, given: Given) -> Element:
    _run(session, ["cp", "--", place(session, given["source"]), place(session, given["destination"])])
    return output("")


def rename(session: Session, given: Given) -> Element:
    _run(session, ["mv", "--", place(session, given["source"]), place(session, given["destination"])])
    return output("")


def delete(session: Session, given: Given) -> Element:
    _run(session, ["rm", "--", place(session, given["path"])])
    return output("")


def archive(session: Session, given: Given) -> Element:
    """A tar file of the source; compressed, it gets `.tgz` where it has no such ending, as in the original."""
    if "source" not in given or "destination" not in given:
        raise fail("error: source and destination are needed")
    source, destination = place(session, given["source"]), place(session, given["destination"])
    ending = ".tgz" if "compress" in given else ".tar"
    if not destination.endswith((ending, ".tar.gz")):
        destination += ending
    above, _, name = source.rstrip("/").rpartition("/")
    _run(session, ["tar", "-czf" if "compress" in given else "-cf", destination, "-C", above or "/", "--", name or "."])
    return output("")


def _checksum(session: Session, given: Given, method: str, program: str) -> Element:
    """`MD5 (PATH) = SUM`"""
    said = _run(session, [program, "--", place(session, given["path"])])
    root = Element("checksum-information")
    made = root.add("file-checksum")
    made.add("computation-method", method)
    made.add("input-file", place(session, given["path"]).removeprefix(session.datastore.world.root))
    made.add("checksum", said.split()[0].lstrip("\\"))
    return root


def md5(session: Session, given: Given) -> Element:
    return _checksum(session, given, "MD5", "md5sum")


def sha1(session: Session, given: Given) -> Element:
    return _checksum(session, given, "SHA1", "sha1sum")


def sha256(session: Session, given: Given) -> Element:
    return _checksum(session, given, "SHA256", "sha256sum")


def checksum_text(root: Element, given: Given) -> str:
    one = root.children[0]
    return f"{one.value('computation-method')} ({one.value('input-file')}) = {one.value('checksum')}\n"


def log(session: Session, given: Given) -> Element:
    """A file of /var/log, or the list of them. The daemon reads it: the files are root's."""
    world = session.datastore.world
    name = given.get("filename")
    if not name:
        return output("".join(one + "\n" for one in world.names("/var/log")))
    text = None if "/" in name or name.startswith(".") else world.read(f"/var/log/{name}")
    if text is None:
        raise fail(f"error: could not resolve file: /var/log/{name}")
    return output(text)
