"""Install the newest releases of npm's JWT libraries into the directory argv[1]."""

import shutil
import subprocess
import sys

PACKAGES = ("jose", "jsonwebtoken", "fast-jwt")

if __name__ == "__main__":
    for tool in ("node", "npm"):
        if shutil.which(tool) is None:
            sys.exit(f"{tool} is missing: this environment needs Node 20 or newer")
    command = ["npm", "install", "--no-save", "--no-audit", "--no-fund", "--prefix"]
    newest = [f"{package}@latest" for package in PACKAGES]
    sys.exit(subprocess.call([*command, sys.argv[1], *newest]))
