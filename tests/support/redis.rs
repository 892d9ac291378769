//! A real redis-server for a test: on a free loopback port, in a folder of its own, stopped by its process id.

use std::fmt::Write as _;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

/// How long anything in a test may take before it counts as never.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A running server.
pub(crate) struct Redis {
    child: Option<Child>,
    port: u16,
    options: Vec<String>,
    dir: TempDir,
}

impl Redis {
    /// Starts a server with options such as `["--requirepass", "x"]`; `None`, with a printed reason, where
    /// there is no redis-server.
    pub(crate) fn start(options: &[&str]) -> Option<Self> {
        let mut redis = Self::stopped(options)?;
        for _ in 0..5 {
            if redis.has_launched() {
                return Some(redis);
            }
            // Somebody else took the port between our look and the server's.
            redis.port = free_port();
        }
        panic!("redis-server found no port");
    }

    /// A server that has its port but does not run yet.
    pub(crate) fn stopped(options: &[&str]) -> Option<Self> {
        if Command::new("redis-server").arg("--version").stdout(Stdio::null()).status().is_err() {
            println!("skipped: no redis-server on this machine");
            return None;
        }
        let options = options.iter().map(|option| (*option).to_owned()).collect();
        Some(Self { child: None, port: free_port(), options, dir: TempDir::new().unwrap() })
    }

    /// Starts it, with no data, and waits until it answers.
    pub(crate) fn launch(&mut self) {
        // A client that goes on trying a port that nobody listens on can take it itself, for a moment.
        let launched = (0..50).any(|_| {
            let launched = self.has_launched();
            if !launched {
                std::thread::sleep(Duration::from_millis(100));
            }
            launched
        });
        assert!(launched, "somebody else has the port of redis-server");
    }

    /// False where it ended at once.
    fn has_launched(&mut self) -> bool {
        let child = Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--port"])
            .arg(self.port.to_string())
            .arg("--dir")
            .arg(self.dir.path())
            .args(&self.options)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        self.child = Some(child);
        for _ in 0..1_500 {
            let ended = self.child.as_mut().unwrap().try_wait().unwrap();
            if ended.is_some() {
                self.child = None;
                return false;
            }
            if self.answers() {
                return true;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("redis-server did not answer in 30 s");
    }

    /// Whether it is this server that answers on its port; one with a password does not say.
    fn answers(&self) -> bool {
        let dir = Client::connect(self.port).and_then(|mut client| client.ask(&["CONFIG", "GET", "dir"]));
        let name = self.dir.path().file_name().unwrap().to_str().unwrap();
        dir.is_ok_and(|dir| dir.starts_with('-') || dir.contains(name))
    }

    /// Kills it at once.
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

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// A connection of the test's own.
    pub(crate) fn client(&self) -> Client {
        Client::connect(self.port).unwrap()
    }

    /// One command on a connection of its own.
    pub(crate) fn ask(&self, command: &[&str]) -> String {
        self.client().ask(command).unwrap()
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.kill();
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A plain RESP2 client, apart from the one that is tested.
pub(crate) struct Client {
    stream: BufReader<TcpStream>,
}

impl Client {
    #[expect(clippy::disallowed_methods, reason = "a test's own connection to its own loopback server")]
    pub(crate) fn connect(port: u16) -> io::Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream: BufReader::new(stream) })
    }

    /// Sends a command and gives its answer as text; an error answer begins with `-`.
    pub(crate) fn ask(&mut self, command: &[&str]) -> io::Result<String> {
        self.send(&[command])?;
        self.answer()
    }

    /// Sends commands in one write, without reading the answers.
    pub(crate) fn send(&mut self, commands: &[&[&str]]) -> io::Result<()> {
        let mut bytes = String::new();
        for command in commands {
            write!(bytes, "*{}\r\n", command.len()).unwrap();
            for word in *command {
                write!(bytes, "${}\r\n{word}\r\n", word.len()).unwrap();
            }
        }
        self.stream.get_mut().write_all(bytes.as_bytes())
    }

    /// Reads one answer.
    pub(crate) fn answer(&mut self) -> io::Result<String> {
        let mut line = String::new();
        if self.stream.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let (kind, rest) = line.trim_end().split_at(1);
        match kind {
            "$" if rest == "-1" => Ok("(nil)".to_owned()),
            "$" => {
                let mut text = vec![0; rest.parse::<usize>().unwrap() + 2];
                self.stream.read_exact(&mut text)?;
                text.truncate(text.len() - 2);
                Ok(String::from_utf8(text).unwrap())
            }
            "*" => {
                let items: io::Result<Vec<String>> =
                    (0..rest.parse().unwrap_or(0)).map(|_| self.answer()).collect();
                Ok(items?.join("\n"))
            }
            "-" => Ok(format!("-{rest}")),
            _ => Ok(rest.to_owned()),
        }
    }
}
