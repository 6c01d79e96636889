"""Authlib gets tokens for programs: `oauth_client.py BASE CLIENT_ID CLIENT_SECRET AUDIENCE`, or with a JWK of an own key instead of the secret.

Prints the token's answer and what introspection says of it, as JSON.
"""

import json
import os
import sys
import time

os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"

import requests
from authlib.integrations.requests_client import OAuth2Session
from authlib.jose import JsonWebKey, jwt
from authlib.oauth2.rfc7523 import PrivateKeyJWT

base, client_id, secret, audience = sys.argv[1:]
server = requests.get(f"{base}/.well-known/oauth-authorization-server", timeout=30).json()


def sign_anew():
    # Authlib would name the token endpoint as the audience, which rfc7523bis forbids, and let the assertion be good for an hour, where we take
    # five minutes. Given claims, it keeps the id that it made first: each needs its own.
    session.register_client_auth_method(PrivateKeyJWT(server["issuer"], claims={"exp": int(time.time()) + 60}))


signs = secret.startswith("{")
if signs:
    method = "private_key_jwt"
    session = OAuth2Session(client_id, json.loads(secret), token_endpoint_auth_method=method, revocation_endpoint_auth_method=method)
    sign_anew()
else:
    session = OAuth2Session(client_id, secret, token_endpoint_auth_method="client_secret_basic")

token = session.fetch_token(server["token_endpoint"], grant_type="client_credentials", audience=audience)
keys = JsonWebKey.import_key_set(requests.get(server["jwks_uri"], timeout=30).json())
claims = jwt.decode(token["access_token"], keys, claims_options={"iss": {"value": server["issuer"]}, "aud": {"value": audience}})
claims.validate()
if signs:
    sign_anew()
seen = session.introspect_token(server["introspection_endpoint"], token=token["access_token"])
print(json.dumps({"scope": token.get("scope"), "sub": claims["sub"], "seen": seen.json()}))
