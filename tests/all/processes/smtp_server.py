"""A mail server for the tests: encryption, AUTH, and a diary of what it was told.

smtp_server.py PORT FOLDER MODE   with MODE = starttls | tls | plain

FOLDER holds cert.pem and key.pem (starttls, tls) and `password`, read anew at each sign-in. Every accepted message becomes a file
`N.eml` there; `diary` gets one line for each command, with whether the connection was encrypted at that moment.
"""

import asyncio
import logging
import pathlib
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult

port, folder, mode = int(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3]


def note(text):
    with open(folder / "diary", "a") as diary:
        diary.write(text + "\n")


def encrypted(server):
    return server.transport.get_extra_info("sslcontext") is not None


class Handler:
    count = 0

    async def handle_DATA(self, server, session, envelope):
        Handler.count += 1
        note(f"message encrypted={encrypted(server)} user={session.authenticated}")
        partial = folder / f"{Handler.count}.partial"
        partial.write_bytes(envelope.content)
        partial.rename(folder / f"{Handler.count}.eml")
        return "250 OK"


def authenticate(server, session, envelope, mechanism, data):
    good = data.password.decode() == (folder / "password").read_text() and data.login == b"tenantry"
    note(f"auth {mechanism} good={good} encrypted={encrypted(server)}")
    return AuthResult(success=good, handled=good)


class Noting(SMTP):
    async def smtp_EHLO(self, hostname):
        note(f"ehlo encrypted={encrypted(self)}")
        return await super().smtp_EHLO(hostname)

    async def smtp_MAIL(self, arg):
        note(f"mail encrypted={encrypted(self)}")
        return await super().smtp_MAIL(arg)


def context():
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return context


def make():
    settings = dict(hostname="localhost", enable_SMTPUTF8=True, authenticator=authenticate)
    if mode == "starttls":
        settings |= dict(tls_context=context(), require_starttls=True, auth_required=True, auth_require_tls=True)
    else:
        # It does not see an encryption that was there before it.
        settings |= dict(auth_require_tls=False, auth_required=mode == "tls")
    return Noting(Handler(), **settings)


async def main():
    loop = asyncio.get_running_loop()
    server = await loop.create_server(make, "127.0.0.1", port, ssl=context() if mode == "tls" else None)
    note("listens")
    await server.serve_forever()


logging.basicConfig(level=logging.INFO)
asyncio.run(main())
