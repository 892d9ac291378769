//! Reads one object by the table of keys; each getter gives a value or notes a fault.

use serde::de::value::{Error, StrDeserializer};
use serde::de::{DeserializeOwned, IntoDeserializer};

use super::fault::{Code, Faults, member};
use super::keys::{self, Form, Given, Key, Kind, Range};
use super::node::{self, Node, Object};
use super::secret_ref::SecretRef;
use crate::units::{Decimal, DecimalError};

/// Alike enough for "did you mean".
const ALIKE_MIN: f64 = 0.6;

/// One object of the file, read key by key.
///
/// A getter gives `None` where the key is absent and has no default, or where it noted a fault: the two
/// need not be told apart, since any fault refuses the whole file.
pub(super) struct Reader<'n, 'f> {
    object: &'n Object<'n>,
    pointer: &'n str,
    keys: &'static [Key],
    faults: &'f mut Faults,
}

impl<'n, 'f> Reader<'n, 'f> {
    /// A reader of `object`, which stands at `pointer`; notes keys that are unknown or given twice.
    pub(super) fn new(
        object: &'n Object<'n>,
        pointer: &'n str,
        keys: &'static [Key],
        faults: &'f mut Faults,
    ) -> Self {
        for name in object.repeated() {
            faults.add(Code::Key, &member(pointer, name), || "given twice".to_owned());
        }
        for name in object.keys().filter(|name| keys.iter().all(|key| key.name != *name)) {
            faults.add(Code::Key, &member(pointer, name), || unknown(name, keys));
        }
        Self { object, pointer, keys, faults }
    }

    /// Text of the key's form.
    pub(super) fn text(&mut self, name: &str) -> Option<String> {
        self.read(name, |key, node| match (&key.kind, node) {
            (Kind::Text(form), Node::Text(text)) if form.fits(text) => Ok(text.clone()),
            (Kind::Text(_), Node::Text(_)) => Err(Wrong::Range),
            (Kind::Venue, Node::Text(text)) => Ok(text.clone()),
            _ => Err(Wrong::Type),
        })
    }

    /// One of the key's words, as the type that serde reads it into.
    pub(super) fn word<T: DeserializeOwned>(&mut self, name: &str) -> Option<T> {
        self.read(name, |key, node| match (&key.kind, node) {
            (Kind::Word(words), Node::Text(text)) if words.contains(&text.as_str()) => {
                let word: StrDeserializer<'_, Error> = text.as_str().into_deserializer();
                T::deserialize(word).map_err(|_| Wrong::Type)
            }
            _ => Err(Wrong::Type),
        })
    }

    /// A whole number within the key's bounds; `2.0` and `2e0` are whole.
    pub(super) fn whole(&mut self, name: &str) -> Option<u64> {
        self.read(name, |key, node| match (&key.kind, node) {
            (Kind::Whole(range), Node::Number(text)) => {
                let number = text.parse().or_else(|_| whole(text))?;
                if range.contains(&number) { Ok(number) } else { Err(Wrong::Range) }
            }
            (_, Node::Text(text)) => Err(Wrong::in_text(text)),
            _ => Err(Wrong::Type),
        })
    }

    /// A number within the key's bounds.
    pub(super) fn number(&mut self, name: &str) -> Option<Decimal> {
        self.read(name, |key, node| match (&key.kind, node) {
            (Kind::Number(range), Node::Number(text)) => {
                let number = Decimal::parse(text).map_err(Wrong::from)?;
                if range.holds(number) { Ok(number) } else { Err(Wrong::Range) }
            }
            (_, Node::Text(text)) => Err(Wrong::in_text(text)),
            _ => Err(Wrong::Type),
        })
    }

    /// True or false.
    pub(super) fn flag(&mut self, name: &str) -> Option<bool> {
        self.read(name, |_, node| match node {
            Node::Flag(flag) => Ok(*flag),
            Node::Null | Node::Number(_) | Node::Text(_) | Node::List(_) | Node::Object(_) => {
                Err(Wrong::Type)
            }
        })
    }

    /// A number within the key's bounds, written as a number or as text.
    pub(super) fn amount(&mut self, name: &str) -> Option<Decimal> {
        self.read(name, |key, node| match (&key.kind, node) {
            (Kind::Amount(range), Node::Number(text)) => amount(text, range),
            (Kind::Amount(range), Node::Text(text)) => amount(text, range),
            _ => Err(Wrong::Type),
        })
    }

    /// Amounts above zero by asset.
    pub(super) fn amounts(&mut self, name: &str) -> Option<Vec<(String, Decimal)>> {
        let range = Range { low: "0", from_low: false, high: "1e18", to_high: true };
        let object = self.object(name)?;
        let mut amounts = Vec::new();
        for asset in object.keys() {
            let read = match object.get(asset) {
                Some(Node::Number(text)) => amount(text, &range),
                Some(Node::Text(text)) => amount(text, &range),
                _ => Err(Wrong::Type),
            };
            match read {
                Ok(amount) => amounts.push((asset.to_owned(), amount)),
                Err(wrong) => self.fault_within(wrong.code(), name, asset, || {
                    format!("{} (want a number above 0 and at most 1e18)", wrong.text())
                }),
            }
        }
        Some(amounts)
    }

    /// Some of the key's words, none twice.
    pub(super) fn words<T: DeserializeOwned>(&mut self, name: &str) -> Option<Vec<T>> {
        self.read(name, |key, node| match (&key.kind, node) {
            (Kind::Words(known), Node::List(items)) => {
                let mut words: Vec<&str> = Vec::with_capacity(items.len());
                for item in items {
                    match item {
                        Node::Text(text)
                            if known.contains(&text.as_str()) && !words.contains(&text.as_str()) =>
                        {
                            words.push(text);
                        }
                        Node::Null
                        | Node::Flag(_)
                        | Node::Number(_)
                        | Node::Text(_)
                        | Node::List(_)
                        | Node::Object(_) => return Err(Wrong::Type),
                    }
                }
                let read = |word: &str| {
                    let word: StrDeserializer<'_, Error> = word.into_deserializer();
                    T::deserialize(word).map_err(|_| Wrong::Type)
                };
                words.into_iter().map(read).collect()
            }
            _ => Err(Wrong::Type),
        })
    }

    /// A reader of what stands below this one, at `pointer`.
    pub(super) fn below<'a>(
        &'a mut self,
        object: &'a Object<'a>,
        pointer: &'a str,
        keys: &'static [Key],
    ) -> Reader<'a, 'a> {
        Reader::new(object, pointer, keys, self.faults)
    }

    /// Where a member of this object stands.
    pub(super) fn pointer_of(&self, name: &str) -> String {
        member(self.pointer, name)
    }

    /// The list of objects at a key that may be left out; what is none is a fault.
    pub(super) fn objects(&mut self, name: &str) -> Vec<(String, &'n Object<'n>)> {
        let place = self.pointer_of(name);
        let items = match self.object.get(name) {
            None => return Vec::new(),
            Some(Node::List(items)) => items,
            Some(other) => {
                let got = other.kind();
                self.fault(Code::Type, name, || format!("wrong type (got {got}, want a list of objects)"));
                return Vec::new();
            }
        };
        let mut objects = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            let pointer = member(&place, &index.to_string());
            match item {
                Node::Object(object) => objects.push((pointer, object)),
                other @ (Node::Null | Node::Flag(_) | Node::Number(_) | Node::Text(_) | Node::List(_)) => {
                    let got = other.kind();
                    self.faults
                        .add(Code::Type, &pointer, || format!("wrong type (got {got}, want an object)"));
                }
            }
        }
        objects
    }

    /// A number of seconds as whole milliseconds.
    pub(super) fn millis(&mut self, name: &str) -> Option<u64> {
        let seconds = self.number(name)?;
        let millis = seconds.to_steps_exact(3).and_then(|millis| u64::try_from(millis).ok());
        if millis.is_none() {
            self.fault(Code::Range, name, || format!("not whole milliseconds (got {seconds} seconds)"));
        }
        millis
    }

    /// A secret's reference, or an address'.
    pub(super) fn secret(&mut self, name: &str) -> Option<SecretRef> {
        self.read(name, |key, node| match (&key.kind, node) {
            (Kind::Address, Node::Text(text)) if !Form::Line.fits(text) => Err(Wrong::Range),
            (_, Node::Text(text)) => Ok(SecretRef::literal(text)),
            (_, Node::Object(object)) => reference(object).ok_or(Wrong::Type),
            (_, Node::Null | Node::Flag(_) | Node::Number(_) | Node::List(_)) => Err(Wrong::Type),
        })
    }

    /// The object at a key that may be left out, and then is `None` without a fault.
    pub(super) fn object(&mut self, name: &str) -> Option<&'n Object<'n>> {
        match self.object.get(name)? {
            Node::Object(object) => Some(object),
            node @ (Node::Null | Node::Flag(_) | Node::Number(_) | Node::Text(_) | Node::List(_)) => {
                let (got, want) = (node.kind(), self.key(name).kind.want());
                self.fault(Code::Type, name, || format!("wrong type or value (got {got}, want {want})"));
                None
            }
        }
    }

    /// Notes a fault where a key of a later version has anything but its default.
    pub(super) fn later(&mut self, name: &str) {
        let key = self.key(name);
        let Given::Default(default) = key.given else { return };
        let Some(node) = self.object.get(name) else { return };
        if !same(node, default) {
            let message = || format!("comes with a later version; leave it out or at {default}");
            self.fault(Code::Later, name, message);
        }
    }

    /// The list at a key.
    pub(super) fn list(&mut self, name: &str) -> Option<&'n [Node<'n>]> {
        match self.object.get(name) {
            Some(Node::List(items)) => Some(items),
            other => {
                let got = other.map_or("nothing", Node::kind);
                self.fault(Code::Type, name, || format!("missing or wrong type (got {got}, want a list)"));
                None
            }
        }
    }

    /// Whether the key was written.
    pub(super) fn has(&self, name: &str) -> bool {
        self.object.get(name).is_some()
    }

    /// Notes a fault at a key.
    pub(super) fn fault(&mut self, code: Code, name: &str, message: impl FnOnce() -> String) {
        self.faults.add(code, &member(self.pointer, name), message);
    }

    /// Notes a fault at a place of the file.
    pub(super) fn fault_at(&mut self, code: Code, pointer: &str, message: impl FnOnce() -> String) {
        self.faults.add(code, pointer, message);
    }

    /// Notes a fault at a member of the object at a key.
    pub(super) fn fault_within(
        &mut self,
        code: Code,
        name: &str,
        inner: &str,
        message: impl FnOnce() -> String,
    ) {
        self.faults.add(code, &member(&member(self.pointer, name), inner), message);
    }

    /// Notes a warning at a key.
    pub(super) fn warn(&mut self, code: Code, name: &str, message: &str) {
        self.faults.warn(code, &member(self.pointer, name), message);
    }

    /// Notes that a secret stands in the file, at a key or at a member of the object there.
    pub(super) fn warn_of_secret(&mut self, name: &str, inner: Option<&str>) {
        let place = member(self.pointer, name);
        let place = inner.map_or_else(|| place.clone(), |inner| member(&place, inner));
        let message = "a secret stands in the file; better {\"env\": NAME} or {\"file\": PATH}";
        self.faults.warn(Code::LiteralSecret, &place, message);
    }

    fn key(&self, name: &str) -> &'static Key {
        self.keys.iter().find(|key| key.name == name).expect("only keys of the table are read")
    }

    /// The value or the default, through `convert`; what that refuses is noted.
    fn read<T>(&mut self, name: &str, convert: impl Fn(&Key, &Node<'_>) -> Result<T, Wrong>) -> Option<T> {
        let key = self.key(name);
        let Some(node) = self.object.get(name) else {
            return match key.given {
                Given::Default(default) => convert(key, &node::read(default).ok()?).ok(),
                Given::Optional => None,
                Given::Required => {
                    self.fault(Code::Type, name, || format!("missing (want {})", key.kind.want()));
                    None
                }
            };
        };
        match convert(key, node) {
            Ok(value) => Some(value),
            Err(wrong) => {
                let got = key.kind.shown(node);
                let message = || format!("{} (got {got}, want {})", wrong.text(), key.kind.want());
                self.fault(wrong.code(), name, message);
                None
            }
        }
    }
}

/// Why a value is refused.
#[derive(Clone, Copy)]
enum Wrong {
    Type,
    NumberAsText,
    Range,
}

impl Wrong {
    fn in_text(text: &str) -> Self {
        if Decimal::parse(text) == Err(DecimalError::Syntax) { Self::Type } else { Self::NumberAsText }
    }

    const fn code(self) -> Code {
        match self {
            Self::Type | Self::NumberAsText => Code::Type,
            Self::Range => Code::Range,
        }
    }

    const fn text(self) -> &'static str {
        match self {
            Self::Type => "wrong type or value",
            Self::NumberAsText => "number as string",
            Self::Range => "out of range",
        }
    }
}

impl From<DecimalError> for Wrong {
    fn from(error: DecimalError) -> Self {
        match error {
            DecimalError::Syntax => Self::Type,
            DecimalError::TooManyDigits | DecimalError::OutOfRange => Self::Range,
        }
    }
}

impl Form {
    fn fits(self, text: &str) -> bool {
        let plain = |letter: char| !letter.is_control() && !letter.is_whitespace();
        match self {
            Self::Name => (1..=64).contains(&text.len()) && text.chars().all(plain),
            Self::Prefix => text.len() <= 64 && text.chars().all(plain),
            Self::Instance => {
                let allowed = |byte: u8| byte.is_ascii_digit() || byte.is_ascii_lowercase();
                (1..=4).contains(&text.len()) && text.bytes().all(allowed)
            }
            Self::Line => (1..=4096).contains(&text.len()) && !text.chars().any(char::is_control),
        }
    }
}

impl Range {
    fn holds(&self, number: Decimal) -> bool {
        let bound = |text| Decimal::parse(text).expect("the table's bounds are numbers");
        let (low, high) = (bound(self.low), bound(self.high));
        let above = if self.from_low { number >= low } else { number > low };
        let below = if self.to_high { number <= high } else { number < high };
        above && below
    }
}

impl Kind {
    /// What the key takes, in words.
    pub(super) fn want(&self) -> String {
        match self {
            Self::Text(Form::Name) => "text of 1 to 64 bytes without blanks".to_owned(),
            Self::Text(Form::Prefix) => "text of at most 64 bytes without blanks".to_owned(),
            Self::Text(Form::Instance) => "1 to 4 of a-z and 0-9".to_owned(),
            Self::Text(Form::Line) => "text of 1 to 4096 bytes on one line".to_owned(),
            Self::Venue => maker_exchanges(),
            Self::Word(words) => {
                words.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(" or ")
            }
            Self::Whole(range) => format!("an integer {} to {}", range.start(), range.end()),
            Self::Number(range) => Self::bounds(range),
            Self::Secret => "{\"env\": NAME}, {\"file\": PATH} or text".to_owned(),
            Self::Address => {
                "text of 1 to 4096 bytes on one line, {\"env\": NAME} or {\"file\": PATH}".to_owned()
            }
            Self::Options => "an object of options of the Kafka client".to_owned(),
            Self::Instruments => "a list of instruments".to_owned(),
            Self::Later => "its default".to_owned(),
            Self::Flag => "true or false".to_owned(),
            Self::Amount(range) => format!("{}, or such a number as text", Self::bounds(range)),
            Self::Words(words) => format!("a list of {}, none twice", words.join(", ")),
            Self::Group(_) => "an object".to_owned(),
            Self::Groups(_) => "a list of objects".to_owned(),
            Self::Filters => "a list of filters".to_owned(),
            Self::Amounts => "an object of amounts by asset".to_owned(),
        }
    }

    fn bounds(range: &Range) -> String {
        let from = if range.from_low { "at least" } else { "above" };
        let to = if range.to_high { "at most" } else { "below" };
        format!("a number {from} {} and {to} {}", range.low, range.high)
    }

    /// The value as a message shows it: never a secret's.
    fn shown(&self, node: &Node<'_>) -> String {
        match (self, node) {
            (Self::Secret | Self::Address, _) => "something else; not shown".to_owned(),
            (Self::Text(Form::Line), Node::Text(_)) => "text; not shown".to_owned(),
            (_, node) => node.to_string(),
        }
    }
}

/// The allowed maker exchanges, in words.
pub(super) fn maker_exchanges() -> String {
    let names = keys::MAKER_EXCHANGES.map(|(name, what)| format!("\"{name}\" ({what})"));
    names.join(", ")
}

fn amount(text: &str, range: &Range) -> Result<Decimal, Wrong> {
    let number = Decimal::parse(text).map_err(Wrong::from)?;
    if range.holds(number) { Ok(number) } else { Err(Wrong::Range) }
}

fn whole(text: &str) -> Result<u64, Wrong> {
    let number = Decimal::parse(text).map_err(Wrong::from)?;
    match number.to_steps_exact(0) {
        Some(whole) => u64::try_from(whole).map_err(|_| Wrong::Range),
        None if number < Decimal::ZERO => Err(Wrong::Range),
        None => Err(Wrong::Type),
    }
}

/// `{"env": NAME}` or `{"file": PATH}`, and nothing else in it.
pub(super) fn reference(object: &Object<'_>) -> Option<SecretRef> {
    let mut names = object.keys();
    let (name, None) = (names.next()?, names.next()) else { return None };
    match (name, object.get(name)?) {
        ("env", Node::Text(text)) if Form::Name.fits(text) && !text.contains('=') => {
            Some(SecretRef::Env(text.clone()))
        }
        ("file", Node::Text(text)) if Form::Line.fits(text) => Some(SecretRef::File(text.into())),
        _ => None,
    }
}

/// Whether a value means the same as a default of the table.
fn same(node: &Node<'_>, default: &str) -> bool {
    match (node, node::read(default)) {
        (Node::Text(text), Ok(Node::Text(default))) => *text == default,
        (Node::Flag(flag), Ok(Node::Flag(default))) => *flag == default,
        (Node::Number(text), Ok(Node::Number(default))) => Decimal::parse(text) == Decimal::parse(default),
        (Node::Object(object), Ok(Node::Object(_))) => object.keys().next().is_none(),
        _ => false,
    }
}

fn unknown(name: &str, here: &'static [Key]) -> String {
    let ours = std::ptr::eq(here, keys::INSTRUMENT) || std::ptr::eq(here, keys::PROCESS);
    if ours && keys::INSTRUMENT.iter().any(|key| key.name == name) {
        return format!("unknown here; \"{name}\" belongs into an instrument");
    }
    if ours && keys::PROCESS.iter().any(|key| key.name == name) {
        return format!("unknown here; \"{name}\" belongs beside \"instruments\"");
    }
    let plain = |text: &str| text.to_lowercase().replace(['_', '-'], " ");
    let alike = |key: &Key| strsim::normalized_damerau_levenshtein(&plain(name), &plain(key.name));
    // Long names are never a slip of the keys, and the comparison is quadratic in them.
    let best = here.iter().filter(|_| name.len() <= 64).max_by(|a, b| alike(a).total_cmp(&alike(b)));
    match best.filter(|key| alike(key) >= ALIKE_MIN) {
        Some(key) => format!("unknown; did you mean \"{}\"?", key.name),
        None => "unknown".to_owned(),
    }
}
