//! Searches everything that a process has left for a secret, however it was written.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// A secret cut in two is found by either half.
const PART: usize = 20;

/// A secret of forty bytes that stands nowhere else, with bytes that a URL has to write otherwise.
pub(crate) fn canary(name: char) -> String {
    format!("{name}~canary7Q!wz*RmX)'{name}4t$bYk9~Vp3Hs8@LfGe{name}")
}

/// The same of letters and digits alone, for what has to be part of a header or an address.
pub(crate) fn plain_canary(name: char) -> String {
    format!("{name}canary7QwzRmX4tbYk{name}9Vp3Hs8LfGe2Nj6Da5U{name}")
}

/// The forms in which a secret may show: raw, hexadecimal, base64, percent-encoded, backwards.
pub(crate) struct Forms(Vec<(&'static str, String)>);

impl Forms {
    pub(crate) fn of(secret: &str) -> Self {
        let (head, tail) = (&secret[..PART], &secret[secret.len() - PART..]);
        let mut forms = Vec::new();
        for part in [head, tail] {
            let bytes = part.as_bytes();
            forms.push(("raw", part.to_owned()));
            forms.push(("backwards", part.chars().rev().collect()));
            forms.push(("percent", percent(part)));
            forms.push(("hexadecimal", hex(bytes)));
            forms.push(("hexadecimal", hex(bytes).to_uppercase()));
            // A list of numbers, as bytes are shown by a careless debug form.
            forms.push(("numbers", format!("{bytes:?}").trim_matches(['[', ']']).to_owned()));
            forms.extend(base64(bytes).map(|text| ("base64", text)));
        }
        Self(forms)
    }

    /// How it shows in those bytes, if it does.
    pub(crate) fn found_in(&self, bytes: &[u8]) -> Option<&'static str> {
        let text = String::from_utf8_lossy(bytes);
        self.0.iter().find(|(_, form)| text.contains(form)).map(|(name, _)| *name)
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

fn percent(text: &str) -> String {
    text.bytes().fold(String::new(), |mut text, byte| {
        if byte.is_ascii_alphanumeric() {
            text.push(char::from(byte))
        } else {
            write!(text, "%{byte:02X}").unwrap()
        }
        text
    })
}

/// What of the base64 text is the same whatever stands before and behind: at each of three places in a group.
fn base64(bytes: &[u8]) -> impl Iterator<Item = String> {
    let at = move |skip: usize| {
        let whole = &bytes[skip..skip + (bytes.len() - skip) / 3 * 3];
        [STANDARD_NO_PAD.encode(whole), URL_SAFE_NO_PAD.encode(whole)]
    };
    (0..3).flat_map(at)
}

/// Every file below a folder but those that are told.
pub(crate) fn files(folder: &Path, but: &[PathBuf]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, but));
        } else if !but.contains(&path) {
            found.push(path);
        }
    }
    found
}

#[test]
fn each_form_is_found_wherever_it_stands() {
    let secret = canary('T');
    assert_eq!(secret.len(), 40);
    assert_eq!(plain_canary('T').len(), 40);
    let forms = Forms::of(&secret);
    let encoded = |offset: usize| STANDARD_NO_PAD.encode(format!("{}{secret} and more", &"xyz"[..offset]));
    let shown = [
        secret.clone(),
        secret.chars().rev().collect(),
        percent(&secret),
        hex(secret.as_bytes()),
        hex(secret.as_bytes()).to_uppercase(),
        format!("{:?}", secret.as_bytes()),
        encoded(0),
        encoded(1),
        encoded(2),
        secret[PART..].to_owned(),
    ];
    for text in shown {
        assert!(forms.found_in(format!("before {text} behind").as_bytes()).is_some(), "{text}");
    }
    assert_eq!(forms.found_in(canary('U').as_bytes()), None, "another secret");
}
