// Does what peers.mjs does, with golang-jwt.
package main

import (
	"encoding/json"
	"os"

	"github.com/golang-jwt/jwt"
)

func main() {
	var request struct {
		Secret string
		Claims []jwt.MapClaims
		Tokens []string
	}
	if err := json.NewDecoder(os.Stdin).Decode(&request); err != nil {
		panic(err)
	}
	key := []byte(request.Secret)
	var answer struct {
		Signed   []string        `json:"signed"`
		Verified []jwt.MapClaims `json:"verified"`
	}
	for _, claims := range request.Claims {
		token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString(key)
		if err != nil {
			panic(err)
		}
		answer.Signed = append(answer.Signed, token)
	}
	parser := jwt.Parser{ValidMethods: []string{"HS256"}}
	for _, token := range request.Tokens {
		claims := jwt.MapClaims{}
		_, err := parser.ParseWithClaims(token, claims, func(*jwt.Token) (interface{}, error) {
			return key, nil
		})
		if err != nil {
			claims = nil
		}
		answer.Verified = append(answer.Verified, claims)
	}
	if err := json.NewEncoder(os.Stdout).Encode(answer); err != nil {
		panic(err)
	}
}
