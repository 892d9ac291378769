//! The small commands, as processes.

use std::io::Write;
use std::process::{Command, Stdio};

fn program(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_self-trader"));
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

#[test]
fn completions_outlive_a_reader_that_leaves() {
    // A pipe without a reader from the first byte on.
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = program(&["completions", "bash"]).stdout(writer).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), said.as_str()), (Some(0), ""));
    let output = program(&["completions", "bash"]).output().unwrap();
    assert!(String::from_utf8(output.stdout).unwrap().contains("complete -F"));
}

#[test]
fn a_line_that_is_no_event_says_what_it_is_and_what_was_wanted() {
    let config = concat!(env!("CARGO_MANIFEST_DIR"), "/schemas/examples/simulated.json");
    let mut child = program(&["decide", "--config", config]).spawn().unwrap();
    let lines = "{\"tick\": 1}\n\n{\"at_ms\": 1, \"tick\": {}, \"book\": {\"bid\": \"x\"}}\n";
    child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said: Vec<&str> = said.lines().collect();
    let [shape, number] = said[..] else { panic!("{said:?}") };
    assert!(shape.starts_with("EVT-001 line 1: "), "{shape}");
    assert!(shape.contains("(got \"{\\\"tick\\\": 1}\", want an event"), "{shape}");
    assert!(
        number.starts_with("EVT-001 line 3: book.bid is no number (got \\\"x\\\", want an event"),
        "{number}"
    );
}
