"""What the table does not show: a line or a few on each question.

Every function returns the text to print.
"""

import subprocess
import sys
import time
from functools import partial
from hmac import digest
from multiprocessing import get_context
from statistics import median
from unittest.mock import patch

import floor
import hostile
import peers
from common import CLIENT, LENGTH, NEEDED, PROVIDER, SCOPE, SECRET, USER, require
from measure import least, rounds_of

import joat

_IMPORTS = {
    "nothing": "pass",
    "primitives": "import json, hmac, base64, datetime",
    "joat": "import joat",
    "PyJWT": "import jwt",
}
_LENGTHS = (200, 800, 3_200, 12_800, 51_200, hostile.LIMIT)
_SALTS = (1, 2, 4, 8)
_SECONDS = 0.5  # of one measurement of the throughput

_FORGED = (LENGTH, 8_000, 64_000)

_ours = peers.ours()  # sets joat.salt_generator, in each process of the last line too


def authentication(rounds):
    compared = peers.authenticating()
    calls = {"parse_token": (joat.parse_token, _ours.issue())}
    for peer in compared:
        header = f"Bearer {peer.issue()}"
        _require_refusals(peer)
        require(peer.verify(header) is not None, f"{peer.name} to read its own token")
        calls[peer.name] = (peer.verify, header)
    times = least(calls, rounds, number=200)
    ours = times["joat"]
    figures = "; ".join(
        f"{peer.name} {times[peer.name]:.1f}, {times[peer.name] / ours:.2f} times that"
        for peer in compared[1:]
    )
    return (
        f"authenticate, a header with provider, client and a permission to expect, µs:"
        f" joat {ours:.1f}, {ours / times['parse_token']:.2f} times parse_token;"
        f" {figures}"
    )


def _require_refusals(peer):
    """Make sure that a peer refuses another provider, client and scope."""
    usual = {"provider": PROVIDER, "client_id": CLIENT, "scope": SCOPE}
    for changed in {"provider": "x"}, {"client_id": "x"}, {"scope": ["profile"]}:
        token = joat.TokenGenerator("me").issue_token(
            **{**usual, **changed}, user_id=USER, salt=SECRET
        )
        try:
            found = peer.verify(f"Bearer {token}")
        except peer.refusal:
            found = None
        require(found is None, f"{peer.name} to check the {next(iter(changed))}")


def text_salts(rounds):
    salts = {"text": SECRET.decode(), "byte": SECRET}
    calls = {}
    with patch.object(joat, "salt_generator", lambda claims: salts[claims["aud"]]):
        for client in salts:
            generator = joat.TokenGenerator(PROVIDER, client)
            issue = partial(generator.issue_token, user_id=USER, scope=SCOPE)
            authenticate = partial(
                joat.authenticate, provider=PROVIDER, client_id=client, scope=[NEEDED]
            )
            token = issue()
            calls["parse", client] = (joat.parse_token, token)
            calls["authenticate", client] = (authenticate, f"Bearer {token}")
            calls["issue", client] = (issue,)
        times = least(calls, rounds, number=200)
    figures = "; ".join(
        f"{step} {times[step, 'text']:.2f} / {times[step, 'byte']:.2f},"
        f" {times[step, 'text'] / times[step, 'byte']:.3f} times"
        for step in ("parse", "authenticate", "issue")
    )
    return f"a str salt / the same as bytes, µs: {figures}"


def clock(rounds):
    # What the time of an answer tells a stranger, and who holds a token.
    salts = {CLIENT: SECRET}
    revoked = {"revoked"}
    rotated = [bytes([octet]) * 32 for octet in (1, 2)] + [SECRET]

    def salt_generator(claims):
        return None if claims.get("jti") in revoked else salts.get(claims["aud"])

    generator = joat.TokenGenerator("me")

    def issue(client, salt=SECRET, length=LENGTH, jti=None):
        scope = _scope(length) if jti is None else SCOPE
        return generator.issue_token(
            client_id=client, user_id=USER, scope=scope, salt=salt, jti=jti
        )

    # To "abce" there is no salt. The last character has bits that must be zero.
    calls = {}
    for length in _FORGED:
        for client in (CLIENT, "abce"):
            token = issue(client, length=length)
            require(len(token) == length, f"a token of {length} characters")
            calls[length, client] = (joat.parse_token, token[:-4] + "AAAA")
    for jti in ("goodone", "revoked"):
        calls[jti] = (joat.parse_token, issue(CLIENT, jti=jti)[:-4] + "AAAA")
    verify = partial(joat.verify_token, salt=rotated)
    for salt in (rotated[0], rotated[-1]):
        calls[salt] = (verify, issue(CLIENT, salt))

    with patch.object(joat, "salt_generator", salt_generator):
        times = least(calls, rounds, number=20)

    def pair(one, other):
        more = times[other] - times[one]
        return f"{times[one]:.2f} / {times[other]:.2f} ({more:+.2f})"

    figures = ", ".join(
        f"{length:,}: {pair((length, CLIENT), (length, 'abce'))}" for length in _FORGED
    )
    return (
        "the clock, µs for forged tokens of a known / an unknown client, by"
        f" characters: {figures}\n  forged, with a good / a revoked jti"
        f" {pair('goodone', 'revoked')}; valid, signed by the first / the last of"
        f" three salts {pair(rotated[0], rotated[-1])}"
    )


def imports(rounds):
    # Isolated, so that the installed joat is imported, with its compiled files.
    runs = {
        name: (partial(subprocess.run, check=True), [sys.executable, "-Ic", code])
        for name, code in _IMPORTS.items()
    }
    times = rounds_of(runs, rounds, 1)

    def more(name, base):
        pairs = zip(times[name], times[base])
        return f"{median(one - other for one, other in pairs) / 1000:.1f}"

    # Of two in the same round: the machine may be now fast, now slow.
    return (
        f"import, ms, medians of {rounds} rounds: an empty interpreter"
        f" {median(times['nothing']) / 1000:.1f}; more for json, hmac, base64 and"
        f" datetime {more('primitives', 'nothing')}, joat {more('joat', 'nothing')},"
        f" PyJWT {more('PyJWT', 'nothing')}; joat over the four"
        f" {more('joat', 'primitives')}, PyJWT over the four"
        f" {more('PyJWT', 'primitives')}"
    )


def growth(rounds):
    generator = joat.TokenGenerator("me", CLIENT)
    calls = {}
    for length in _LENGTHS:
        issue = partial(generator.issue_token, user_id=USER, scope=_scope(length))
        token = issue()
        require(len(token) == length, f"a token of {length} characters")
        calls[length, "issue"] = (issue,)
        calls[length, "verify"] = (joat.parse_token, token)
    calls["over"] = (joat.parse_token, "A" * (hostile.LIMIT + 1))
    calls["far over"] = (joat.parse_token, "A" * hostile.MEGABYTE)
    times = least(calls, rounds, number=10)
    figures = "; ".join(
        f"{length:,}: {times[length, 'issue']:.1f} / {times[length, 'verify']:.1f}"
        for length in _LENGTHS
    )
    shortest = times[_LENGTHS[0], "verify"]
    slopes = ", ".join(
        f"{(times[length, 'verify'] - shortest) / (length - _LENGTHS[0]) * 1000:.1f}"
        for length in _LENGTHS[1:]
    )
    return (
        f"growth, issue / verify in µs by characters: {figures}\n"
        f"  verify, ns for each character beyond {_LENGTHS[0]}: {slopes}\n"
        f"  refusal of {hostile.LIMIT + 1:,} characters {times['over']:.2f} µs,"
        f" of {hostile.MEGABYTE:,} {times['far over']:.2f} µs"
    )


def rotation(rounds):
    token = _ours.issue()
    others = [bytes([i]) * len(SECRET) for i in range(1, max(_SALTS))]
    calls = {}
    for count in _SALTS:
        salts = [*others[: count - 1], SECRET]
        verify = partial(joat.verify_token, salt=salts)
        require(verify(token)["user_id"] == USER, "the last salt to fit")
        calls[count] = (verify, token)
    calls["HMAC"] = (digest, SECRET, token.rpartition(".")[0].encode(), "sha256")
    times = least(calls, rounds, number=200)
    figures = ", ".join(f"{count}: {times[count]:.1f}" for count in _SALTS)
    each = (times[_SALTS[-1]] - times[1]) / (_SALTS[-1] - 1)
    return (
        f"rotation, verify in µs by salts, the last one fitting: {figures}; each"
        f" further salt {each:.2f}, one hmac.digest {times['HMAC']:.2f}"
    )


def hostility(rounds):
    figures = []
    for name, tokens in hostile.tokens().items():
        for token in tokens:
            require(joat.parse_token(token) is None, "every hostile token refused")
        calls = {i: (joat.parse_token, token) for i, token in enumerate(tokens)}
        times = rounds_of(calls, rounds, number=1).values()
        costly = max(times, key=min)
        figures.append(f"{name} {min(costly) / 1000:.2f} / {max(costly) / 1000:.2f}")
    return (
        "hostile input at the size limit, ms for the worst of each kind, least /"
        f" most of {rounds} rounds:\n  " + "; ".join(figures)
    )


def processes(rounds):
    # The floor tells what the machine has to give: its processors may be busy.
    rates = {(who, count): [] for who in ("joat", "floor") for count in (1, 2)}
    for _ in range(rounds):
        for count in (1, 2):
            with get_context("spawn").Pool(count) as pool:
                # All at once, when each has started and imported its modules.
                begin = time.time() + 0.8
                each = pool.map(_rates, [begin] * count, chunksize=1)
            for who, some in zip(("joat", "floor"), zip(*each)):
                rates[who, count].append(sum(some))

    def more(who):
        pairs = zip(rates[who, 2], rates[who, 1])
        return f"{median(two / one for two, one in pairs):.2f}"

    return (
        f"throughput, verifications a second, medians of {rounds} rounds: 1 process"
        f" {median(rates['joat', 1]):,.0f}, 2 processes"
        f" {median(rates['joat', 2]):,.0f}, {more('joat')} times as many (the floor:"
        f" {more('floor')} times)"
    )


def _rates(begin):
    token = _ours.issue()
    return (
        _rate(_ours.verify, token, begin),
        _rate(floor.verify, token, begin + _SECONDS + 0.1),
    )


def _rate(verify, token, begin):
    require(time.time() < begin, "a process to start within 0.8 seconds")
    time.sleep(begin - time.time())
    done = 0
    while (now := time.time()) < begin + _SECONDS:
        for _ in range(1000):
            verify(token)
        done += 1000
    return done / (now - begin)


def _scope(length):
    generator = joat.TokenGenerator("me", CLIENT)
    shortest = len(generator.issue_token(user_id=USER, scope=[""]))
    # Four characters hold three bytes, and a permission, its quotes and comma
    # take eleven.
    count, rest = divmod((length - shortest) * 3 // 4, 11)
    return ["x" * rest, *["read:all"] * count]
