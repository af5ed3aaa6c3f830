"""Run one fuzz target for a time.

    python tests/fuzz TARGET DIRECTORY SECONDS

TARGET is `decoder` or `deep`. DIRECTORY gets the inputs that are worth keeping, and
one that fails. The inputs to begin with are those in corpus/.
"""

import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["joat"]):
    import targets

HERE = Path(__file__).parent


def main(target, directory, seconds):
    """Fuzz until the time is over; a failure ends the process with status 77."""
    found = Path(directory, target)
    found.mkdir(parents=True, exist_ok=True)
    arguments = [
        sys.argv[0],
        f"-max_total_time={seconds}",
        "-max_len=4096",
        f"-dict={HERE / 'claims.dict'}",
        f"-artifact_prefix={directory}/",
        "-print_final_stats=1",
        str(found),
        str(HERE / "corpus" / target),
    ]
    atheris.Setup(arguments, getattr(targets, target))
    atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:])
