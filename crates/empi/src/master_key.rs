//! The master key of an index that is encrypted at rest, as commands are told where it is: in a file, in the environment,
//! or with a command that fetches it. It is never an argument itself, for those are seen by every user of a machine.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use empi_registry::{DataDir, MasterKey, NextKey};
use zeroize::Zeroizing;

/// Most bytes that are read in search of a key.
const KEY_BYTES_MAX: u64 = 4096;

/// Bits of a file's mode that let others than its owner in.
const OTHERS: u32 = 0o077;

#[derive(clap::Args, Clone, Debug, Default)]
#[command(next_help_heading = "Encryption at rest")]
#[group(multiple = false)]
pub(crate) struct MasterKeyArgs {
    /// The file with the master key of an index that is encrypted; `empi key new` makes one
    #[arg(long, global = true, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// The environment variable that holds the master key
    #[arg(long, global = true, value_name = "NAME")]
    key_env: Option<String>,
    /// A command that prints the master key, such as one that asks a key management system
    #[arg(long, global = true, value_name = "COMMAND")]
    key_command: Option<String>,
}

/// The key that comes after.
#[derive(clap::Args, Clone, Debug, Default)]
#[command(next_help_heading = "Encryption at rest")]
#[group(multiple = false)]
pub(crate) struct NextKeyArgs {
    /// The file with the master key that takes the place of the present one
    #[arg(long, value_name = "FILE")]
    next_key_file: Option<PathBuf>,
    /// The environment variable that holds the next master key
    #[arg(long, value_name = "NAME")]
    next_key_env: Option<String>,
    /// A command that prints the next master key
    #[arg(long, value_name = "COMMAND")]
    next_key_command: Option<String>,
}

/// Where a master key is.
#[derive(Clone, Debug)]
pub(crate) enum KeySource {
    File(PathBuf),
    Environment(String),
    Command(String),
}

impl KeySource {
    fn of(
        file: Option<&PathBuf>,
        environment: Option<&String>,
        command: Option<&String>,
    ) -> Option<Self> {
        let file = file.cloned().map(Self::File);
        let environment = environment.cloned().map(Self::Environment);
        file.or(environment).or_else(|| command.cloned().map(Self::Command))
    }

    /// Reads the key.
    pub(crate) fn read(&self) -> anyhow::Result<MasterKey> {
        let (text, place) = match self {
            Self::File(path) => (read_file(path)?, format!("the file {}", path.display())),
            Self::Environment(name) => {
                let text = std::env::var(name)
                    .with_context(|| format!("the environment variable {name} holds no key"))?;
                (Zeroizing::new(text), format!("the environment variable {name}"))
            }
            Self::Command(command) => (run(command)?, "what the key command printed".to_owned()),
        };
        MasterKey::parse(&text).with_context(|| {
            format!("{place} is no master key: it has 64 hexadecimal digits, as `empi key new` writes them")
        })
    }
}

impl MasterKeyArgs {
    fn source(&self) -> Option<KeySource> {
        let Self { key_file, key_env, key_command } = self;
        KeySource::of(key_file.as_ref(), key_env.as_ref(), key_command.as_ref())
    }

    /// The key, where one was named.
    pub(crate) fn read(&self) -> anyhow::Result<Option<MasterKey>> {
        self.source().map(|source| source.read()).transpose()
    }

    /// An index with the key that opens it.
    pub(crate) fn at(&self, path: &Path) -> anyhow::Result<DataDir> {
        Ok(DataDir { path: path.to_owned(), keys: self.read()?.into_iter().collect() })
    }
}

impl NextKeyArgs {
    pub(crate) fn source(&self) -> Option<KeySource> {
        let Self { next_key_file, next_key_env, next_key_command } = self;
        KeySource::of(next_key_file.as_ref(), next_key_env.as_ref(), next_key_command.as_ref())
    }

    /// Reads the key whenever it is wanted.
    pub(crate) fn reader(&self) -> Option<NextKey> {
        let source = self.source()?;
        Some(Arc::new(move || source.read().map_err(|error| format!("{error:#}"))))
    }
}

/// Reads a file that nobody but its owner may read.
fn read_file(path: &Path) -> anyhow::Result<Zeroizing<String>> {
    let unreadable = || format!("cannot read the master key {}", path.display());
    let file = File::open(path).with_context(unreadable)?;
    let mode = file.metadata().with_context(unreadable)?.permissions().mode();
    if mode & OTHERS != 0 {
        let path = path.display();
        bail!("others can read the master key {path}: take that away with `chmod 600 {path}`");
    }
    let mut text = Zeroizing::new(String::new());
    file.take(KEY_BYTES_MAX).read_to_string(&mut text).with_context(unreadable)?;
    Ok(text)
}

/// Runs a command of the system's shell and takes what it prints.
fn run(command: &str) -> anyhow::Result<Zeroizing<String>> {
    let mut child = Command::new("/bin/sh")
        .args(["-c", command])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot run the key command")?;
    let mut text = Zeroizing::new(String::new());
    let printed = match child.stdout.take() {
        Some(stdout) => stdout.take(KEY_BYTES_MAX).read_to_string(&mut text),
        None => Ok(0),
    };
    let status = child.wait().context("cannot wait for the key command")?;
    printed.context("the key command printed no text")?;
    anyhow::ensure!(status.success(), "the key command failed ({status}): see what it said");
    Ok(text)
}

/// Writes a new key into a new file that only its owner can read.
pub(crate) fn write_new(path: &Path) -> anyhow::Result<MasterKey> {
    let key = MasterKey::random()?;
    let cannot = || format!("cannot make the file {} for a key", path.display());
    let mut options = std::fs::OpenOptions::new();
    let mut file =
        options.write(true).create_new(true).mode(0o600).open(path).with_context(cannot)?;
    writeln!(file, "{}", *key.expose()).with_context(cannot)?;
    file.sync_all().with_context(cannot)?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;

    use super::*;

    fn said(source: &KeySource) -> String {
        match source.read() {
            Ok(key) => key.fingerprint().to_string(),
            Err(error) => format!("{error:#}"),
        }
    }

    #[test]
    fn a_key_is_read_from_a_file_or_a_command_and_what_is_none_is_told() {
        let dir = tempfile::TempDir::new().unwrap();
        let path = dir.path().join("key");
        let key = write_new(&path).unwrap();
        let fingerprint = key.fingerprint().to_string();
        let file = KeySource::File(path.clone());
        assert_eq!(said(&file), fingerprint);
        assert_eq!(said(&KeySource::Command(format!("cat {}", path.display()))), fingerprint);
        assert!(said(&KeySource::Command("exit 3".to_owned())).contains("failed"));
        assert!(said(&KeySource::Command("echo 12".to_owned())).contains("64 hexadecimal"));
        assert!(said(&KeySource::Environment("EMPI_NO_SUCH".to_owned())).contains("EMPI_NO_SUCH"));
        assert!(write_new(&path).is_err(), "no key is written over");
        std::fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        assert!(said(&file).contains("chmod 600"));
    }
}
