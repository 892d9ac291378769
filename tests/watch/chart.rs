//! The chart's alert rules as helm renders them, and the tools that this takes.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The release that the tests render.
pub(crate) const NAMESPACE: &str = "trading";
pub(crate) const JOB: &str = "st-self-trader";

/// Where the tools are.
pub(crate) struct Tools {
    helm: PathBuf,
}

impl Tools {
    /// The tools; `None`, with a printed reason, where one is missing and `SELF_TRADER_PROMETHEUS` does not ask
    /// for them.
    pub(crate) fn find() -> Option<Self> {
        let wanted = env::var_os("SELF_TRADER_PROMETHEUS").is_some_and(|value| value != "0");
        let missing = |tool: &str| {
            assert!(!wanted, "no {tool} on this machine, and SELF_TRADER_PROMETHEUS is set");
            println!("skipped: no {tool} on this machine");
        };
        for tool in ["promtool", "prometheus"] {
            if !runs(Path::new(tool), "--version") {
                missing(tool);
                return None;
            }
        }
        let kept = env::var_os("HOME").map(|home| Path::new(&home).join(".cache/one-node-kubernetes/helm"));
        let named = env::var_os("HELM3").map(PathBuf::from);
        let places = [named, Some(PathBuf::from("helm")), kept];
        let helm = places.into_iter().flatten().find(|helm| runs(helm, "version"));
        if helm.is_none() {
            missing("helm");
        }
        Some(Self { helm: helm? })
    }

    /// The rules of a release with these values, as a rule file for Prometheus.
    pub(crate) fn rules(&self, values: &[&str]) -> String {
        let chart = Path::new(env!("CARGO_MANIFEST_DIR")).join("helm/self-trader");
        let mut helm = Command::new(&self.helm);
        helm.args(["template", "st"]).arg(chart).args(["--namespace", NAMESPACE]);
        helm.args(["--set", "trial.enabled=true", "--set", "prometheusRule.enabled=true"]);
        helm.args(["--show-only", "templates/prometheusrule.yaml"]);
        helm.args(values.iter().flat_map(|value| ["--set", *value]));
        let output = helm.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        let (_, spec) = text.split_once("\nspec:").unwrap();
        let lines = spec.lines().map(|line| line.strip_prefix("  ").unwrap_or(line));
        lines.map(|line| format!("{line}\n")).collect()
    }
}

fn runs(tool: &Path, question: &str) -> bool {
    Command::new(tool).arg(question).output().is_ok_and(|output| output.status.success())
}

/// Runs promtool; what it says where it is not content.
pub(crate) fn promtool(args: &[&str], file: &Path) -> Result<(), String> {
    let output = Command::new("promtool").args(args).arg(file).output().unwrap();
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    Err(String::from_utf8_lossy(&said).into_owned())
}
