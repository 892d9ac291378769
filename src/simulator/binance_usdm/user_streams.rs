//! The listen keys that a stream connection's address names: `/ws/<key>`, `/stream?streams=<key>`,
//! `/ws?listenKey=<key>`, and with the events that are wanted `/private/ws?listenKey=<key>&events=<A>/<B>`. In
//! `/private/stream` there may be several.

use axum::http::Uri;

/// The events that are wanted by one key; none named: all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::simulator) struct Wanted {
    pub(in crate::simulator) key: String,
    pub(in crate::simulator) events: Vec<String>,
}

/// What an address names that may be a listen key. A market stream's name has an `@` or a `!`, a key has none.
pub(in crate::simulator) fn wanted(uri: &Uri) -> Vec<Wanted> {
    let in_path = uri.path().split_once("/ws/").map_or("", |(_, names)| names);
    let mut all: Vec<Wanted> = names(in_path).map(bare).collect();
    for (name, value) in uri.query().unwrap_or_default().split('&').filter_map(|pair| pair.split_once('=')) {
        match (name, all.last_mut()) {
            ("streams", _) => all.extend(names(value).map(bare)),
            ("listenKey", _) => all.push(bare(value)),
            ("events", Some(last)) => last.events = names(value).map(str::to_owned).collect(),
            _ => {}
        }
    }
    all
}

fn names(text: &str) -> impl Iterator<Item = &str> {
    text.split('/').filter(|name| !name.is_empty() && !name.contains(['@', '!', '%']))
}

fn bare(key: &str) -> Wanted {
    Wanted { key: key.to_owned(), events: Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_its_keys() {
        let keys = |address: &str| -> Vec<(String, Vec<String>)> {
            let uri: Uri = address.parse().unwrap();
            wanted(&uri).into_iter().map(|wanted| (wanted.key, wanted.events)).collect()
        };
        let plain = |key: &str| vec![(key.to_owned(), vec![])];
        assert_eq!(keys("/ws/K1"), plain("K1"));
        assert_eq!(keys("/usdm/ws/btcusdt@trade/K1"), plain("K1"));
        assert_eq!(keys("/ws?listenKey=K1"), plain("K1"));
        assert_eq!(keys("/usdm/stream?streams=K1/btcusdt@depth"), plain("K1"));
        assert_eq!(keys("/market/ws/btcusdt@trade"), []);
        let two = keys("/private/stream?listenKey=K1&events=A/B&listenKey=K2");
        assert_eq!(two[0], ("K1".to_owned(), vec!["A".to_owned(), "B".to_owned()]));
        assert_eq!(two[1..], plain("K2"));
    }
}
