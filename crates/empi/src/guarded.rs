//! No core dumps: a process that crashes would leave the memory of the whole index, names and numbers included, in a file.

use anyhow::Context as _;
use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};

/// Lets neither a limit nor a program that the system pipes dumps to have the memory of this process. Nobody but the
/// superuser can read it from outside either.
///
/// # Errors
/// When the system refuses: then nothing should be read into memory.
pub(crate) fn forbid_core_dumps() -> anyhow::Result<()> {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    setrlimit(Resource::Core, none).context("core dumps cannot be forbidden")?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable).context("core dumps cannot be forbidden")
}

#[cfg(test)]
mod tests {
    use rustix::process::{dumpable_behavior, getrlimit};

    use super::*;

    #[test]
    fn there_are_no_core_dumps_and_no_way_back() {
        forbid_core_dumps().unwrap();
        let limit = getrlimit(Resource::Core);
        assert_eq!((limit.current, limit.maximum), (Some(0), Some(0)));
        assert_eq!(dumpable_behavior().unwrap(), DumpableBehavior::NotDumpable);
    }
}
