"""What the web answers when things go wrong: plain sentences, and nothing half-written."""

import http.client
import re
import socket
import urllib.error
import urllib.request

import pytest

from installations import running, until

PROGRAMS = (("danji.config.serve",),)


@pytest.fixture(scope="module")
def port(installation):
    with socket.create_server(("127.0.0.1", 0)) as free:
        number = free.getsockname()[1]
    installation.environment.update(
        DANJI_PORT=str(number), DANJI_SITE_URL=f"http://127.0.0.1:{number}", DANJI_DEMO="1"
    )
    answer = installation.manage("demonstrate")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    with running(installation, *PROGRAMS):
        until(lambda: is_open(number))
        yield number


def is_open(number):
    try:
        socket.create_connection(("127.0.0.1", number), timeout=5).close()
    except OSError:
        return False
    return True


class Visitor:
    """A browser of the simplest kind: one connection, its cookies, its forms."""

    def __init__(self, port):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self.cookies: dict[str, str] = {}

    def ask(self, method, path, body=b"", **headers):
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        self.connection.request(method, path, body, headers)
        return self.read()

    def read(self):
        reply = self.connection.getresponse()
        for name, value in reply.getheaders():
            if name.lower() == "set-cookie":
                cookie, _, content = value.partition(";")[0].partition("=")
                self.cookies[cookie] = content
        return reply, reply.read().decode()

    def post(self, path, **fields):
        body = urllib.parse.urlencode(fields | {"csrfmiddlewaretoken": self.token}).encode()
        return self.ask("POST", path, body, Content_Type="application/x-www-form-urlencoded")

    def enter(self, office):
        _, page = self.ask("GET", "/accounts/login/")
        self.token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)[1]
        person = re.search(rf'value="([0-9a-f-]+)"[^>]*>{office} ', page)[1]
        reply, _ = self.post("/demo/login/", person=person)
        assert reply.status == 302
        self.token = self.cookies["csrftoken"]

    def start(self, form):
        reply, _ = self.post("/desk/drafts/", form=form)
        assert reply.status in (302, 303)
        return reply.getheader("Location")


@pytest.fixture
def clerk(port):
    visitor = Visitor(port)
    visitor.enter("담당")
    yield visitor
    visitor.connection.close()


def upload(visitor, draft, name, data, *, length=None):
    """Send a file as a browser does; `length` is what the browser says it will send."""
    _, page = visitor.ask("GET", draft)
    revision = re.search(r'name="revision" value="(\d+)"', page)[1]
    edge = "edge"
    head = (
        f'--{edge}\r\nContent-Disposition: form-data; name="csrfmiddlewaretoken"\r\n\r\n'
        f"{visitor.token}\r\n--{edge}\r\n"
        f'Content-Disposition: form-data; name="revision"\r\n\r\n{revision}\r\n--{edge}\r\n'
        f'Content-Disposition: form-data; name="file"; filename="{name}"\r\n'
        "Content-Type: application/pdf\r\n\r\n"
    ).encode()
    body = head + data + f"\r\n--{edge}--\r\n".encode()
    return visitor.ask(
        "POST",
        f"{draft}attachments/",
        body,
        Content_Type=f"multipart/form-data; boundary={edge}",
        **({"Content_Length": str(length)} if length else {}),
    )


@pytest.mark.parametrize(
    ("name", "data", "sentence"),
    [
        ("견적서.pdf", b"MZ this is a program", "PDF 파일로 읽히지 않습니다"),
        ("견적서.png", b"%PDF-1.7 whole %%EOF", "이름과 달리 PDF"),
        ("견적서.pdf", b"%PDF-1.7 half", "끝까지 들어 있지 않습니다"),
        ("견적서.pdf", b"", "비어 있습니다"),
    ],
    ids=["a program", "a liar", "half a file", "nothing"],
)
def test_a_file_that_is_not_what_it_should_be(clerk, name, data, sentence):
    reply, page = upload(clerk, clerk.start("memo"), name, data)
    assert reply.status == 409
    assert sentence in page


def test_two_gigabytes_are_refused_before_they_are_read(clerk, installation):
    draft = clerk.start("memo")
    reply, page = upload(clerk, draft, "큰파일.pdf", b"%PDF-1.7", length=2 * 1024**3)
    assert reply.status in (409, 413)
    assert "20" in page
    assert not list((installation.home / "run").glob("*.upload*"))


def test_the_database_is_away(clerk, installation, port):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/accounts/login/") as reply:
        assert reply.status == 200
    installation.cluster.stop()
    try:
        with pytest.raises(urllib.error.HTTPError) as error:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/desk/")
        page = error.value.read().decode()
        assert error.value.code == 503
        assert "잠시" in page
    finally:
        installation.cluster.start()
    until(lambda: clerk.ask("GET", "/desk/")[0].status == 200)
