"""The package with beartype's import hook, which checks every type hint of it."""

import subprocess
import sys

SCRIPT = """
from datetime import timedelta
from beartype.claw import beartype_package
beartype_package("joat")
import joat
import joat.__main__

PROVIDER = "https://example.com"
SALT = "0123456789abcdef0123456789abcdef"
joat.salt_generator = lambda claims: joat.parse_salts(SALT)
tokens = joat.TokenGenerator(PROVIDER, client_id=1)
token = tokens.issue_token(user_id=2, scope=["a"], jti="b", lifetime=timedelta(hours=1))
assert joat.parse_token(token)["user_id"] == 2
for leeway in 5, 0.5, timedelta(seconds=5):
    joat.verify_token(token, leeway=leeway, client_id={1}, scope=("a",), salt=[SALT])
    joat.authenticate(f"Bearer {token}", leeway=leeway, provider=["b", 1, PROVIDER])
for refused in None, "Basic YTpi", "Bearer", "Bearer x", f"Bearer {token}x":
    try:
        joat.authenticate(refused)
    except joat.TokenError as error:
        print(error.status, error.www_authenticate(realm="a"))
joat.__main__.main(["inspect", token])
"""


def test_import_hook():
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], check=False, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    statuses = [line[:3] for line in done.stdout.splitlines() if " Bearer " in line]
    assert statuses == ["401", "401", "400", "401", "401"]
    assert '"jti": "b"' in done.stdout
