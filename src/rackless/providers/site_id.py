"""Who we are to the places that we share with others: the identity of this installation, a part of every ownership mark."""

from __future__ import annotations

import os
import secrets
from pathlib import Path


def site_id(path: Path) -> str:
    """The identity kept in `path` (STATE/site-id), eight hexadecimal digits.

    Made at random once: two installations on one host, in containers or on one cloud never have the same.
    """
    if not path.exists():
        fresh = path.with_name(f".site-id.{os.getpid()}")
        fresh.write_text(secrets.token_hex(4))
        try:
            os.link(fresh, path)
        except FileExistsError:
            pass  # Another process was first: its identity holds.
        finally:
            fresh.unlink()
    return path.read_text().strip()
