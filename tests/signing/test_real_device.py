"""A real browser with a (virtual) device: what it makes is enrolled, and what it signs holds."""

from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from shutil import which
from threading import Thread

import pytest
from playwright.sync_api import sync_playwright

from danji.signing import actions, passkeys
from signing.enrolment import statement_of

pytestmark = pytest.mark.browser

CREATE = """async (options) => {
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options.publicKey);
  return (await navigator.credentials.create({ publicKey })).toJSON();
}"""
GET = """async ([options, challenge]) => {
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON({
    rpId: options.rp_id, challenge, userVerification: "required",
    allowCredentials: options.allow.map((id) => ({ id, type: "public-key" })),
  });
  const { id, response } = (await navigator.credentials.get({ publicKey })).toJSON();
  return { id, client_data: response.clientDataJSON, signature: response.signature,
           authenticator_data: response.authenticatorData };
}"""


class Blank(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture
def page(settings, tmp_path, monkeypatch):
    """A page of the site in a browser that has a device with a verified user."""
    # The browser's loop runs in this thread, where Django would not ask the database any more.
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    (tmp_path / "index.html").write_text("<!doctype html><title>서명</title>")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Blank, directory=str(tmp_path)))
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    settings.SITE_URL = f"http://localhost:{server.server_address[1]}"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=which("chromium") or which("chromium-browser"),
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        opened = browser.new_page()
        devices = opened.context.new_cdp_session(opened)
        devices.send("WebAuthn.enable")
        device = {
            "protocol": "ctap2",
            "transport": "internal",
            "hasResidentKey": True,
            "hasUserVerification": True,
            "isUserVerified": True,
            "automaticPresenceSimulation": True,
        }
        devices.send("WebAuthn.addVirtualAuthenticator", {"options": device})
        opened.goto(settings.SITE_URL)
        yield opened
        browser.close()
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_browser_registers_and_signs(page, manager, chief, agreed, at):
    options, state = passkeys.registration_options(manager)
    made = page.evaluate(CREATE, options)
    key = actions.request_key(state, made, name="가상 기기", actor=manager, at=at)
    actions.confirm_key(key.id, actor=chief, at=at)

    statements = [statement_of(manager, seq=seq) for seq in (2, 3)]
    for signed in (statements[:1], statements):
        challenge = passkeys.websafe(passkeys.challenge(signed))
        assertion = page.evaluate(GET, [passkeys.assertion_options(manager), challenge])
        signer = passkeys.passkey_signer(manager, assertion, batch=signed)
        assert all(signer(statement).method == "passkey" for statement in signed)
