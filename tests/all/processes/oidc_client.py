"""Authlib signs somebody in: `oidc_client.py BASE CLIENT_ID CLIENT_SECRET REDIRECT_URI POST_LOGOUT_REDIRECT_URI EMAIL PASSWORD`.

The person's browser is `requests`, which keeps cookies and fills in whatever form a page holds. Prints what the application learnt, as JSON.
"""

import html.parser
import json
import os
import secrets
import sys
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit

os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"

import requests
from authlib.integrations.requests_client import OAuth2Session
from authlib.jose import JsonWebKey, jwt
from authlib.oidc.core import CodeIDToken

base, client_id, secret, redirect_uri, post_logout, email, password = sys.argv[1:]
server = requests.get(f"{base}/.well-known/openid-configuration", timeout=60).json()


class Form(html.parser.HTMLParser):
    """The first form of a page, which is its main one: where it goes, and its fields."""

    def __init__(self, page):
        super().__init__()
        self.action, self.fields, self.over = None, {}, False
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag == "form" and not self.over:
            self.action = attrs["action"]
        if tag == "input" and not self.over:
            self.fields[attrs["name"]] = attrs.get("value", "")

    def handle_endtag(self, tag):
        self.over = self.over or tag == "form"


class Browser:
    """Follows redirects as long as they lead to the server."""

    def __init__(self):
        self.session = requests.Session()

    def go(self, answer):
        while answer.is_redirect:
            to = urljoin(answer.url, answer.headers["location"])
            if not to.startswith(base):
                return to
            answer = self.session.get(to, allow_redirects=False, timeout=60)
        return answer

    def open(self, url):
        return self.go(self.session.get(url, allow_redirects=False, timeout=60))

    def fill(self, page, **values):
        form = Form(page.text)
        assert form.action and set(values) <= set(form.fields), f"{page.url} {page.status_code}: no form for {set(values)}: {page.text}"
        to = urljoin(page.url, form.action)
        data = form.fields | values
        return self.go(self.session.post(to, data, headers={"origin": base}, allow_redirects=False, timeout=60))


def callback(url, state):
    """What came back, as RFC 9207 has it read: only an answer of the server that was asked counts."""
    assert isinstance(url, str) and url.startswith(redirect_uri + "?"), f"not at the application: {getattr(url, 'text', url)}"
    answer = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    assert (answer["iss"], answer["state"]) == (server["issuer"], state), answer
    return url


def read(token, nonce):
    keys = JsonWebKey.import_key_set(requests.get(server["jwks_uri"], timeout=60).json())
    options = {"iss": {"essential": True, "value": server["issuer"]}, "aud": {"essential": True, "value": client_id}}
    options |= {"at_hash": {"essential": True}, "sid": {"essential": True}}
    params = {"client_id": client_id, "access_token": token["access_token"]} | ({"nonce": nonce} if nonce else {})
    claims = jwt.decode(token["id_token"], keys, claims_cls=CodeIDToken, claims_options=options, claims_params=params)
    claims.validate()
    return claims


def request(session, **more):
    verifier, nonce = secrets.token_urlsafe(48), secrets.token_urlsafe(16)
    url, state = session.create_authorization_url(server["authorization_endpoint"], code_verifier=verifier, nonce=nonce, **more)
    return url, state, {"code_verifier": verifier}, nonce


session = OAuth2Session(client_id, secret, scope="openid profile email offline_access", redirect_uri=redirect_uri, code_challenge_method="S256")
browser = Browser()
url, state, verifier, nonce = request(session)
page = browser.fill(browser.open(url), email=email)
wrong = browser.fill(page, password="not my password")
url = callback(browser.fill(wrong, password=password), state)
token = session.fetch_token(server["token_endpoint"], authorization_response=url, state=state, **verifier)
claims = read(token, nonce)
info = session.get(server["userinfo_endpoint"]).json()

# Signed in already: the next request comes back at once.
url, state, _, _ = request(session, prompt="none")
known = "code=" in callback(browser.open(url), state)

renewed = session.refresh_token(server["token_endpoint"])
again = read(renewed, None)
revoked = session.revoke_token(server["revocation_endpoint"], token=renewed["refresh_token"], token_type_hint="refresh_token")
after_revocation = requests.get(server["userinfo_endpoint"], headers={"authorization": f"Bearer {renewed['access_token']}"}, timeout=60)

leaving = {"id_token_hint": token["id_token"], "post_logout_redirect_uri": post_logout, "state": "bye"}
left = browser.open(f"{server['end_session_endpoint']}?{urlencode(leaving)}")
url, state, _, _ = request(session, prompt="none")
error = parse_qs(urlsplit(callback(browser.open(url), state)).query)["error"][0]

print(json.dumps({
    "wrong_password": wrong.status_code,
    "id_token": claims,
    "userinfo": info,
    "known": known,
    "renewed": {name: again[name] for name in ("sub", "sid", "auth_time")},
    "revoked": revoked.status_code,
    "userinfo_after_revocation": after_revocation.status_code,
    "left": left if isinstance(left, str) else left.text,
    "after_logout": error,
}))
