# Does what peers.mjs does, with ruby-jwt.

require "json"
require "jwt"

request = JSON.parse($stdin.read)
secret = request["secret"]

signed = request["claims"].map { |claims| JWT.encode(claims, secret, "HS256") }
verified = request["tokens"].map do |token|
  JWT.decode(token, secret, true, algorithms: ["HS256"]).first
rescue JWT::DecodeError
  nil
end
puts JSON.generate(signed: signed, verified: verified)
