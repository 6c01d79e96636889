"""pysaml2 as an organization's identity provider, with a person's browser: `saml_provider.py metadata FOLDER` makes its keys and prints its metadata;
`saml_provider.py sign-in FOLDER BASE METADATA_URL EMAIL AUTHORIZE_URL…` signs somebody in by each way to sign and encrypt, in a browser of its own for each URL,
and prints what the application was sent, as JSON. Debian: python3-pysaml2, xmlsec1.
"""

import functools
import html.parser
import json
import subprocess
import sys
from urllib.parse import parse_qs, urljoin, urlsplit

import requests
import saml2.entity
import saml2.sigver
from saml2 import BINDING_HTTP_POST, BINDING_HTTP_REDIRECT
from saml2.config import IdPConfig
from saml2.metadata import entity_descriptor
from saml2.saml import NAMEID_FORMAT_PERSISTENT, NameID
from saml2.server import Server

IDP = "https://idp.acme.example/metadata"
SIGN, DIGEST = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256", "http://www.w3.org/2001/04/xmlenc#sha256"
folder = sys.argv[2]


def config(**more):
    service = {
        "endpoints": {"single_sign_on_service": [("http://127.0.0.1:9/sso", BINDING_HTTP_REDIRECT)]},
        "policy": {"default": {"lifetime": {"minutes": 15}, "attribute_restrictions": None}},
        "subject_data": f"{folder}/subjects",
    }
    return IdPConfig().load({
        "entityid": IDP, "xmlsec_binary": "/usr/bin/xmlsec1", "key_file": f"{folder}/idp.key", "cert_file": f"{folder}/idp.crt",
        "signing_algorithm": SIGN, "digest_algorithm": DIGEST, "service": {"idp": service}, **more,
    })


if sys.argv[1] == "metadata":
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=idp.acme.example", "-days", "30",
                    "-keyout", f"{folder}/idp.key", "-out", f"{folder}/idp.crt"], check=True, capture_output=True)
    print(entity_descriptor(config()))
    sys.exit()

base, metadata_url, email = sys.argv[3:6]
with open(f"{folder}/sp.xml", "w") as file:
    file.write(requests.get(metadata_url, timeout=60).text)
server = Server(config=config(metadata={"local": [f"{folder}/sp.xml"]}))

# Its default is 3DES, which nobody takes any more.
saml2.entity.pre_encryption_part = functools.partial(saml2.sigver.pre_encryption_part, msg_enc="http://www.w3.org/2009/xmlenc11#aes256-gcm")
saml2.sigver.CryptoBackendXmlSec1.encrypt_assertion.__defaults__ = ("aes-256", None, None)
saml2.sigver.SecurityContext.encrypt_assertion.__defaults__ = ("aes-256", None)


class Fields(html.parser.HTMLParser):
    """The fields of the form that pysaml2 writes."""

    def __init__(self, page):
        super().__init__()
        self.fields = {}
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag == "input" and attrs.get("name"):
            self.fields[attrs["name"]] = attrs.get("value", "")


def led(browser, answer):
    """Follows redirects as long as they lead to the server; answers where that ends."""
    while answer.is_redirect:
        to = urljoin(answer.url, answer.headers["location"])
        if not to.startswith(base):
            return to
        answer = browser.get(to, allow_redirects=False, timeout=60)
    raise AssertionError(f"stayed at {answer.url} ({answer.status_code}): {answer.text}")


def sign_in(url, how):
    browser = requests.Session()
    away = led(browser, browser.get(url, allow_redirects=False, timeout=60))
    query = {name: values[0] for name, values in parse_qs(urlsplit(away).query).items()}
    asked = server.parse_authn_request(query["SAMLRequest"], BINDING_HTTP_REDIRECT)
    certificates = server.metadata.certs(asked.message.issuer.text, "spsso", "signing")
    crypto = saml2.sigver.RSACrypto(None)
    verified = [saml2.sigver.verify_redirect_signature(query, crypto, one) for one in certificates]
    to = server.response_args(asked.message)
    encrypted = how == "encrypted"
    response = server.create_authn_response(
        identity={"mail": [email], "uid": ["u1"]}, userid="u1", name_id=NameID(format=NAMEID_FORMAT_PERSISTENT, text="u1"),
        sign_assertion=how in ("assertion", "both", "encrypted"), sign_response=how in ("response", "both"),
        authn={"class_ref": "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport", "authn_auth": IDP},
        encrypt_assertion=encrypted, encrypted_advice_attributes=False, sign_alg=SIGN, digest_alg=DIGEST, **to)
    sent = server.apply_binding(BINDING_HTTP_POST, str(response), to["destination"], query["RelayState"], response=True)
    fields = Fields(sent["data"] if isinstance(sent["data"], str) else "".join(sent["data"])).fields
    # From another site, without the cookies; what follows has them.
    posted = requests.post(to["destination"], fields, headers={"origin": "https://idp.acme.example"}, allow_redirects=False, timeout=60)
    assert posted.status_code == 303, f"{posted.status_code}: {posted.text}"
    back = led(browser, browser.get(urljoin(base, posted.headers["location"]), allow_redirects=False, timeout=60))
    answer = {name: values[0] for name, values in parse_qs(urlsplit(back).query).items()}
    return {"how": how, "verified": verified, "answer": answer}


print(json.dumps([sign_in(url, how) for how, url in zip(("assertion", "response", "both", "encrypted"), sys.argv[6:])]))
