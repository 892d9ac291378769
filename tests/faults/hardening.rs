//! The memory of the process is its own: no core, nothing to read under `/proc` but for root.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::process::{folder, until};

/// Nobody's user and group.
const NOBODY: u32 = 65_534;

/// A venue of the program, run by nobody where we are root, with core files allowed and a secret in a file.
fn hardened(dir: &Path) -> Child {
    let binary = dir.join("self-trader");
    // By another process: a file that this one has open for writing would be open in what other tests start
    // meanwhile, and could not be run then.
    let copied = Command::new("cp").arg(env!("CARGO_BIN_EXE_self-trader")).arg(&binary).status().unwrap();
    assert!(copied.success());
    std::fs::set_permissions(dir, PermissionsExt::from_mode(0o777)).unwrap();
    let mut command = Command::new("sh");
    // A shell is what can lift the limit before the program sets its own.
    command.args(["-c", "ulimit -c unlimited; exec ./self-trader venue --listen 127.0.0.1:0"]);
    command.current_dir(dir).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    if is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    let mut child = command.spawn().unwrap();
    std::io::BufRead::read_line(
        &mut std::io::BufReader::new(child.stdout.take().unwrap()),
        &mut String::new(),
    )
    .unwrap();
    child
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").unwrap().uid() == 0
}

/// Whether a file can be read by the user who runs the program.
fn can_read(path: &str) -> bool {
    let mut command = Command::new("head");
    command.args(["-c", "1", path]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    if is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    command.status().unwrap().success()
}

fn cores(dir: &Path) -> Vec<String> {
    let names =
        std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.starts_with("core")).collect()
}

/// Promise P11.
#[test]
fn no_core_is_left_and_no_other_process_reads_the_memory() {
    let dir = folder();
    let mut child = hardened(dir.path());
    let own = |file: &str| format!("/proc/{}/{file}", child.id());
    let limits = std::fs::read_to_string(own("limits")).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().skip(4).take(2).collect::<Vec<_>>(), ["0", "0"], "{core}");
    assert!(can_read(&own("status")), "the process is there");
    for file in ["environ", "mem", "maps", "auxv"] {
        assert!(!can_read(&own(file)), "{file} can be read");
    }
    let killed = Command::new("kill").args(["-ABRT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let ended = until("it ends", || child.try_wait().unwrap());
    assert_eq!((ended.signal(), ended.core_dumped()), (Some(6), false));
    assert_eq!(cores(dir.path()), Vec::<String>::new());
}

/// What the test above would see of a process that is not hardened.
#[test]
fn a_process_that_is_not_hardened_can_be_read() {
    let dir = folder();
    let mut command = Command::new("sleep");
    command.arg("60").current_dir(dir.path()).stdin(Stdio::null());
    if is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    let mut child = command.spawn().unwrap();
    until("it has begun", || can_read(&format!("/proc/{}/environ", child.id())).then_some(()));
    child.kill().unwrap();
    child.wait().unwrap();
}
