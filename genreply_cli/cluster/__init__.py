"""More than one machine: servers here in a cluster of real Erlang nodes, and theirs here.

The entrance is `Cluster`. It needs `erl` on the path and the extra `cluster` (erlang_py).
"""

from genreply_cli.cluster.beam import ClusterError
from genreply_cli.cluster.cluster import Cluster
from genreply_cli.cluster.remote import NoConnection, RemoteError, RemoteServer
from genreply_cli.cluster.terms import Atom, NotATerm

__all__ = [
    "Atom",
    "Cluster",
    "ClusterError",
    "NoConnection",
    "NotATerm",
    "RemoteError",
    "RemoteServer",
]
