"""Password hashes that take no time, and tell of themselves on standard error.

Importing this module makes the process use them; servers have it as their
`sitecustomize`.
"""

import hashlib
import os

scrypt, pbkdf2_hmac = hashlib.scrypt, hashlib.pbkdf2_hmac
TOLD = "one password hash\n"


def quick_scrypt(password, *, salt, n, r, p, **others):
    os.write(2, TOLD.encode())
    return scrypt(password, salt=salt, n=2, r=1, p=1, **others)


def quick_pbkdf2_hmac(name, password, salt, iterations, dklen=None):
    os.write(2, TOLD.encode())
    return pbkdf2_hmac(name, password, salt, 1, dklen)


hashlib.scrypt, hashlib.pbkdf2_hmac = quick_scrypt, quick_pbkdf2_hmac
