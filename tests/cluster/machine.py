"""What runs on this machine for a cluster's tests: Redis, Kafka, and who publishes to them. Each in a folder of its own, on
an address that pods reach, stopped by its process id."""

import contextlib
import os
import pathlib
import secrets
import signal
import socket
import struct
import subprocess
import tempfile

from kube import ROOT, Failed, until

DATA = ROOT / "../shared/data/derived-trades-20240808/trades_20240808.csv.gz"
BINARY = os.environ.get("SELF_TRADER_BINARY", str(ROOT / "target/release/self-trader"))


class Process:
    """A process with its log; ended when the `with` ends."""

    def __init__(self, name, words, folder, environment=None):
        self.log = pathlib.Path(folder) / f"{name}.log"
        with self.log.open("w") as log:
            environment = {**os.environ, **(environment or {})}
            self.child = subprocess.Popen(
                list(map(str, words)), stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=folder, env=environment
            )
        self.name = name

    def says(self, text):
        if self.child.poll() is not None:
            raise Failed(f"{self.name} ended:\n{self.log.read_text()[-2000:]}")
        return text in self.log.read_text()

    def stop(self):
        self.child.terminate()
        try:
            self.child.wait(10)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()


class Server:
    """Something that listens on `host`; `url` is what pods and publishers are given."""

    def __init__(self, host):
        self.host, self.process = host, None
        self.folder = tempfile.TemporaryDirectory(prefix="self-trader-")

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    @contextlib.contextmanager
    def frozen(self):
        """Stands still while the `with` lasts: connections stay, nothing is answered."""
        self.process.child.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.child.send_signal(signal.SIGCONT)

    def free_port(self):
        with socket.socket() as probe:
            probe.bind((self.host, 0))
            return probe.getsockname()[1]

    def __exit__(self, *_):
        if self.process:
            self.process.stop()
        self.folder.cleanup()


class Redis(Server):
    """A redis-server with a password."""

    scheme = "redis"

    def start(self):
        self.port, password = self.free_port(), secrets.token_hex(8)
        words = ["redis-server", "--bind", self.host, "--port", self.port, "--requirepass", password, "--save", ""]
        self.process = Process("redis", words, self.folder.name)
        until("redis-server starts", lambda: self.process.says("Ready to accept connections"), 20)
        self.url = self.publish = f"redis://:{password}@{self.host}:{self.port}"


class Kafka(Server):
    """An Apache Kafka broker of one node with one topic."""

    scheme = "kafka"
    PARTITIONS = 12

    def start(self):
        jars = os.environ["SELF_TRADER_KAFKA"]
        self.port, control = self.free_port(), self.free_port()
        folder = pathlib.Path(self.folder.name)
        properties = folder / "server.properties"
        properties.write_text(self.properties(control, folder / "data"))
        java = ["java", "-Xmx512m", "-cp", f"{jars}/*"]
        tool = [*java, "kafka.tools.StorageTool"]
        made = subprocess.run([*tool, "random-uuid"], capture_output=True, text=True, check=True).stdout.split()[-1]
        form = [*tool, "format", "-t", made, "-c", properties]
        subprocess.run(form, capture_output=True, check=True, cwd=folder)
        self.process = Process("kafka", [*java, "kafka.Kafka", properties], folder)
        until("the broker starts", lambda: self.process.says("Kafka Server started"), 60)
        brokers = f"{self.host}:{self.port}"
        self.publish = f"kafka://{brokers}/trades"
        self.url = f"{self.publish}?group=fleet"
        self.make_topic("trades")

    def make_topic(self, name):
        """One CreateTopics request (version 4): the tools that send it are not among the broker's own jars."""

        def text(word):
            return struct.pack(">h", len(word)) + word.encode()

        topic = text(name) + struct.pack(">ihii", self.PARTITIONS, 1, 0, 0)
        request = struct.pack(">hhi", 19, 4, 1) + text("test") + struct.pack(">i", 1) + topic + struct.pack(">ib", 10_000, 0)
        with socket.create_connection((self.host, self.port), 10) as broker:
            broker.sendall(struct.pack(">i", len(request)) + request)
            reader = broker.makefile("rb")
            answer = reader.read(struct.unpack(">i", reader.read(4))[0])
        # Correlation, throttle, one topic, its name; then the error.
        (error,) = struct.unpack_from(">h", answer, 14 + len(name))
        if error:
            raise Failed(f"the topic was not made: error {error}")

    def properties(self, control, data):
        lines = {
            "process.roles": "broker,controller",
            "node.id": 1,
            "controller.quorum.voters": f"1@{self.host}:{control}",
            "listeners": f"PLAINTEXT://{self.host}:{self.port},CONTROLLER://{self.host}:{control}",
            "advertised.listeners": f"PLAINTEXT://{self.host}:{self.port}",
            "controller.listener.names": "CONTROLLER",
            "inter.broker.listener.name": "PLAINTEXT",
            "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
            "offsets.topic.replication.factor": 1,
            "offsets.topic.num.partitions": 4,
            "transaction.state.log.replication.factor": 1,
            "transaction.state.log.min.isr": 1,
            "auto.create.topics.enable": "false",
            "group.initial.rebalance.delay.ms": 0,
            "group.min.session.timeout.ms": 1000,
            "log.dirs": data,
        }
        return "".join(f"{key}={value}\n" for key, value in lines.items())


class Publisher:
    """A recorded tape under many symbols, each twice a second, for as long as the `with` lasts."""

    RATE = 2

    def __init__(self, server, symbols):
        self.server, self.symbols = server, symbols

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="self-trader-")
        self.start()
        return self

    def start(self):
        words = [BINARY, "replay", *tape(self.folder.name), "--to", self.server.publish]
        words += ["--copies", self.symbols, "--steady", self.RATE]
        self.process = Process("replay", words, self.folder.name)

    def start_again(self):
        """It may have given up while its server stood still."""
        self.process.stop()
        self.start()

    def __exit__(self, *_):
        self.process.stop()
        self.folder.cleanup()


def tape(folder):
    """The recorded one where the project's data lies beside it, else one written into the folder."""
    if DATA.exists():
        return [DATA.resolve(), "--series", "binance-spot:BTCUSDT"]
    written = pathlib.Path(folder) / "BTCUSDT-trades-2024-01-01.csv"
    with written.open("w") as file:
        for number in range(2000):
            price, stamp = 60000 + (number * 7919 % 1000) / 100, 1700000000000 + number * 500
            file.write(f"{number},{price:.2f},0.01,{price / 100:.4f},{stamp},{number % 2 == 0},True\n")
    return [written]


def symbols(count):
    """The names that `replay --copies` gives."""
    return [f"BTCUSDTX{number:03}" for number in range(1, count + 1)]


def address_for(node):
    """This machine's address as the cluster sees it; FEED_HOST says otherwise."""
    if host := os.environ.get("FEED_HOST"):
        return host
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((node, 9))
        return probe.getsockname()[0]
