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
    #[arg(long = "kafka-option", value_name = "NAME=VALUE", value_parser = given)]
    options: Vec<Given>,
    /// A file with a JSON object of such options; a value may be {"env": NAME} or {"file": PATH}
    #[arg(long = "kafka-options", value_name = "FILE")]
    file: Option<PathBuf>,
}

/// What was given, unread: a complaint of the command line's parser would show it, and it may be a secret.
#[derive(Clone)]
struct Given(String);

impl std::fmt::Debug for Given {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

impl KafkaOptions {
    /// All of them, those of the file first; what the command line says goes before what the file says.
    ///
    /// # Errors
    /// One line, without a value of an option.
    pub(super) fn read(&self) -> anyhow::Result<Vec<(String, Secret)>> {
        let mut options = match &self.file {
            Some(file) => of_file(file).with_context(|| format!("OPT-001 {}", file.display()))?,
            None => Vec::new(),
        };
        for Given(text) in &self.options {
            let named = text.split_once('=').filter(|(name, _)| !name.is_empty());
            let Some((name, value)) = named else {
                bail!("OPT-001 --kafka-option: want NAME=VALUE; what was given is not shown");
            };
            options.push((name.to_owned(), Secret::new(value.to_owned())));
        }
        Ok(options)
    }
}

#[expect(clippy::unnecessary_wraps, reason = "the parser of arguments wants a result")]
fn given(text: &str) -> Result<Given, String> {
    Ok(Given(text.to_owned()))
}

fn of_file(file: &Path) -> anyhow::Result<Vec<(String, Secret)>> {
    let text = std::fs::read_to_string(file).context("cannot be read")?;
    let Ok(Value::Object(members)) = serde_json::from_str(&text) else {
        bail!("no JSON object; not shown");
    };
    members
        .into_iter()
        .map(|(name, value)| {
            let value =
                value_of(&name, &value).with_context(|| format!("option {}", shown(name.as_bytes())))?;
            Ok((name, value))
        })
        .collect()
}

fn value_of(name: &str, value: &Value) -> anyhow::Result<Secret> {
    let want = "want text, a number, {\"env\": NAME} or {\"file\": PATH}";
    let reference = match value {
        Value::String(text) => return Ok(Secret::new(text.clone())),
        Value::Number(number) => return Ok(Secret::new(number.to_string())),
        Value::Bool(flag) => return Ok(Secret::new(flag.to_string())),
        Value::Object(members) => match members.iter().next() {
            Some((kind, Value::String(name))) if members.len() == 1 && kind == "env" => {
                SecretRef::Env(name.clone())
            }
            Some((kind, Value::String(path))) if members.len() == 1 && kind == "file" => {
                SecretRef::File(path.into())
            }
            _ => bail!(want),
        },
        Value::Null | Value::Array(_) => bail!(want),
    };
    let env = |name: &str| std::env::var_os(name);
    let pem = name.ends_with(".pem");
    Ok(if pem { Secret::resolve_pem(&reference, env) } else { Secret::resolve(&reference, env) }?)
}
