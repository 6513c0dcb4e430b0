"""Manual pages out of the command line's own help: one for the program, one for each of its commands.

manpages.py FOLDER VERSION
"""

from __future__ import annotations

import gzip
import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from rackless.cli.main import app


def escape(text: str) -> str:
    """roff(7): a line that begins with a dot would be a request."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return "\n".join(f"\\&{line}" if line.startswith((".", "'")) else line for line in text.splitlines())


def paragraphs(text: str) -> Iterator[str]:
    for paragraph in re.split(r"\n\s*\n", inspect.cleandoc(text or "")):
        lines = paragraph.splitlines()
        if lines and lines[0].startswith("Example"):
            yield ".PP\n.B Example\n.PP\n.nf\n.RS\n" + escape("\n".join(lines).partition(":")[2].strip("\n ")) + "\n.RE\n.fi"
        elif paragraph:
            yield ".PP\n" + escape(" ".join(line.strip() for line in lines))


def options(command: Any) -> Iterator[str]:
    for each in command.params:
        if each.param_type_name == "option" and not each.hidden:
            names = ", ".join((*each.opts, *each.secondary_opts))
            value = "" if each.is_flag else f" {each.metavar or 'VALUE'}"
            yield f".TP\n.B {escape(names + value)}\n{escape(each.help or '')}"
        elif each.param_type_name == "argument":
            about = getattr(each, "help", "") or ""
            yield f".TP\n.I {escape(each.metavar or each.name.upper())}\n{escape(about)}"


def section(command: Any, name: str, heading: str) -> Iterator[str]:
    context = command.context_class(command, info_name=name)
    usage = " ".join(command.collect_usage_pieces(context))
    yield f".{heading} {escape(name) if heading == 'SS' else 'SYNOPSIS'}"
    yield f".PP\n.B {escape(name)}\n{escape(usage)}"
    if heading == "SH":
        yield ".SH DESCRIPTION"
    yield from paragraphs(command.help or "")
    listed = list(options(command))
    if listed:
        yield ".SH OPTIONS" if heading == "SH" else ""
        yield from listed


def page(command: Any, name: str, version: str, beside: list[str]) -> str:
    title = name.replace(" ", "-")
    short = (command.help or "").strip().splitlines()[0].partition(" Example:")[0].rstrip(".") if command.help else name
    lines = [f'.TH {title.upper()} 1 "" "rackless {version}" "Rackless"', ".SH NAME", f"{escape(title)} \\- {escape(short)}"]
    lines += section(command, name, "SH")
    if hasattr(command, "commands"):
        lines.append(".SH COMMANDS")
        for key, sub in command.commands.items():
            if name == "rackless":
                lines.append(f".TP\n.BR {escape(f'rackless-{key}')} (1)\n{escape(sub.get_short_help_str(200))}")
            else:
                lines += section(sub, f"{name} {key}", "SS")
    lines += [".SH EXIT STATUS", "0 done, 1 failed, 2 wrong input, 3 not found, 4 not now, 5 too late, 130 interrupted."]
    lines += [
        ".SH SEE ALSO",
        ", ".join(f".BR {escape(each)} (1)" if not index else f"{escape(each)}(1)" for index, each in enumerate(beside)),
    ]
    return "\n".join(line for line in lines if line) + "\n"


def write(folder: Path, name: str, text: str) -> None:
    with (folder / f"{name}.1.gz").open("wb") as file, gzip.GzipFile("", "wb", 9, file, mtime=0) as packed:
        packed.write(text.encode())


def main(folder: Path, version: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    program = typer.main.get_command(app)
    write(folder, "rackless", page(program, "rackless", version, ["rackless-doctor", "rackless-serve"]))
    for key, command in program.commands.items():
        write(folder, f"rackless-{key}", page(command, f"rackless {key}", version, ["rackless"]))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
