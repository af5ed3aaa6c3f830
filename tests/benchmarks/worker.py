"""Times each call on one Python: a round, and a line of JSON, for each line read.

In a round everything takes its turn, so that a busy spell of the machine meets all.
"""

import json
import platform
import sys
from datetime import timedelta
from functools import partial
from importlib import metadata
from timeit import Timer

import hostile
import peers
from peers import CLIENT, SCOPE, SECRET, USER

import joat

SALTS = {CLIENT: SECRET, peers.TEXT_CLIENT: SECRET.decode()}
LENGTHS = (232, 8_000, 64_000)  # 232 is that of the usual token
REFUSED = "try:\n    check(token)\nexcept refusal:\n    pass"

calls = {}


def find_salt(claims):
    # This look-up is the check of the audience, too.
    return SALTS.get(claims["aud"])


def add(key, statement, number=200, **names):
    """Have a statement timed, `number` times in a row in each round."""
    names = {"joat": joat, "find": find_salt, **names}
    calls[key] = Timer(statement, "joat.salt_generator = find", globals=names), number


def issue(provider=peers.PROVIDER, client=CLIENT, scope=SCOPE, **more):
    grant = {"user_id": USER, "scope": scope, "salt": SECRET, **more}
    return joat.TokenGenerator(provider, client).issue_token(**grant)


def forged(token):
    # Not the last character alone, of which two bits must be zero.
    return token[:-4] + "AAAA"


def add_peer(name, peer):
    token = peer.sign(peers.claims())
    statement = "sign()" if name.startswith("PyJOAT") else "sign(claims())"
    add(f"issue {name}", statement, sign=peer.sign, claims=peers.claims)
    expired = issue(lifetime=timedelta(seconds=-60))
    wrong = [forged(token), expired, issue(client="efgh")]
    add_check(f"parse {name}", peer.refusal, peer.parse, token, *wrong)
    if peer.authenticate:
        wrong += [issue(provider="me"), issue(scope=["profile"])]
        headers = [f"Bearer {one}" for one in (token, *wrong)]
        add_check(f"authenticate {name}", peer.refusal, peer.authenticate, *headers)


def add_check(key, refusal, check, good, *wrong):
    """Add a check that does the work: one that checks less would look faster."""
    assert USER in (check(good) or {}).values(), f"{key} must take its own {good}"
    for token in wrong:
        found = peers.found_by(check, token, refusal)
        assert found is None, f"{key} must refuse {token}"
    add(key, "check(token)", check=check, token=good)


def add_pair(key, one, other, check=joat.parse_token, **names):
    for which, token in ("one", one), ("other", other):
        add(f"{key}, {which}", "check(token)", 20, check=check, token=token, **names)


def add_clock():
    """Add the tokens that somebody may tell apart by how long they take."""
    for length in LENGTHS:
        # Four characters hold three bytes; a permission with its quotes and comma
        # takes eleven.
        count, rest = divmod((length - len(issue(scope=[""]))) * 3 // 4, 11)
        scope = ["x" * rest, *["read:all"] * count]
        known, unknown = (issue(client=one, scope=scope) for one in (CLIENT, "abce"))
        assert len(known) == length, f"a token of {length} characters"
        add_pair(f"client, {length}", forged(known), forged(unknown))
    good, revoked = (forged(issue(jti=jti)) for jti in ("goodone", "revoked"))
    not_revoked = {"goodone": SECRET}
    add_pair("jti", good, revoked, find=lambda claims: not_revoked.get(claims["jti"]))
    salts = [bytes([octet]) * 32 for octet in (1, 2, 3)]
    check = partial(joat.verify_token, salt=salts)
    add_pair("salts", issue(salt=salts[0]), issue(salt=salts[2]), check=check)


def add_hostile(key, payload):
    token = hostile.token(payload)
    assert joat.parse_token(token) is None, "every hostile token refused"
    names = {"check": json.loads, "refusal": (ValueError, RecursionError)}
    add(f"json.loads {key}", REFUSED, 1, token=payload, **names)
    add(f"hostile {key}", "joat.parse_token(token)", 1, token=token)


def add_all():
    """Add all calls; return the versions of the libraries, None for one not there."""
    joat.salt_generator = find_salt
    add_peer("PyJOAT, str salt", peers.ours(peers.TEXT_CLIENT))
    versions = {}
    for name, prepare in peers.PREPARE.items():
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = None
        else:
            add_peer(name, prepare())
    add_clock()
    for (filling, addition), payload in hostile.payloads().items():
        add_hostile(f"{filling} {addition}", payload)
    return versions


def measure():
    """Return the microseconds that each call takes in one round."""
    times = {}
    for key, (timer, number) in calls.items():
        # Unmeasured, so that the caches that the one before has left are nobody's
        # disadvantage: joat came out 3 % slower after PyJWT.
        timer.timeit(number // 2)
        times[key] = timer.timeit(number) / number * 1e6
    return times


def main():
    answer = partial(print, flush=True)
    answer(json.dumps([platform.python_version(), add_all()]))
    for _ in sys.stdin:
        answer(json.dumps(measure()))


if __name__ == "__main__":
    main()
