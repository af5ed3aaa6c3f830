"""Times each call on one Python: a round, and a line of JSON, for each line read.

Calls that are compared form a group. In a round every call takes its turn, those of a
group one after the other and in random order, so that a busy spell of the machine
meets all of them. Processor time is measured, which other programs do not add to.
"""

import json
import platform
import random
import sys
from datetime import timedelta
from functools import partial
from hashlib import sha256
from importlib import import_module, metadata
from pathlib import Path
from time import process_time
from timeit import Timer

import hostile
import peers
from peers import CLIENT, SCOPE, SECRET, USER

import joat

BYTES_CLIENT = "byte"  # whose salt is bytes, alone
SALTS = {CLIENT: [SECRET.decode()], BYTES_CLIENT: sha256(SECRET).digest()}
REFUSED = "try:\n    check(token)\nexcept refusal:\n    pass"

groups = {}


def forms(seed):
    """Return a salt in each form that a hook may return."""
    octets = sha256(seed).digest()
    text = octets.hex()
    return {
        "bytes": octets,
        "bytes again": octets[::-1],  # the control
        "[token_hex]": [text],  # the README's
        "[token_hex bytes]": [text.encode()],
        "[bytes]": [octets],
        "bytes with -": octets[:-1] + b"-",
        "urlsafe with -": text[:42] + "-",
        "str": text,
        "bytearray": bytearray(octets),
        "memoryview": memoryview(octets),
        "not ASCII": text[:32] + "é",
        "two, the second": [text[::-1], text],
    }


def find_salt(claims):
    # This look-up is the check of the audience, too.
    return SALTS.get(claims["aud"])


def add(group, key, statement, number, **names):
    """Have a statement timed, `number` times in a row in each round."""
    names = {"joat": joat, "find": find_salt, **names}
    timer = Timer(statement, "joat.salt_generator = find", process_time, names)
    groups.setdefault(group, []).append((key, timer, number))


def issue(provider=peers.PROVIDER, client=CLIENT, scope=SCOPE, salt=SECRET, **more):
    return joat.TokenGenerator(provider, client).issue_token(
        user_id=USER, scope=scope, salt=salt, **more
    )


def forged(token):
    # Not the last character alone, of which two bits must be zero.
    return token[:-4] + "AAAA"


def add_peer(name, peer, **names):
    token = peer.sign(peers.claims())
    names.update(sign=peer.sign, claims=peers.claims)
    makes_own = name.startswith(("PyJOAT", "before"))
    statement = "sign()" if makes_own else "sign(claims())"
    add("issue", f"issue {name}", statement, 100, **names)
    expired = issue(lifetime=timedelta(seconds=-60))
    wrong = [forged(token), expired, issue(client="efgh")]
    add_check("parse", name, peer.refusal, peer.parse, [token, *wrong], **names)
    wrong += [issue(provider="me"), issue(scope=["profile"])]
    headers = [f"Bearer {one}" for one in (token, *wrong)]
    check = peer.authenticate
    add_check("authenticate", name, peer.refusal, check, headers, **names)


def add_check(step, name, refusal, check, tokens, **names):
    """Add a check that does the work: one that checks less would look faster."""
    good, *wrong = tokens
    assert USER in (check(good) or {}).values(), f"{name} must take its own {good}"
    for token in wrong:
        found = peers.found_by(check, token, refusal)
        assert found is None, f"{name} must refuse {token}"
    # All steps are in one group, because they are compared with each other, too.
    names.update(check=check, token=good)
    add("verify", f"{step} {name}", "check(token)", 100, **names)


def add_form(form, salt, other):
    """Add a good token, and forged ones for clients with a salt and without."""
    salts = {CLIENT: salt, "same": other, "None": None, "[]": []}
    names = {"find": lambda claims: salts[claims["aud"]], "refusal": joat.TokenError}
    good = issue(salt=salt[-1] if isinstance(salt, list) else salt)
    for client, given in salts.items():
        token, by_salt = issue(client=client), partial(joat.verify_token, salt=given)
        for way, check in ("hook", joat.parse_token), ("salt=", by_salt):
            names.update(check=check, token=forged(token))
            add(form, f"{way} {client}, {form}", REFUSED, 50, **names)
            if client == CLIENT:
                names.update(token=good)
                add("forms", f"{way} {form}", "check(token)['user_id']", 100, **names)


def add_hostile(key, payload):
    token = hostile.token(payload)
    assert joat.parse_token(token) is None, "every hostile token refused"
    names = {"check": json.loads, "refusal": (ValueError, RecursionError)}
    add(key, f"json.loads {key}", REFUSED, 1, token=payload, **names)
    add(key, f"hostile {key}", "joat.parse_token(token)", 1, token=token)


def load(folder):
    """Return another joat, beside the one that is imported already."""
    own = {name: sys.modules.pop(name) for name in [*sys.modules] if "joat" in name}
    sys.path.insert(0, folder)
    other = import_module("joat")
    assert Path(other.__file__).is_relative_to(folder), f"joat is in {folder}"
    sys.path.remove(folder)
    sys.modules.update(own)
    return other


def add_all(folder=None):
    """Add all calls; return the versions of the libraries, None for one not there."""
    packages = {"PyJOAT": joat}
    if folder:
        packages["before"] = load(folder)
    for name, package in packages.items():
        package.salt_generator = find_salt
        add_peer(name, peers.ours(package), joat=package)
        add_peer(f"{name}, bytes", peers.ours(package, BYTES_CLIENT), joat=package)
    versions = {"PyJOAT": metadata.version("PyJOAT")}
    for name, prepare in peers.PREPARE.items():
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = None
        else:
            add_peer(name, prepare())
    others = forms(b"other")
    for form, salt in forms(b"known").items():
        add_form(form, salt, others[form])
    for (filling, addition), payload in hostile.payloads().items():
        add_hostile(f"{filling} {addition}", payload)
    return versions


def measure():
    """Return the microseconds that each call takes in one round."""
    times = {}
    for calls in groups.values():
        for key, timer, number in random.sample(calls, len(calls)):
            # Unmeasured, so that the caches that the one before has left are nobody's
            # disadvantage: joat came out 3 % slower after PyJWT.
            timer.timeit(number // 2)
            times[key] = timer.timeit(number) / number * 1e6
    return times


def main():
    answer = partial(print, flush=True)
    name = f"{platform.python_implementation()} {platform.python_version()}"
    answer(json.dumps([name, add_all(*sys.argv[1:])]))
    for _ in sys.stdin:
        answer(json.dumps(measure()))


if __name__ == "__main__":
    main()
