"""The benchmark: joat, the floor and the peers in one table, then some lines.

    python tests/benchmarks [--rounds N]

It reports, and asserts nothing about time.
"""

import argparse
import os
import platform
from datetime import timedelta

import floor
import lines
import peers
from common import CLIENT, LENGTH, PROVIDER, SCOPE, SECRET, USER, require
from measure import least, silence

import joat


def main():
    parser = argparse.ArgumentParser(prog="python tests/benchmarks")
    parser.add_argument(
        "-c",
        "--rounds",
        type=int,
        default=300,
        help="rounds of the table; the rest takes fewer (default: 300)",
    )
    rounds = parser.parse_args().rounds
    few = max(1, rounds // 15)

    load = os.getloadavg()[0]
    print(
        f"{platform.python_implementation()} {platform.python_version()},"
        f" {os.cpu_count()} processors, load {load:.1f}, {rounds} rounds\n"
    )
    print(table(rounds))
    print(lines.authentication(rounds))
    print(lines.text_salts(rounds))
    print(lines.clock(max(1, rounds // 3)))
    print(lines.imports(few))
    print(lines.growth(max(1, rounds // 3)))
    print(lines.rotation(max(1, rounds // 3)))
    print(lines.hostility(few))
    print(lines.processes(max(1, few // 2)))


def table(rounds):
    """Return the table: issuing and verifying, in microseconds and as ratios."""
    ours = peers.ours()
    bare = peers.Peer("the floor", floor.issue, floor.verify)
    others, missing = peers.installed()
    check(ours, bare, others)
    calls = {}
    for peer in (ours, bare, *others):
        with silence():
            token = peer.issue()
        calls[peer.name, "issue"] = (peer.issue,)
        calls[peer.name, "verify"] = (peer.verify, token)
    # So often in a row that the first, with cold caches, does not count: with 50,
    # the floor came out 10 % slower than alone.
    times = least(calls, rounds, number=200)

    rows = [
        f"{'':18}{'microseconds':>18}{'times ours':>18}{'times the floor':>18}",
        f"{'':18}" + 3 * f"{'issue':>9}{'verify':>9}",
    ]
    for peer in (ours, bare, *others):
        row = f"{peer.name:18}"
        for base in (None, ours, bare):
            for step in ("issue", "verify"):
                unit = times[base.name, step] if base else 1
                row += f"{times[peer.name, step] / unit:9.2f}"
        rows.append(row)
    rows += [f"{name:18}  not available on this Python" for name in missing]
    return "\n".join(rows) + "\n"


def check(ours, bare, others):
    """Make sure that all do the work: one that checks less would look faster.

    itsdangerous refuses the last two as it does every JWT.
    """
    generator = joat.TokenGenerator(PROVIDER)
    grant = {"user_id": USER, "scope": SCOPE, "salt": SECRET}
    past = timedelta(seconds=-60)
    expired = generator.issue_token(client_id=CLIENT, lifetime=past, **grant)
    foreign = generator.issue_token(client_id="another", **grant)
    with silence():
        for peer in (ours, bare, *others):
            token = peer.issue()
            found = peer.verify(token)
            require(
                found is not None and USER in found.values(),
                f"{peer.name} to read its own token",
            )
            # Not the last character, of which two bits are unused.
            forged = token[:-2] + ("A" if token[-2] != "A" else "B") + token[-1]
            require(_refuses(peer, forged), f"{peer.name} to refuse a forgery")
            if peer is not bare:
                require(_refuses(peer, expired), f"{peer.name} to check exp")
                require(_refuses(peer, foreign), f"{peer.name} to check aud")
    for peer in (ours, bare):
        require(len(peer.issue()) == LENGTH, f"tokens of {LENGTH} characters")


def _refuses(peer, token):
    try:
        return peer.verify(token) is None
    except peer.refusal:
        return True


if __name__ == "__main__":
    main()
