//! Book connections: websocket snapshot and diffs in, `watch<Option<Top>>` out.
