"""`send` and `repl` with --url, as they are typed."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from commands import genreply, shell
from greeters import Served, served

PAGE = Path(__file__).parents[2] / "genreply_cli" / "cli" / "README.md"
README = PAGE.read_text(encoding="utf-8")
RPC = '{"jsonrpc": "2.0", "id": "{id}", "method": "greet", "params": ["{message}"]}'


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("state")) as server:
        yield server


def test_send_prints_the_answer_of_a_real_server(server: Served) -> None:
    done = genreply("send", "--url", server.url, "Hello world", "--timeline", "--plain")
    assert (done.code, done.out) == (0, "Hello world to you too!\n")
    rows = [line.split(maxsplit=3)[1:3] for line in done.err.splitlines()]
    calls = [kind for call, kind in rows if call == "c1"]
    assert calls == ["call", "cast", "noreply", "info", "reply"]  # as with the fake socket


def test_the_repl_talks_to_a_real_server(server: Served, tmp_path: Path) -> None:
    typed = r"printf 'Hello\nand again\n'"
    done = shell(f"{typed} | genreply repl --url {server.url} --delay 0 --no-record", tmp_path)
    assert (done.code, done.out) == (0, "Hello to you too!\nand again to you too!\n")


def test_a_recording_of_a_real_session_can_be_checked_and_not_be_run_again(
    server: Served, tmp_path: Path
) -> None:
    url, file = server.url.replace("ws://", "ws://me:s3cret@"), tmp_path / "it.jsonl"
    words: list[str | Path] = [
        "A",
        "B",
        "C",
        "--jobs",
        "3",
        "--record",
        file,
        "--header",
        "X: s3cret",
    ]
    assert genreply("send", "--url", f"{url}/?token=s3cret", *words).code == 0
    assert "s3cret" not in file.read_text()
    assert json.loads(file.read_text().splitlines()[0])["settings"]["url"] == f"{server.url}/?…"
    assert genreply("trace", file, "--check").err.endswith("calls: nothing wrong\n")
    assert genreply("trace", file, "--diff", file).err == "equal: 3 calls\n"
    assert "a real server answered" in genreply("trace", file, "--rerun").err
    explained = genreply("trace", file, "--explain", "--call", "c1").out
    assert "to you too!" in explained
    assert 'MessageReceived(f"{msg} to you too!"' not in explained  # the fake one did not do it


def test_json_rpc_is_spoken_with_a_template_and_a_pointer(server: Served) -> None:
    words = ["--request", RPC, "--answer-at", "/result", "A", "B", "--jobs", "2"]
    done = genreply("send", "--url", server.url, *words)
    assert (done.code, done.out) == (0, "A to you too!\nB to you too!\n")


def test_an_error_is_an_error_of_its_caller_at_once(server: Served, tmp_path: Path) -> None:
    file = tmp_path / "it.jsonl"
    wrong = RPC.replace("greet", "bow")
    words = ["--request", wrong, "A", "B", "--jobs", "2", "--json", "--record", str(file)]
    done = genreply("send", "--url", server.url, *words)
    assert done.code == 7
    outcomes = [json.loads(line) for line in done.out.splitlines()]
    assert [outcome["status"] for outcome in outcomes] == ["error", "error"]
    said = "RemoteError: there is no such method; expected greet (-32601)"
    assert {outcome["error"] for outcome in outcomes} == {said}
    assert all(outcome["blocked"] < 4 for outcome in outcomes)  # of the five seconds of a timeout
    assert genreply("trace", file, "--check").code == 0
    explained = genreply("trace", file, "--explain", "--call", "c1").out
    assert f": message_received the error {said}." in explained
    assert f"coordinator replies with the error {said}; caller raises it" in explained


def test_what_the_readme_shows_works(server: Served, tmp_path: Path) -> None:
    blocks = [
        block for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL) if "--url" in block
    ]
    script = "".join(blocks).replace("genreply serve &\n", "")
    assert script.count("ws://127.0.0.1:8765") == 3
    done = shell(script.replace("ws://127.0.0.1:8765", server.url), tmp_path)
    assert (done.code, done.out) == (0, "Hello world to you too!\nHello to you too!\n")


def test_nobody_there_is_told_with_the_exit_status_of_a_server_that_is_gone() -> None:
    done = genreply("send", "--url", "ws://127.0.0.1:1", "Hello")
    assert (done.code, done.out) == (4, "")
    refused = "cannot connect to ws://127.0.0.1:1: connection refused"
    assert done.err.startswith(f"error: c1 got no reply: the server exited, {refused}\n")


def test_many_greetings_to_nobody_end_soon() -> None:
    done = genreply("send", "--url", "ws://127.0.0.1:1", "Hello", "--count", "100000")
    assert (done.code, done.out) == (4, "")
    assert "is the server still running?" in done.err


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["--header", "X: y"], "--header is for --url, which is missing"),
        (["--answer-at", "/x"], "--answer-at is for --url, which is missing"),
        (["--error-at", "/x"], "--error-at is for --url, which is missing"),
        (["--url", "ws://x", "--error-at", "x"], "'x' is no JSON pointer; expected a slash first"),
        (["--url", "http://x"], "it begins with http:; expected something like ws://"),
        (["--url", "ws://x", "--insecure"], "--insecure is for a wss:// address, which is missing"),
        (["--url", "ws://x", "-c", "fifo", "--id-at", "/x"], "--id-at is for --coordinator keyed"),
        (["--url", "ws://x", "--request", "{}"], "expected something like"),
        (["--url", "ws://x", "--clock", "virtual"], "--url is for --clock real"),
        (["--url", "wss://x", "--ca-file", "nowhere.pem"], "--ca-file nowhere.pem: no such file"),
    ],
)
def test_options_that_do_not_fit_are_refused(words: list[str], problem: str) -> None:
    done = genreply("send", "Hello", *words)
    assert done.code == 2
    assert problem in done.err


# --- bench


@pytest.mark.parametrize(("coordinator", "figures"), [("keyed", 2), ("fifo", 2), ("single", 1)])
def test_bench_measures_a_coordinator_beside_a_bare_loop(
    coordinator: str, figures: int, server: Served
) -> None:
    words = ["--url", server.url, "-c", coordinator, "--rounds", "1", "--scale", "0.02", "--json"]
    done = genreply("bench", *words)
    assert done.code == 0
    measured = json.loads(done.out)["figures"]
    assert len(measured) == figures
    assert all(each["genreply"] > 0 and each["baseline"] > 0 for each in measured)


def test_bench_says_which_error_it_was_answered_with(server: Served) -> None:
    words = ["--request", RPC.replace("greet", "bow"), "--rounds", "1", "--scale", "0.02"]
    done = genreply("bench", "--url", server.url, *words)
    assert (done.code, done.out) == (7, "")
    assert done.err.startswith("error: the server answered with an error: there is no such method")


def test_bench_says_why_there_is_no_connection() -> None:
    done = genreply("bench", "--url", "ws://127.0.0.1:1", "--rounds", "1", "--scale", "0.02")
    assert done.code == 4
    assert done.err.startswith("error: cannot connect to ws://127.0.0.1:1: connection refused")


# --- TLS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("openssl") is None:
        pytest.skip(
            "openssl is not installed, and no certificate can be made: apt-get install openssl"
        )
    file = tmp_path_factory.mktemp("tls") / "it.pem"
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *subject]
    subprocess.run(
        [*command, "-keyout", str(file), "-out", str(file.with_suffix(".crt"))],
        check=True,
        capture_output=True,
    )
    return file


def test_a_certificate_is_checked_unless_that_is_switched_off_loudly(
    certificate: Path, tmp_path: Path
) -> None:
    program = tmp_path / "server.py"
    program.write_text(TLS_SERVER)
    process = subprocess.Popen(
        [sys.executable, str(program), str(certificate)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        url = f"wss://localhost:{process.stdout.readline().strip()}"
        refused = genreply("send", "--url", url, "A")
        trusted = genreply("send", "--url", url, "A", "--ca-file", certificate.with_suffix(".crt"))
        insecure = genreply("send", "--url", url, "A", "--insecure")
    finally:
        process.kill()
        process.communicate()
    assert refused.code == 4
    assert "its certificate is not accepted: self" in refused.err
    assert (trusted.code, trusted.err) == (0, "")
    assert insecure.code == 0
    assert insecure.err.startswith("WARNING: nobody checks who answers: --insecure")


TLS_SERVER = """
import asyncio, ssl, sys
from websockets.asyncio.server import serve

async def echo(connection):
    async for frame in connection:
        await connection.send(frame)

async def main():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[1].replace(".pem", ".crt"), sys.argv[1])
    async with serve(echo, "localhost", 0, ssl=context, family=2) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await server.wait_closed()

asyncio.run(main())
"""


def test_a_session_that_ends_closes_its_connection_as_one_should(tmp_path: Path) -> None:
    with served(tmp_path) as server:
        assert genreply("send", "--url", server.url, "Hello").code == 0
        _, told = server.end()
    [closed] = [line for line in told if "closed by the client" in line]
    assert "closed by the client with 1000" in closed
