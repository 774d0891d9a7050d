//! A disk that fails: a library that is loaded before the system's own, through which a program syncs and reads
//! files. As long as a file of a given name is there, the system says that it could not.

use std::path::Path;
use std::process::Command;

use crate::Folder;

/// The library. It is compiled by the test that wants it, with nothing but the system's C library beneath.
const LIBRARY: &str = include_str!("failing_disk/library.rs.txt");

/// A disk that can be told to fail.
#[derive(Debug)]
pub struct FailingDisk<'a> {
    folder: &'a Folder,
    library: String,
    sync: String,
    read: String,
}

impl<'a> FailingDisk<'a> {
    /// A disk that works; `None` where such a library cannot be made.
    #[must_use]
    pub fn new(folder: &'a Folder) -> Option<Self> {
        if !cfg!(target_os = "linux") {
            return None;
        }
        let source = folder.write("failing.rs", LIBRARY);
        let library = folder.path("libfailing.so");
        let compiler = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
        let compiled = Command::new(compiler)
            .args(["--edition", "2024", "--crate-type", "cdylib", "-C", "panic=abort", "-o"])
            .args([&library, &source])
            .status();
        let is_made = compiled.is_ok_and(|it| it.success());
        let [sync, read] = ["sync", "read"].map(|what| folder.path(&format!("failing-{what}")));
        is_made.then_some(Self { folder, library, sync, read })
    }

    /// With these variables a program has its files on this disk.
    #[must_use]
    pub fn variables(&self) -> [(&str, &str); 3] {
        let Self { library, sync, read, .. } = self;
        [("LD_PRELOAD", library), ("FAILING_SYNC", sync), ("FAILING_READ", read)]
    }

    /// What is written is not known to be on the disk any more.
    pub fn fail_to_sync(&self) {
        let _ = self.folder.write("failing-sync", "");
    }

    /// Nothing is read from files any more.
    pub fn fail_to_read(&self) {
        let _ = self.folder.write("failing-read", "");
    }

    /// It works again.
    ///
    /// # Panics
    /// When the system does not let it.
    pub fn mend(&self) {
        for file in [&self.sync, &self.read].into_iter().filter(|it| Path::new(it).exists()) {
            std::fs::remove_file(file).expect("the test's own file");
        }
    }
}
