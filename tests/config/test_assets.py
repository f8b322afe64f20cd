"""How long a browser may keep scripts, styles and fonts."""

from pathlib import Path

import pytest

from danji.config.assets import with_assets


@pytest.fixture
def get(tmp_path: Path):
    (tmp_path / "static").mkdir()
    (tmp_path / "static" / "desk.css").write_text("main {}")
    (tmp_path / "static" / "desk.0123456789ab.css").write_text("main {}")
    (tmp_path / "secret.css").write_text("hidden")

    def application(_environ, start_response):
        start_response("404 Not Found", [])
        return [b"from the application"]

    serve = with_assets(application, prefix="/static/", folder=tmp_path / "static")

    def get(path: str, **headers: str) -> tuple[str, dict[str, str], bytes]:
        answer = []
        environ = {"REQUEST_METHOD": "GET", "PATH_INFO": path, **headers}
        body = serve(environ, lambda *said: answer.extend(said))
        content = b"".join(body)
        if hasattr(body, "close"):
            body.close()
        return answer[0], dict(answer[1]), content

    return get


def test_a_name_with_its_digest_is_kept_for_good(get):
    status, headers, content = get("/static/desk.0123456789ab.css")
    assert (status, content) == ("200 OK", b"main {}")
    assert "immutable" in headers["Cache-Control"]
    assert headers["Content-Type"] == "text/css; charset=utf-8"


def test_any_other_name_is_asked_for_again_and_sent_only_when_changed(get):
    _, headers, _ = get("/static/desk.css")
    assert headers["Cache-Control"] == "no-cache"
    status, _, content = get("/static/desk.css", HTTP_IF_NONE_MATCH=headers["ETag"])
    assert (status, content) == ("304 Not Modified", b"")


@pytest.mark.parametrize(
    "path", ["/static/none.css", "/static/../secret.css", "/static/", "/static/\0", "/desk/"]
)
def test_everything_else_is_the_applications(get, path):
    assert get(path)[2] == b"from the application"
