"""pysaml2 as a service that takes SAML from us, with a person's browser: `saml_service.py keys FOLDER` makes its keys and prints its certificate;
`saml_service.py sign-in FOLDER METADATA_URL EMAIL PASSWORD HOW` signs somebody in by a request in a query (`redirect`) or a form (`post`), and out again, and prints
what the service believes, as JSON. Debian: python3-pysaml2, xmlsec1.
"""

import html.parser
import json
import subprocess
import sys
from urllib.parse import parse_qs, urljoin, urlsplit

import requests
from saml2 import BINDING_HTTP_POST, BINDING_HTTP_REDIRECT
from saml2.client import Saml2Client
from saml2.config import SPConfig
from saml2.saml import NAMEID_FORMAT_PERSISTENT

AT = "https://portal.example.com/saml"
SIGN, DIGEST = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256", "http://www.w3.org/2001/04/xmlenc#sha256"
folder = sys.argv[2]
key, certificate = f"{folder}/sp.key", f"{folder}/sp.crt"

if sys.argv[1] == "keys":
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=portal.example.com", "-days", "30",
                    "-keyout", key, "-out", certificate], check=True, capture_output=True)
    print(open(certificate).read())
    sys.exit()

metadata_url, email, password, how = sys.argv[3:7]
base = "{0.scheme}://{0.netloc}".format(urlsplit(metadata_url))
metadata = requests.get(metadata_url, timeout=60)
assert metadata.status_code == 200, metadata.text
with open(f"{folder}/idp.xml", "w") as file:
    file.write(metadata.text)
client = Saml2Client(config=SPConfig().load({
    "entityid": f"{AT}/metadata", "xmlsec_binary": "/usr/bin/xmlsec1", "key_file": key, "cert_file": certificate,
    "encryption_keypairs": [{"key_file": key, "cert_file": certificate}],
    "signing_algorithm": SIGN, "digest_algorithm": DIGEST, "allow_unknown_attributes": True,
    "metadata": {"local": [f"{folder}/idp.xml"]},
    "service": {"sp": {
        "endpoints": {
            "assertion_consumer_service": [(f"{AT}/acs", BINDING_HTTP_POST)],
            "single_logout_service": [(f"{AT}/slo", BINDING_HTTP_REDIRECT)],
        },
        "authn_requests_signed": True, "logout_requests_signed": True, "want_assertions_signed": True,
        "want_response_signed": how == "post", "allow_unsolicited": False, "name_id_format": [NAMEID_FORMAT_PERSISTENT],
    }},
}))
idp = next(iter(client.metadata.keys()))


class Form(html.parser.HTMLParser):
    """The first form of a page with a field of this name."""

    def __init__(self, page, wanted):
        super().__init__()
        self.forms = []
        self.feed(page)
        found = [form for form in self.forms if wanted in form[1]]
        assert found, page
        self.action, self.fields = found[0]

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag == "form":
            self.forms.append((attrs.get("action", ""), {}))
        elif tag == "input" and attrs.get("name") and self.forms:
            self.forms[-1][1][attrs["name"]] = attrs.get("value", "")


browser = requests.Session()


def send(page, name, value):
    form = Form(page.text, name)
    return browser.post(urljoin(page.url, form.action), {**form.fields, name: value}, headers={"origin": base}, timeout=60)


binding = BINDING_HTTP_REDIRECT if how == "redirect" else BINDING_HTTP_POST
asked, http = client.prepare_for_authenticate(
    entityid=idp, relay_state="the-state", binding=binding, response_binding=BINDING_HTTP_POST, sign=True, sigalg=SIGN, digest_alg=DIGEST)
if how == "redirect":
    page = browser.get(dict(http["headers"])["Location"], timeout=60)
else:
    form = Form("".join(http["data"]) if isinstance(http["data"], list) else http["data"], "SAMLRequest")
    # From another site, without the cookies; what follows has them.
    led = requests.post(form.action, form.fields, headers={"origin": "https://portal.example.com"}, allow_redirects=False, timeout=60)
    assert led.status_code == 303, f"{led.status_code}: {led.text}"
    page = browser.get(urljoin(base, led.headers["location"]), timeout=60)
page = send(send(page, "email", email), "password", password)
answer = Form(page.text, "SAMLResponse")
assert answer.fields["RelayState"] == "the-state", answer.fields
said = client.parse_authn_request_response(answer.fields["SAMLResponse"], BINDING_HTTP_POST, outstanding={asked: "/"})
believed = {
    "acs": answer.action, "name_id": said.name_id.text, "format": said.name_id.format, "attributes": said.ava,
    "encrypted": "EncryptedAssertion" in str(said.xmlstr), "session": said.session_info()["session_index"],
}

# Whoever has gone has to say again who they are.
sent = client.do_logout(said.name_id, [idp], "", None, sign=True, expected_binding=BINDING_HTTP_REDIRECT, sign_alg=SIGN, digest_alg=DIGEST)
leave = dict(sent[idp][1]["headers"])["Location"]
gone = browser.get(leave, allow_redirects=False, timeout=60)
assert gone.status_code == 302, f"{gone.status_code}: {gone.text}"
query = {name: values[0] for name, values in parse_qs(urlsplit(gone.headers["location"]).query).items()}
heard = client.parse_logout_request_response(query["SAMLResponse"], BINDING_HTTP_REDIRECT)
believed["gone"] = heard.status_ok() and gone.headers["location"].startswith(f"{AT}/slo")
_, http = client.prepare_for_authenticate(entityid=idp, binding=BINDING_HTTP_REDIRECT, sign=True, sigalg=SIGN, digest_alg=DIGEST)
believed["asked_again"] = "name=\"email\"" in browser.get(dict(http["headers"])["Location"], timeout=60).text
print(json.dumps(believed))
