//! A real Apache Kafka for a test: one node, on free loopback ports, in a folder of its own, stopped by its
//! process id. `SELF_TRADER_KAFKA` names the folder of its jars; `scripts/test` sets it.

use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions, NewTopic, TopicReplication, TopicResult};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::error::{KafkaResult, RDKafkaErrorCode};
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};
use tempfile::TempDir;

/// The user of the SASL listener.
pub(crate) const SASL_USER: &str = "tester";
/// Its password.
pub(crate) const SASL_PASSWORD: &str = "broker-canary-51c9";
/// After how much silence a member's partitions go to others, under both protocols.
pub(crate) const SESSION: Duration = Duration::from_secs(6);

/// How long anything the broker does may take before it counts as never.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a broker is started with beside its plain listener.
#[derive(Clone, Copy, Default)]
pub(crate) struct Options {
    /// A listener that wants SASL PLAIN.
    pub(crate) sasl: bool,
    /// A listener that tells its clients to come to this address instead: a proxy's.
    pub(crate) proxy: Option<SocketAddr>,
    /// Compiled for speed, not for a quick start: for measurements.
    pub(crate) compiled: bool,
}

/// A broker and the tools to fill it.
pub(crate) struct Broker {
    child: Option<Child>,
    lib: PathBuf,
    dir: TempDir,
    plain: u16,
    sasl: u16,
    proxied: u16,
    compiled: bool,
    starts: u32,
    started_at: Instant,
    producer: OnceLock<ThreadedProducer<DefaultProducerContext>>,
}

impl Broker {
    /// A broker with a plain listener; `None`, with a printed reason, where its jars are not known.
    pub(crate) fn start() -> Option<Self> {
        Self::start_with(Options::default())
    }

    pub(crate) fn start_with(options: Options) -> Option<Self> {
        let Some(lib) = std::env::var_os("SELF_TRADER_KAFKA") else {
            println!("skipped: SELF_TRADER_KAFKA does not name a folder with Apache Kafka's jars");
            return None;
        };
        let [plain, controller, sasl, proxied] = [(); 4].map(|()| free_port());
        let dir = TempDir::new().unwrap();
        let properties = properties(dir.path(), plain, controller, sasl, proxied, options);
        fs::write(dir.path().join("server.properties"), properties).unwrap();
        let mut broker = Self {
            child: None,
            lib: lib.into(),
            dir,
            plain,
            sasl,
            proxied,
            compiled: options.compiled,
            starts: 0,
            started_at: now(),
            producer: OnceLock::new(),
        };
        broker.format();
        broker.launch();
        Some(broker)
    }

    /// Its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    /// Starts it again, on its own folder and ports, and waits until it says so.
    pub(crate) fn launch(&mut self) {
        self.starts += 1;
        let log = File::create(self.log_file()).unwrap();
        let child = self
            .java(&["kafka.Kafka"])
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .expect("java starts");
        self.child = Some(child);
        let deadline = now() + PATIENCE;
        while !self.log().contains("Kafka Server started") {
            let ended = self.child.as_mut().and_then(|child| child.try_wait().unwrap());
            assert!(ended.is_none() && now() < deadline, "the broker did not start:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(10));
        }
        self.started_at = now();
    }

    /// When it last said that it has started.
    pub(crate) const fn started_at(&self) -> Instant {
        self.started_at
    }

    /// Stops it in order.
    pub(crate) fn stop(&mut self) {
        self.signal("TERM");
        self.child.take().unwrap().wait().unwrap();
    }

    /// Ends it as a crash would.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Sends a signal such as `STOP` or `CONT`.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.as_ref().unwrap().id().to_string();
        assert!(Command::new("kill").arg(format!("-{name}")).arg(pid).status().unwrap().success());
    }

    /// `host:port` of the plain listener.
    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.plain)
    }

    /// `host:port` of the listener that wants a password.
    pub(crate) fn sasl_address(&self) -> String {
        format!("127.0.0.1:{}", self.sasl)
    }

    /// Where a proxy has to lead to.
    pub(crate) fn behind_proxy(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.proxied))
    }

    pub(crate) fn create_topic(&self, name: &str, partitions: i32) {
        let topic = NewTopic::new(name, partitions, TopicReplication::Fixed(1));
        let admin = self.admin();
        until_made(|| wait(admin.create_topics([&topic], &AdminOptions::new())));
    }

    /// Raises a topic's number of partitions to `partitions`.
    pub(crate) fn create_partitions(&self, topic: &str, partitions: usize) {
        let more = NewPartitions::new(topic, partitions);
        let admin = self.admin();
        until_made(|| wait(admin.create_partitions([&more], &AdminOptions::new())));
    }

    /// Hands a message to the producer: to its key's partition by murmur2, or to the one given.
    pub(crate) fn produce(&self, topic: &str, key: Option<&str>, payload: &[u8], partition: Option<i32>) {
        let mut record = BaseRecord::<str, [u8]>::to(topic).payload(payload);
        if let Some(key) = key {
            record = record.key(key);
        }
        if let Some(partition) = partition {
            record = record.partition(partition);
        }
        self.producer().send(record).map_err(|(error, _)| error).unwrap();
    }

    /// Waits until the broker has everything.
    pub(crate) fn flush(&self) {
        self.producer().flush(PATIENCE).unwrap();
    }

    /// Settings of a client of the test's own.
    pub(crate) fn client(&self) -> ClientConfig {
        let mut client = ClientConfig::new();
        client.set("bootstrap.servers", self.address());
        client
    }

    /// What the broker has logged since its last start.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    fn admin(&self) -> AdminClient<DefaultClientContext> {
        self.client().create().unwrap()
    }

    fn producer(&self) -> &ThreadedProducer<DefaultProducerContext> {
        self.producer.get_or_init(|| {
            self.client()
                .set("partitioner", "murmur2_random")
                .set("linger.ms", "1")
                .set("message.max.bytes", "16000000")
                .create()
                .unwrap()
        })
    }

    fn log_file(&self) -> PathBuf {
        self.dir.path().join(format!("broker{}.log", self.starts))
    }

    fn format(&self) {
        // Any 16 bytes in base 64 will do for the cluster's id.
        let words = ["kafka.tools.StorageTool", "format", "-t", "c2VsZi10cmFkZXItdGVzdA", "-c"];
        let made = self.java(&words).output().expect("java runs");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    }

    /// `java ... WORDS server.properties`, made for a quick start rather than for speed unless it is to be measured.
    fn java(&self, words: &[&str]) -> Command {
        let mut command = Command::new("java");
        command
            .args(["-Xmx512m", "-XX:+UseSerialGC", "-Xshare:auto"])
            .args((!self.compiled).then_some("-XX:TieredStopAtLevel=1"))
            .arg("-cp")
            .arg(format!("{}/*", self.lib.display()))
            .args(words)
            .arg(self.dir.path().join("server.properties"))
            .stdin(Stdio::null());
        command
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.log();
            let tail: Vec<_> = log.lines().rev().take(20).collect();
            println!("--- the broker's last lines");
            tail.iter().rev().for_each(|line| println!("{line}"));
        }
        self.kill();
    }
}

fn properties(dir: &Path, plain: u16, controller: u16, sasl: u16, proxied: u16, options: Options) -> String {
    let at = |name: &str, port: u16| format!("{name}://127.0.0.1:{port}");
    let mut listeners = vec![at("PLAINTEXT", plain)];
    let mut advertised = listeners.clone();
    if options.sasl {
        listeners.push(at("PASSWORD", sasl));
        advertised.push(at("PASSWORD", sasl));
    }
    if let Some(proxy) = options.proxy {
        listeners.push(at("PROXIED", proxied));
        advertised.push(format!("PROXIED://{proxy}"));
    }
    listeners.push(at("CONTROLLER", controller));
    let (listeners, advertised) = (listeners.join(","), advertised.join(","));
    let (logs, session) = (dir.join("logs").display().to_string(), SESSION.as_millis());
    format!(
        "process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listeners={listeners}
advertised.listeners={advertised}
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,PROXIED:PLAINTEXT,PASSWORD:SASL_PLAINTEXT
sasl.enabled.mechanisms=PLAIN
listener.name.password.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required \
user_{SASL_USER}=\"{SASL_PASSWORD}\";
log.dirs={logs}
auto.create.topics.enable=false
message.max.bytes=16000000
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
group.consumer.session.timeout.ms={session}
group.consumer.min.session.timeout.ms={session}
group.consumer.heartbeat.interval.ms=500
group.consumer.min.heartbeat.interval.ms=500
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
"
    )
}

/// A port below those that connections are given: a broker that is down would otherwise lose its own to a
/// client that knocks at it.
fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    const FIRST: u16 = 15_000;
    const COUNT: u16 = 17_000;
    let start = u16::try_from(std::process::id() % u32::from(COUNT)).unwrap();
    loop {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        assert!(step < COUNT, "no free port");
        let port = FIRST + (start + step) % COUNT;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// Asks until it is made, or was by an earlier try. A broker that stood still for longer than its session has no place
/// in its own cluster for a moment, and so nothing has one there.
fn until_made(mut make: impl FnMut() -> KafkaResult<Vec<TopicResult>>) {
    use RDKafkaErrorCode::{InvalidPartitions, TopicAlreadyExists};
    let is_there =
        |made: &TopicResult| matches!(made, Ok(_) | Err((_, TopicAlreadyExists | InvalidPartitions)));
    let deadline = now() + PATIENCE;
    loop {
        let made = make();
        if made.as_ref().is_ok_and(|made| made.iter().all(is_there)) {
            return;
        }
        assert!(now() < deadline, "{made:?}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

fn wait<T>(answer: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(answer)
}

#[expect(clippy::disallowed_methods, reason = "a test's own deadline")]
fn now() -> Instant {
    Instant::now()
}
