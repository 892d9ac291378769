//! Options of the Kafka client on the command line: `--kafka-option NAME=VALUE` and `--kafka-options FILE`.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use schemas::config::SecretRef;
use serde_json::Value;

use crate::feed::decode::shown;
use crate::secret::Secret;

/// Options of the Kafka client.
#[derive(Debug, clap::Args)]
pub struct KafkaOptions {
    /// An option of the Kafka client, such as security.protocol=SSL; several times for several
    #[arg(long = "kafka-option", value_name = "NAME=VALUE", value_parser = pair)]
    options: Vec<Pair>,
    /// A file with a JSON object of such options; a value may be {"env": NAME} or {"file": PATH}
    #[arg(long = "kafka-options", value_name = "FILE")]
    file: Option<PathBuf>,
}

/// A name and a value, which may be a secret.
#[derive(Clone)]
struct Pair(String, String);

impl std::fmt::Debug for Pair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}=***", self.0)
    }
}

impl KafkaOptions {
    /// All of them, those of the file first; what the command line says goes before what the file says.
    ///
    /// # Errors
    /// One line, without a value of an option.
    pub(super) fn read(&self) -> anyhow::Result<Vec<(String, String)>> {
        let mut options = match &self.file {
            Some(file) => of_file(file).with_context(|| format!("OPT-001 {}", file.display()))?,
            None => Vec::new(),
        };
        options.extend(self.options.iter().map(|Pair(name, value)| (name.clone(), value.clone())));
        Ok(options)
    }
}

/// The error names no value: it may be a secret that lost its name.
fn pair(text: &str) -> Result<Pair, String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok(Pair(name.to_owned(), value.to_owned())),
        _ => Err("want NAME=VALUE; what was given is not shown".to_owned()),
    }
}

fn of_file(file: &Path) -> anyhow::Result<Vec<(String, String)>> {
    let text = std::fs::read_to_string(file).context("cannot be read")?;
    let Ok(Value::Object(members)) = serde_json::from_str(&text) else {
        bail!("no JSON object; not shown");
    };
    members
        .into_iter()
        .map(|(name, value)| {
            let value = value_of(&value).with_context(|| format!("option {}", shown(name.as_bytes())))?;
            Ok((name, value))
        })
        .collect()
}

fn value_of(value: &Value) -> anyhow::Result<String> {
    let reference = match value {
        Value::String(text) => return Ok(text.clone()),
        Value::Number(number) => return Ok(number.to_string()),
        Value::Bool(flag) => return Ok(flag.to_string()),
        Value::Object(members) => match members.iter().next() {
            Some((kind, Value::String(name))) if members.len() == 1 && kind == "env" => {
                SecretRef::Env(name.clone())
            }
            Some((kind, Value::String(path))) if members.len() == 1 && kind == "file" => {
                SecretRef::File(path.into())
            }
            _ => bail!("want text, a number, {{\"env\": NAME}} or {{\"file\": PATH}}"),
        },
        Value::Null | Value::Array(_) => {
            bail!("want text, a number, {{\"env\": NAME}} or {{\"file\": PATH}}")
        }
    };
    Ok(Secret::resolve(&reference, |name| std::env::var_os(name))?.expose().to_owned())
}
