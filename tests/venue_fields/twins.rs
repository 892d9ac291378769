//! The recorded twins: message fixtures and wire recordings of ../shared/data, and the samples of the protocol's
//! reference for what nobody recorded.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;
use serde_json::Value;

/// Where a twin stands.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Twin {
    /// A fixture of an endpoint, by its path below `Endpoints`, without `.txt`.
    Endpoint(&'static str),
    /// The same as the result of a WS API answer, which has the body of the endpoint of the same name.
    Framed(&'static str),
    /// A fixture of a WS API answer, below `Socket`.
    Socket(&'static str),
    /// A fixture of a stream's or user event, below `Subscriptions`: what is inside its frame.
    Event(&'static str),
    /// A line of a wire recording: folder, file, and what is in the line; the first answer or message of it.
    Wire(&'static str, &'static str, &'static str),
    /// A message of ccxt's source, by the end of its place, `binance.js:920`.
    Ccxt(&'static str),
    /// A sample of the protocol's reference, by its number in Appendix A.
    Reference(&'static str),
    /// Nobody recorded one.
    None,
}

const FIXTURES: &str = "fixtures-jkorf-binance";

fn shared() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared")
}

/// Whether the recordings are there. Says so if not.
pub(crate) fn there() -> bool {
    let there = shared().join("data").join(FIXTURES).exists();
    if !there {
        println!("skipped: no recorded messages in ../shared/data");
    }
    there
}

impl Twin {
    /// Its name in the table.
    pub(crate) fn name(self) -> String {
        match self {
            Self::Endpoint(path) => format!("Endpoints/{path}"),
            Self::Framed(path) => format!("Endpoints/{path} in a frame"),
            Self::Socket(path) => format!("Socket/{path}"),
            Self::Event(path) => format!("Subscriptions/{path}"),
            Self::Wire(folder, _, line) => format!("{folder}: {line}"),
            Self::Ccxt(place) => format!("ccxt {place}"),
            Self::Reference(number) => format!("reference {number}"),
            Self::None => "none".to_owned(),
        }
    }

    /// Its messages.
    pub(crate) fn messages(self) -> Vec<Value> {
        match self {
            Self::Endpoint(path) => vec![endpoint(&text_of(&fixture("Endpoints", path)))],
            Self::Framed(path) => {
                let result = endpoint(&text_of(&fixture("Endpoints", path)));
                vec![serde_json::json!({"id": "1", "status": 200, "result": result, "rateLimits": []})]
            }
            Self::Socket(path) => frames(&text_of(&fixture("Socket", path))),
            Self::Event(path) => {
                frames(&text_of(&fixture("Subscriptions", path))).into_iter().map(payload).collect()
            }
            Self::Wire(folder, file, line) => vec![recorded(folder, file, line)],
            Self::Ccxt(place) => vec![ccxt(place)],
            Self::Reference(number) => vec![sample(number)],
            Self::None => Vec::new(),
        }
    }
}

fn fixture(kind: &str, path: &str) -> PathBuf {
    shared().join("data").join(FIXTURES).join(kind).join(format!("{path}.txt"))
}

fn text_of(path: &Path) -> String {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.trim_start_matches('\u{feff}').replace('\r', "")
}

/// The body of an endpoint's fixture: all but method, path and whether it is signed.
pub(crate) fn endpoint(text: &str) -> Value {
    let body: String = text.split_inclusive('\n').skip(3).collect();
    if body.trim().is_empty() { Value::Null } else { json(&body) }
}

/// What was received and looked at, of a fixture of frames: the blocks that begin with `=`.
pub(crate) fn frames(text: &str) -> Vec<Value> {
    let mut blocks: Vec<String> = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        let mark = line.starts_with(['<', '>', '=']);
        if mark {
            inside = line.starts_with('=');
            if inside {
                blocks.push(line[1..].trim_start_matches(|letter: char| letter.is_ascii_digit()).to_owned());
            }
        } else if inside {
            let block = blocks.last_mut().unwrap();
            block.push('\n');
            block.push_str(line);
        }
    }
    blocks.iter().filter(|block| !block.trim().is_empty()).map(|block| json(block)).collect()
}

/// A request's id stands between bars, in quotes or bare.
fn json(text: &str) -> Value {
    let mut clean = String::new();
    for (at, part) in text.split('|').enumerate() {
        clean.push_str(if at % 2 == 1 { "1" } else { part });
    }
    serde_json::from_str(&clean).unwrap_or_else(|error| panic!("{error}: {clean}"))
}

/// What is inside a combined stream's or a subscription's frame.
pub(crate) fn payload(frame: Value) -> Value {
    match (frame.get("data"), frame.get("event")) {
        (Some(data), _) if frame.get("stream").is_some() => data.clone(),
        (_, Some(event)) => event.clone(),
        _ => frame,
    }
}

fn recorded(folder: &str, file: &str, wanted: &str) -> Value {
    let path = shared().join("data").join(folder).join(file);
    let mut text = String::new();
    MultiGzDecoder::new(File::open(&path).unwrap()).read_to_string(&mut text).unwrap();
    let line =
        text.lines().find(|line| line.contains(wanted)).unwrap_or_else(|| panic!("no {wanted} in {file}"));
    let (_, body) = line.split_once(": {").unwrap();
    payload(serde_json::from_str(&format!("{{{body}")).unwrap())
}

fn ccxt(place: &str) -> Value {
    let text = text_of(&shared().join("data/fixtures-ccxt/raw_messages.jsonl"));
    let rows = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let mut found = rows.filter(|row| row["source"].as_str().unwrap().ends_with(place));
    found.next().unwrap_or_else(|| panic!("no {place} among ccxt's messages"))["json"].clone()
}

fn sample(number: &str) -> Value {
    let text = text_of(&shared().join("reference/binance.md"));
    let (_, rest) = text.split_once(&format!("\n{number} ")).unwrap_or_else(|| panic!("no {number}"));
    let (_, block) = rest.split_once("```json\n").unwrap();
    serde_json::from_str(block.split_once("```").unwrap().0).unwrap()
}
