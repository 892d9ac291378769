//! The store: one connection, and three scripts that each work on many leases at once.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use fred::clients::Client;
use fred::error::{Error, ErrorKind};
use fred::interfaces::{ClientLike, LuaInterface};
use fred::types::config::{Config, ConnectionConfig, PerformanceConfig, TcpConfig};
use fred::types::{ConnectHandle, InfoKind, Key, RespVersion, Value};
use futures_util::future::try_join_all;
use pipeline::lease::{Acquired, Answer, Ask};
use schemas::config::FeedUrl;
use schemas::ids::Epoch;

use super::StoreError;
use crate::feed::decode::shown;

/// How long an answer may take, of any command. A renewal that takes longer would prove little.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(1);
/// Leases of one script's call: the server does nothing else meanwhile, some 1 ms.
const CHUNK_LEN: usize = 256;

/// A server, checked for form.
pub(super) struct Address {
    config: Config,
    shown: String,
}

impl Address {
    pub(super) fn new(text: &str) -> Result<Self, StoreError> {
        let refused = |why: String, url: String| StoreError { url, why };
        let url = FeedUrl::parse(text)
            // The cause may quote the address, and with it a password.
            .map_err(|_| refused("not an address".to_owned(), "(not shown)".to_owned()))?;
        let FeedUrl::Redis { url: address, .. } = &url else {
            return Err(refused("not a Redis address".to_owned(), url.to_string()));
        };
        let mut config = Config::from_url_centralized(address)
            .map_err(|error| refused(error.details().to_owned(), url.to_string()))?;
        config.version = RespVersion::RESP3;
        config.fail_fast = true;
        Ok(Self { config, shown: url.to_string() })
    }
}

impl fmt::Display for Address {
    /// Without a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

/// Why the store cannot be used at the moment; its text holds no secret.
#[derive(Debug)]
pub(super) struct Lost {
    why: String,
    refused: bool,
}

impl Lost {
    fn new(why: impl Into<String>) -> Self {
        Self { why: why.into(), refused: false }
    }

    fn from_error(what: &str, error: &Error) -> Self {
        let details = error.details();
        let refused = |why: String| Self { why, refused: true };
        if error.kind() == &ErrorKind::Auth {
            return refused("login refused: wrong or missing user name or password".to_owned());
        }
        if details.starts_with("NOPERM") {
            return refused(format!("not allowed ({})", shown(details.as_bytes())));
        }
        if details.contains("READONLY") || details.contains("replica") {
            return refused("a replica, which takes no writes (want the primary)".to_owned());
        }
        if details.contains("unknown command") && details.contains("HELLO") {
            return refused("server too old (want Redis 6 or newer, which speaks RESP3)".to_owned());
        }
        Self::new(format!("{what}: {} ({})", error.kind().to_str().to_lowercase(), shown(details.as_bytes())))
    }

    /// The server answered, and will answer the same for a while.
    pub(super) const fn is_refused(&self) -> bool {
        self.refused
    }
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}

/// What is asked, of which leases, and by whom.
pub(super) struct Call {
    pub(super) ask: Ask,
    /// Lease and epoch key of each.
    pub(super) keys: Vec<[Key; 2]>,
    /// The latest epoch known of each.
    pub(super) above: Vec<Epoch>,
    /// With a release: the reference trade of each one's last pair.
    pub(super) traded_up_to: Vec<Option<u64>>,
    /// The clock's part of an epoch.
    pub(super) clock: Epoch,
    pub(super) owner: Bytes,
    pub(super) ttl: Duration,
}

/// A script and its name at the server.
struct Script {
    text: &'static str,
    sha: String,
}

/// An open connection. Dropping it closes it; nothing of it survives.
pub(super) struct Store {
    client: Client,
    task: ConnectHandle,
    run_id: String,
    acquire: Script,
    renew: Script,
    release: Script,
}

impl Store {
    /// Connects, logs in, asks which server this is and brings the scripts there.
    pub(super) async fn open(address: &Address) -> Result<Self, Lost> {
        let performance =
            PerformanceConfig { default_command_timeout: ANSWER_TIMEOUT, ..PerformanceConfig::default() };
        let connection = ConnectionConfig {
            connection_timeout: ANSWER_TIMEOUT,
            internal_command_timeout: ANSWER_TIMEOUT,
            max_command_attempts: 1,
            tcp: TcpConfig { nodelay: Some(true), ..TcpConfig::default() },
            ..ConnectionConfig::default()
        };
        let client = Client::new(address.config.clone(), Some(performance), Some(connection), None);
        // Each step has its own timeout; the sum of them is the outer bound.
        let opened = tokio::time::timeout(ANSWER_TIMEOUT * 3, client.init()).await;
        let task = match opened {
            Ok(Ok(task)) => task,
            Ok(Err(error)) => return Err(Lost::from_error("not connected", &error)),
            Err(_) => return Err(Lost::new("not connected: no answer in time")),
        };
        let script = |text| Script { text, sha: String::new() };
        let mut store = Self {
            client,
            task,
            run_id: String::new(),
            acquire: script(include_str!("acquire.lua")),
            renew: script(include_str!("renew.lua")),
            release: script(include_str!("release.lua")),
        };
        store.prepare().await?;
        Ok(store)
    }

    async fn prepare(&mut self) -> Result<(), Lost> {
        self.run_id = run_id(&self.client).await?;
        for script in [&mut self.acquire, &mut self.renew, &mut self.release] {
            let loaded = self.client.script_load(script.text).await;
            script.sha = loaded.map_err(|error| Lost::from_error("scripts not loaded", &error))?;
        }
        Ok(())
    }

    /// Asks what is asked, on behalf of `owner`.
    pub(super) async fn ask(&self, call: &Call) -> Result<Answer, Lost> {
        let chunks = call.keys.chunks(CHUNK_LEN).enumerate();
        let answers = chunks.map(|(place, keys)| self.call(call, place * CHUNK_LEN, keys));
        let values = try_join_all(answers).await?.concat();
        match call.ask {
            Ask::Acquire => acquired(&values, call.keys.len()),
            Ask::Renew => renewed(&values, call.keys.len()),
            Ask::Release => Ok(Answer::Released),
        }
    }

    /// Asks for those leases of a call that begin with the one at `from`.
    async fn call(&self, call: &Call, from: usize, keys: &[[Key; 2]]) -> Result<Vec<Value>, Lost> {
        let (script, args) = self.script(call, from, keys.len());
        let keys: Vec<Key> = keys.iter().flatten().cloned().collect();
        let called = self.client.evalsha(script.sha.as_str(), keys.clone(), args.clone()).await;
        let called = match called {
            // Somebody flushed the scripts: the text brings it there again.
            Err(error) if error.details().starts_with("NOSCRIPT") => {
                self.client.eval(script.text, keys, args).await
            }
            called => called,
        };
        called.map_err(|error: Error| Lost::from_error("no answer", &error))
    }

    fn script(&self, call: &Call, from: usize, count: usize) -> (&Script, Vec<Value>) {
        let owner = Value::Bytes(call.owner.clone());
        let ttl = Value::Integer(i64::try_from(call.ttl.as_millis()).unwrap_or(i64::MAX));
        match call.ask {
            Ask::Acquire => {
                let clock = i64::from(call.clock.number());
                let mut args = vec![owner, ttl, self.run_id.as_str().into(), clock.into()];
                let above = call.above.iter().skip(from).take(count);
                args.extend(above.map(|epoch| Value::Integer(i64::from(epoch.number()) + 1)));
                (&self.acquire, args)
            }
            Ask::Renew => (&self.renew, vec![owner, ttl]),
            Ask::Release => {
                let text =
                    |number: &Option<u64>| number.map_or_else(String::new, |number| number.to_string());
                let told = call.traded_up_to.iter().skip(from).take(count);
                let told = told.map(|number| Value::from(text(number)));
                (&self.release, std::iter::once(owner).chain(told).collect())
            }
        }
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Which server this is: another one, or the same after a start, may have forgotten owners.
async fn run_id(client: &Client) -> Result<String, Lost> {
    let info: String = client
        .info(Some(InfoKind::Server))
        .await
        .map_err(|error| Lost::from_error("not told which server it is", &error))?;
    let run_id = info.lines().find_map(|line| line.strip_prefix("run_id:")).map(str::trim);
    let plain = run_id.filter(|id| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_hexdigit()));
    plain.map(str::to_owned).ok_or_else(|| Lost::new("not told which server it is: no run_id in INFO"))
}

fn acquired(values: &[Value], count: usize) -> Result<Answer, Lost> {
    let answers: Option<Vec<Acquired>> = values.chunks(5).map(one_acquired).collect();
    let answers = answers.filter(|answers| answers.len() == count);
    answers.map(Answer::Acquired).ok_or_else(|| Lost::new("an answer that cannot be read"))
}

fn one_acquired(values: &[Value]) -> Option<Acquired> {
    let [got, epoch, wait, owner, told] = values else { return None };
    let number = u32::try_from(epoch.as_i64()?).ok().filter(|number| *number < Epoch::MAX);
    let Some(number) = number else {
        // Beyond what an order id holds it would be the same for two owners: nobody trades under it, and no other
        // lease is to hear of it.
        return Some(Acquired::Foreign { owner: "nobody (epochs used up)".to_owned(), epoch: Epoch::new(0) });
    };
    let epoch = Epoch::new(number);
    if got.as_i64()? == 1 {
        let wait = Duration::from_millis(u64::try_from(wait.as_i64()?).ok()?);
        Some(Acquired::Got { epoch, wait, traded_up_to: told.as_str().and_then(|text| text.parse().ok()) })
    } else {
        Some(Acquired::Foreign { owner: shown(owner.as_bytes()?), epoch })
    }
}

fn renewed(values: &[Value], count: usize) -> Result<Answer, Lost> {
    if values.len() != count {
        return Err(Lost::new("an answer that cannot be read"));
    }
    Ok(Answer::Renewed(values.iter().map(|ours| ours.as_i64() == Some(1)).collect()))
}
