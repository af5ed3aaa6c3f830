"""The WSGI middleware keeps to PEP 3333."""

from __future__ import annotations

import recipes
from servers import ask

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from servers import Server

# Raises wherever the application or the middleware does not.
STRICT = """
import sys
from wsgiref.simple_server import make_server
from wsgiref.validate import validator
from app import app

make_server("127.0.0.1", int(sys.argv[1]), validator(app)).serve_forever()
"""


def test_conformity(
    serve: Callable[..., Server], tmp_path: Path, tokens: dict[str, str]
) -> None:
    recipes.copy("WSGI", tmp_path)
    (tmp_path / "strict.py").write_text(STRICT, encoding="utf-8")
    server = serve("python strict.py 8000 &")
    profile, other = f"{server.url()}/profile", f"{server.url()}/other"
    headers = [("Authorization", f"Bearer {tokens['good']}")]
    assert ask(profile).status == 401
    assert ask(other).status == 401
    assert ask(profile, headers=headers).json == {"user": "user:zoe"}
    assert ask(other, headers=headers).status == 404
