//! Numbers and names by which the engine knows things.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Longest client order id in bytes.
pub const CLIENT_ID_LEN_MAX: usize = 36;

macro_rules! index {
    ($name:ident, $doc:literal) => {
        #[doc = $doc]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub struct $name(u16);

        impl $name {
            /// By its place in the order of creation, as a command log names it. The engine refuses a command
            /// that names what is not there.
            #[must_use]
            pub const fn new(index: u16) -> Self {
                Self(index)
            }

            /// Its place in the order of creation, from 0.
            #[must_use]
            pub fn index(self) -> usize {
                usize::from(self.0)
            }
        }
    };
}

index!(AccountId, "An account.");
index!(AssetId, "An asset.");
index!(SymbolId, "A symbol.");

/// An order's number: strictly rising over the whole venue, from 1, without gaps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct OrderId(pub u64);

/// A client order id, kept without allocating.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ClientId {
    len: u8,
    bytes: [u8; CLIENT_ID_LEN_MAX],
}

impl ClientId {
    /// `None` if the text is empty or longer than [`CLIENT_ID_LEN_MAX`] bytes.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let len = u8::try_from(text.len()).ok().filter(|len| *len > 0)?;
        let mut bytes = [0; CLIENT_ID_LEN_MAX];
        bytes.get_mut(..text.len())?.copy_from_slice(text.as_bytes());
        Some(Self { len, bytes })
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..usize::from(self.len)]).unwrap_or_default()
    }
}

impl fmt::Debug for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for ClientId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for ClientId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::new(&text).ok_or_else(|| de::Error::custom("a client order id has 1 to 36 bytes"))
    }
}

/// Which open order is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// By the venue's number.
    Id(OrderId),
    /// By the client's id.
    Client(ClientId),
}
