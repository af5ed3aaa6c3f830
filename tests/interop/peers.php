<?php
// Does what peers.mjs does, with lcobucci/jwt.

use Lcobucci\JWT\Configuration;
use Lcobucci\JWT\Encoding\ChainedFormatter;
use Lcobucci\JWT\Signer\Hmac\Sha256;
use Lcobucci\JWT\Signer\Key\InMemory;
use Lcobucci\JWT\Validation\Constraint\SignedWith;

require 'Lcobucci/JWT/autoload.php';

$request = json_decode(stream_get_contents(STDIN), true, flags: JSON_THROW_ON_ERROR);
$key = InMemory::plainText($request['secret']);
$jwt = Configuration::forSymmetricSigner(new Sha256(), $key);

function sign(array $claims): string
{
    global $jwt, $key;
    $builder = $jwt->builder(ChainedFormatter::withUnixTimestampDates())
        ->permittedFor($claims['aud'])
        ->issuedBy($claims['iss'])
        ->relatedTo($claims['sub'])
        ->expiresAt(new DateTimeImmutable("@{$claims['exp']}"))
        ->issuedAt(new DateTimeImmutable("@{$claims['iat']}"))
        ->withClaim('scp', $claims['scp']);
    if (isset($claims['jti'])) {
        $builder = $builder->identifiedBy($claims['jti']);
    }
    return $builder->getToken($jwt->signer(), $key)->toString();
}

function verify(string $token): ?array
{
    global $jwt, $key;
    try {
        $token = $jwt->parser()->parse($token);
        $jwt->validator()->assert($token, new SignedWith($jwt->signer(), $key));
    } catch (Throwable) {
        // It reads the claims before it looks at the signature: TypeError is a refusal.
        return null;
    }
    // It makes an array of the audience, and objects of the times.
    $claims = $token->claims()->all();
    [$claims['aud']] = $claims['aud'];
    $claims['exp'] = $claims['exp']->getTimestamp();
    $claims['iat'] = $claims['iat']->getTimestamp();
    return $claims;
}

echo json_encode([
    'signed' => array_map('sign', $request['claims']),
    'verified' => array_map('verify', $request['tokens']),
], JSON_THROW_ON_ERROR);
