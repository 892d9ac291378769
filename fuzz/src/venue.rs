//! What a fuzzer's bytes do to a venue, and what must hold whatever they are: no panic, books that add up, answers that
//! are JSON with a known status.
//!
//! An input is lines; each is one step, its first byte says what to do with the rest. So that mutated requests come
//! past the signature, the harness signs them where that byte wants it. `tests/venue_flow` replays the corpus.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use hmac::{Hmac, KeyInit as _, Mac as _};
use self_trader::simulator::door::{Door, RestRequest};
use self_trader::simulator::{AccountSpec, SymbolSpec, VenueOptions};
use serde_json::Value;

/// Steps of one input.
const STEPS_MAX: usize = 48;
/// Where the venue's clock begins; each step is a few milliseconds.
const BEGIN_MS: i64 = 1_790_000_000_000;
const STEP_MS: i64 = 7;

/// Key and secret.
type Account = (&'static str, &'static str);
const ACCOUNTS: [Account; 2] = [("test-key", "test-secret"), ("other-key", "other-secret")];

/// Statuses that an answer may have.
const STATUSES: [u16; 10] = [200, 400, 401, 403, 404, 409, 418, 429, 503, 504];

/// REST: a line is `VERB PATH?QUERY BODY` behind `a` or `b` (signed by an account, in the query), `c` (signed, in the
/// body), `k` (only a key) or anything else (neither).
pub(crate) fn rest(data: &[u8]) {
    let mut door = door();
    for (step, line) in lines(data) {
        let now_ms = at(step);
        let (how, text) = split_first(&line);
        let (verb, rest) = text.split_once(' ').unwrap_or((text, ""));
        let (address, body) = rest.split_once(' ').unwrap_or((rest, ""));
        let (path, query) = address.split_once('?').unwrap_or((address, ""));
        let request = RestRequest { verb, path, key: None, query, body };
        let answer = match how {
            'a' | 'b' => {
                let account = ACCOUNTS[usize::from(how == 'b')];
                let query = sign_form(account, query, body, now_ms);
                door.rest(RestRequest { key: Some(account.0), query: &query, ..request }, now_ms)
            }
            'c' => {
                let body = sign_form(ACCOUNTS[0], body, "", now_ms);
                door.rest(RestRequest { key: Some(ACCOUNTS[0].0), query: "", body: &body, ..request }, now_ms)
            }
            'k' => door.rest(RestRequest { key: Some(ACCOUNTS[0].0), ..request }, now_ms),
            _ => door.rest(request, now_ms),
        };
        door.tick(now_ms);
        assert_answer(&line, answer.0, &answer.1);
    }
    assert_sound(door);
}

/// Frames: behind `a`, `b` (signed by an account) or `r` (as it is) a frame to Spot's WS API, behind `A`, `B`, `R` one
/// to USD-M's, behind `s`, `S` one to the streams of either, behind `/` the address of one more connection, and
/// anything else is a request to nobody.
pub(crate) fn frames(data: &[u8]) {
    let mut door = door();
    let addresses = ["/ws-api/v3", "/ws-fapi/v1", "/stream", "/market/stream"];
    let open = addresses.map(|address| door.connect(address));
    for (step, line) in lines(data) {
        let now_ms = at(step);
        let (how, text) = split_first(&line);
        let connection = match how {
            'a' | 'b' | 'r' => open[0],
            'A' | 'B' | 'R' => open[1],
            's' => open[2],
            'S' => open[3],
            '/' => door.connect(&line),
            _ => continue,
        };
        match how {
            'a' | 'A' => door.frame(connection, &sign_frame(ACCOUNTS[0], text, now_ms), now_ms),
            'b' | 'B' => door.frame(connection, &sign_frame(ACCOUNTS[1], text, now_ms), now_ms),
            '/' => {}
            _ => door.frame(connection, text, now_ms),
        }
        door.tick(now_ms);
        for message in door.take(connection) {
            assert!(serde_json::from_str::<Value>(&message).is_ok(), "{line}: no JSON: {message}");
        }
    }
    assert_sound(door);
}

fn door() -> Door {
    let mut symbols = vec![SymbolSpec::named("BTCUSDT", 2, 6), SymbolSpec::perpetual("BTCUSDT", 1, 3)];
    symbols.push(SymbolSpec::named("ETHBTC", 5, 4));
    let accounts = ACCOUNTS.map(|(key, secret)| AccountSpec::new(key, secret)).to_vec();
    let options = VenueOptions { symbols, accounts, ..VenueOptions::default() };
    Door::new(&options).expect("options that do not contradict themselves")
}

fn lines(data: &[u8]) -> impl Iterator<Item = (usize, String)> {
    let text = String::from_utf8_lossy(data).into_owned();
    let lines: Vec<String> = text.split('\n').take(STEPS_MAX).map(str::to_owned).collect();
    lines.into_iter().enumerate().filter(|(_, line)| !line.is_empty())
}

fn at(step: usize) -> i64 {
    BEGIN_MS + STEP_MS * i64::try_from(step).expect("few steps")
}

fn split_first(line: &str) -> (char, &str) {
    let mut chars = line.chars();
    (chars.next().unwrap_or(' '), chars.as_str())
}

fn assert_answer(line: &str, status: u16, body: &[u8]) {
    assert!(STATUSES.contains(&status), "{line}: status {status}");
    assert!(serde_json::from_slice::<Value>(body).is_ok(), "{line}: no JSON");
}

fn assert_sound(mut door: Door) {
    assert_eq!(door.check(), None, "the books do not add up");
    assert_eq!(door.close().failure, None);
}

/// The first part with timestamp and signature; the second is signed as well.
fn sign_form((_, secret): Account, first: &str, second: &str, now_ms: i64) -> String {
    let joint = if first.is_empty() { "" } else { "&" };
    let mut signed = format!("{first}{joint}timestamp={now_ms}");
    let signature = hmac_hex(secret, &format!("{signed}{second}"));
    write!(signed, "&signature={signature}").expect("a string takes all");
    signed
}

/// A frame whose parameters are those of that account's signed request; any other frame as it is.
fn sign_frame((key, secret): Account, text: &str, now_ms: i64) -> String {
    let Ok(Value::Object(mut frame)) = serde_json::from_str::<Value>(text) else { return text.to_owned() };
    let params = frame.entry("params").or_insert_with(|| Value::Object(serde_json::Map::new()));
    let Value::Object(params) = params else { return text.to_owned() };
    params.insert("apiKey".to_owned(), key.into());
    params.insert("timestamp".to_owned(), now_ms.into());
    params.remove("signature");
    let sorted: BTreeMap<&String, String> = params.iter().map(|(name, value)| (name, plain(value))).collect();
    let pairs: Vec<String> = sorted.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let signature = hmac_hex(secret, &pairs.join("&"));
    params.insert("signature".to_owned(), signature.into());
    Value::Object(frame).to_string()
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn hmac_hex(secret: &str, payload: &str) -> String {
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(secret.as_bytes()).expect("any length");
    mac.update(payload.as_bytes());
    mac.finalize().into_bytes().iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").expect("a string takes all");
        hex
    })
}
