"""Programs that a test runs to their end."""

import subprocess
import sys

from servers import environment


def run(command, directory, given="", status=0, **variables):
    """Return what a command prints; fail if it prints anything to standard error."""
    done = subprocess.run(
        command,
        cwd=directory,
        env=environment(**variables),
        input=given,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.stderr == ""
    assert done.returncode == status, done.stdout
    return done.stdout


def python(directory, *arguments, **options):
    """Return what Python prints that is started in a directory."""
    return run([sys.executable, "-B", "-W", "error", *arguments], directory, **options)
