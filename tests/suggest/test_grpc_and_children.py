"""A process that uses Vizier's service can still start programs."""

import os
import subprocess
import sys

import pytest

SCRIPT = """
import subprocess, sys, threading, warnings
warnings.simplefilter("ignore")
import dse.suggest.vizier_api.study_file
import grpc
from concurrent.futures import ThreadPoolExecutor

class Echo(grpc.GenericRpcHandler):
    def service(self, details):
        return grpc.unary_unary_rpc_method_handler(lambda request, context: request)

server = grpc.server(ThreadPoolExecutor(2))
server.add_generic_rpc_handlers((Echo(),))
port = server.add_insecure_port("127.0.0.1:0")
server.start()
call = grpc.insecure_channel(f"127.0.0.1:{port}").unary_unary("/any/Thing")
over = threading.Event()

def talk():
    while not over.is_set():
        call(b"hello")

talking = threading.Thread(target=talk)
talking.start()
ends = {
    subprocess.run(["true"], preexec_fn=lambda: None).returncode for _ in range(400)
}
over.set()
talking.join()
server.stop(None)
sys.exit(f"ends: {ends}" if ends != {0} else 0)
"""


@pytest.mark.slow
def test_programs_are_started_beside_grpc() -> None:
    env = {name: value for name, value in os.environ.items() if not name.startswith("GRPC_")}
    ran = subprocess.run(
        [sys.executable, "-c", SCRIPT], env=env, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    assert "epoll_wait" not in ran.stderr
