# Does what peers.mjs does, with Crypt::JWT.

use strict;
use warnings;
use Crypt::JWT qw(decode_jwt encode_jwt);
use JSON::PP qw(decode_json encode_json);

my $request = decode_json(do { local $/; <STDIN> });
my %with = (key => $request->{secret});

my @signed = map { encode_jwt(%with, payload => $_, alg => 'HS256') } @{$request->{claims}};
# It dies of a token that it refuses.
my @verified = map {
    my $token = $_;
    scalar eval { decode_jwt(%with, token => $token, accepted_alg => 'HS256') };
} @{$request->{tokens}};
print encode_json({signed => \@signed, verified => \@verified});
