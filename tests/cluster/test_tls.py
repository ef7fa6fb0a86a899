"""Nodes that talk TLS: who has no certificate of theirs is not let in."""

import asyncio
import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from peers import NEEDS_ELIXIR
from servers import Echo

from genreply_cli.cluster import Cluster, NoConnection
from genreply_cli.otp import Node

pytestmark = [
    NEEDS_ELIXIR,
    pytest.mark.skipif(
        shutil.which("openssl") is None and not os.environ.get("GENREPLY_NEED_ERL"),
        reason="no `openssl` on the path; apt-get install openssl, to test TLS in a cluster",
    ),
]


def openssl(*arguments: object) -> None:
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


def certificate(folder: Path, name: str) -> Path:
    """A file for Erlang's ssl_dist_optfile, with a certificate of an authority of its own."""
    key, cert, own, request, authority, extension, options = (
        folder / f"{name}.{end}" for end in ("key", "pem", "own", "csr", "ca", "ext", "conf")
    )
    new = ("-newkey", "rsa:2048", "-nodes", "-subj")
    openssl("req", "-x509", *new, f"/CN=authority of {name}", "-keyout", own, "-out", authority)
    openssl("req", *new, f"/CN={name}", "-keyout", key, "-out", request)
    extension.write_text("subjectAltName=DNS:127.0.0.1")
    signed = ("-CA", authority, "-CAkey", own, "-extfile", extension, "-out", cert)
    openssl("x509", "-req", "-in", request, *signed)
    both = f'{{certfile, "{cert}"}}, {{keyfile, "{key}"}}, {{cacertfile, "{authority}"}},'
    both += " {verify, verify_peer}"
    server = f"{{server, [{both}, {{fail_if_no_peer_cert, true}}]}}"
    client = f"{{client, [{both}]}}"
    options.write_text(f"[{server}, {client}].\n")
    return options


def test_nodes_with_one_authority_talk_and_all_others_are_refused_at_once(
    tmp_path: Path,
) -> None:
    ours, theirs = (certificate(tmp_path, name) for name in ("ours", "theirs"))

    async def story() -> None:
        names = [f"tls{os.getpid()}{which}@127.0.0.1" for which in "abcd"]
        async with Node(), Cluster(names[0], tls=ours) as cluster:
            await cluster.serve("echo", Echo.start())
            async with Cluster(names[1], tls=ours) as other:
                assert await other.server("echo", names[0]).call("secret") == "secret"
            for name, tls in zip(names[2:], (theirs, None), strict=True):
                async with Cluster(name, tls=tls) as stranger:
                    began = time.perf_counter()
                    with pytest.raises(NoConnection, match="it does not run, cannot be reached"):
                        await stranger.server("echo", names[0]).call("secret", 60)
                    print(f"refused after {time.perf_counter() - began:.3f} s")

    asyncio.run(story())
