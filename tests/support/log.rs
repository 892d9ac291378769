//! What a test's own thread logs. One subscriber for the whole process: one a thread would race with the
//! others over which lines are worth making at all.

use std::cell::RefCell;
use std::io::{self, Write};
use std::sync::Once;

thread_local! {
    static TEXT: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Begins to keep what is logged, on every thread for itself.
pub(crate) fn start() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let subscriber = tracing_subscriber::fmt().with_writer(|| Kept).with_ansi(false).finish();
        tracing::subscriber::set_global_default(subscriber).expect("nothing else in a test binary sets one");
    });
}

/// What this thread logged since the last call.
pub(crate) fn take() -> String {
    String::from_utf8(TEXT.take()).expect("the log is text")
}

struct Kept;

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        TEXT.with_borrow_mut(|text| text.extend_from_slice(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
