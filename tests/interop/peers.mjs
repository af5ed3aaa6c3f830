// Signs and verifies tokens with the JWT library of npm that argv[3] names, under
// argv[2]. Reads {secret, claims: [...], tokens: [...]} from standard input; writes
// {signed: [token], verified: [claims, or null for a refused token]}.

import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { readFileSync } from "node:fs";

const require = createRequire(pathToFileURL(join(process.argv[2], "peers.cjs")));
const jose = await import(pathToFileURL(require.resolve("jose")));
const jsonwebtoken = require("jsonwebtoken");
const fastJwt = require("fast-jwt");

const { secret, claims, tokens } = JSON.parse(readFileSync(0, "utf8"));
const key = Buffer.from(secret);

const peers = {
  jose: {
    sign: (payload) =>
      new jose.SignJWT(payload).setProtectedHeader({ alg: "HS256", typ: "JWT" }).sign(key),
    verify: async (token) =>
      (await jose.jwtVerify(token, key, { algorithms: ["HS256"] })).payload,
  },
  jsonwebtoken: {
    sign: (payload) => jsonwebtoken.sign(payload, key, { algorithm: "HS256" }),
    verify: (token) => jsonwebtoken.verify(token, key, { algorithms: ["HS256"] }),
  },
  "fast-jwt": {
    sign: fastJwt.createSigner({ key, algorithm: "HS256" }),
    verify: fastJwt.createVerifier({ key, algorithms: ["HS256"], cache: false }),
  },
};

const { sign, verify } = peers[process.argv[3]];
const signed = [];
for (const payload of claims) {
  signed.push(await sign({ ...payload }));
}
const verified = [];
for (const token of tokens) {
  try {
    verified.push(await verify(token));
  } catch {
    // A refusal, of whatever kind. That this is no mistake of ours shows in the
    // tokens that must be accepted.
    verified.push(null);
  }
}
process.stdout.write(JSON.stringify({ signed, verified }));
