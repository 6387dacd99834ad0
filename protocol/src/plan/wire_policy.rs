//! The JSON form of what a plan says about rules: secrets, `policy` and `effects`, each with its fields in
//! canonical order.

use serde::Serialize;
use serde::ser::Serializer;

use crate::policy::{
    Budgets, Effects, LimitsRequest, Network, PolicyRequest, SecretSource, Secrets,
};

/// [`Effects`] with its fields in canonical order.
#[derive(Serialize)]
pub(super) struct WireEffects<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    network: Option<Network>,
    #[serde(skip_serializing_if = "Option::is_none")]
    programs: Option<&'a [String]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    read: Option<&'a [String]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    write: Option<&'a [String]>,
}

impl<'a> WireEffects<'a> {
    pub(super) fn of(effects: &'a Effects) -> Self {
        let Effects {
            read,
            write,
            network,
            programs,
        } = effects;
        Self {
            network: *network,
            programs: programs.as_deref(),
            read: read.as_deref(),
            write: write.as_deref(),
        }
    }
}

/// [`PolicyRequest`] with its fields in canonical order.
#[derive(Serialize)]
pub(super) struct WirePolicy<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    budget: Option<WireBudget>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limits: Option<WireLimits>,
    #[serde(skip_serializing_if = "Option::is_none")]
    network: Option<Network>,
    #[serde(skip_serializing_if = "Option::is_none")]
    programs: Option<&'a [String]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    read: Option<&'a [String]>,
    #[serde(rename = "use", skip_serializing_if = "Option::is_none")]
    pack: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    write: Option<&'a [String]>,
}

impl<'a> WirePolicy<'a> {
    pub(super) fn of(policy: &'a PolicyRequest) -> Self {
        let PolicyRequest {
            pack,
            programs,
            read,
            write,
            network,
            limits,
            budget,
        } = policy;
        Self {
            budget: budget.map(WireBudget::of),
            limits: limits.map(WireLimits::of),
            network: *network,
            programs: programs.as_deref(),
            read: read.as_deref(),
            pack: pack.as_deref(),
            write: write.as_deref(),
        }
    }
}

/// [`Budgets`] with its fields in canonical order.
#[derive(Serialize)]
struct WireBudget {
    #[serde(skip_serializing_if = "Option::is_none")]
    attempts: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    calls: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    depth: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tasks: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usd_nanos: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    wall_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    width: Option<u64>,
}

impl WireBudget {
    const fn of(budget: Budgets) -> Self {
        let Budgets {
            tasks,
            depth,
            width,
            attempts,
            tokens,
            usd_nanos,
            calls,
            wall_ms,
        } = budget;
        Self {
            attempts,
            calls,
            depth,
            tasks,
            tokens,
            usd_nanos,
            wall_ms,
            width,
        }
    }
}

/// [`LimitsRequest`] with its fields in canonical order.
#[derive(Serialize)]
struct WireLimits {
    #[serde(skip_serializing_if = "Option::is_none")]
    cpu_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    disk_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    files: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    idle_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    memory_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pids: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tmp_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    wall_ms: Option<u64>,
}

impl WireLimits {
    fn of(limits: LimitsRequest) -> Self {
        let LimitsRequest {
            wall_ms,
            idle_ms,
            cpu_ms,
            memory_bytes,
            pids,
            output_bytes,
            disk_bytes,
            files,
            file_bytes,
            tmp_bytes,
        } = limits;
        Self {
            cpu_ms,
            disk_bytes,
            file_bytes,
            files,
            idle_ms,
            memory_bytes,
            output_bytes,
            pids,
            tmp_bytes,
            wall_ms,
        }
    }
}

/// [`Secrets`], each with its fields in canonical order.
pub(super) struct WireSecrets<'a>(pub(super) &'a Secrets);

impl WireSecrets<'_> {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for WireSecrets<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let secrets = self.0.iter();
        serializer.collect_map(secrets.map(|(name, source)| (name, WireSource::of(source))))
    }
}

/// [`SecretSource`] with its fields in canonical order.
#[derive(Serialize)]
struct WireSource<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    argv: Option<&'a [String]>,
    from: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<&'a str>,
}

impl<'a> WireSource<'a> {
    fn of(source: &'a SecretSource) -> Self {
        let wire = |from| Self {
            argv: None,
            from,
            name: None,
            path: None,
        };
        match source {
            SecretSource::Env { name } => Self {
                name: name.as_deref(),
                ..wire("env")
            },
            SecretSource::File { path } => Self {
                path: Some(path),
                ..wire("file")
            },
            SecretSource::Command { argv } => Self {
                argv: Some(argv),
                ..wire("command")
            },
        }
    }
}
