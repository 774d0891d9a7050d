//! Who works with an index: the people behind the web pages and the programs that call, added before a server starts, and
//! how people sign in with a browser.

use crate::{Browser, Folder, Server, empi, empi_fed};

/// The password that everybody has here once they have chosen one.
pub const PASSWORD: &str = "correct horse battery";

/// The password that they get for one time.
const FIRST_PASSWORD: &str = "a password for one time";

/// Adds somebody to an index that no server has open, as an operator does.
#[track_caller]
pub fn add_user(data: &str, name: &str, role: &str) {
    add_user_with(data, name, role, &[]);
}

/// The same with further arguments, such as the key of an encrypted index.
#[track_caller]
pub fn add_user_with(data: &str, name: &str, role: &str, arguments: &[&str]) {
    let add = ["user", "add", name, "--role", role, "--data", data];
    let arguments = [&add[..], arguments].concat();
    let run = empi_fed(&arguments, &format!("{FIRST_PASSWORD}\n")).succeeded();
    assert!(!run.stdout.contains(FIRST_PASSWORD), "a password is not told again");
}

/// Adds the account of a program to an index that no server has open; gives the file that its token is in.
#[track_caller]
pub fn add_account(folder: &Folder, data: &str, name: &str, arguments: &[&str]) -> String {
    let token = folder.path(&format!("{name}.token"));
    let add = ["account", "add", name, "--data", data, "--token-out", &token];
    let run = empi(&[&add[..], arguments].concat()).succeeded();
    assert!(!run.stdout.contains("empi_"), "the token is in its file alone");
    token
}

impl Browser {
    /// Opens a page of a server.
    #[track_caller]
    pub fn visit(&self, server: &Server, path: &str) {
        self.go(&format!("{}{path}", server.pages()));
    }

    /// Signs in with a password.
    #[track_caller]
    pub fn sign_in_with(&self, server: &Server, name: &str, password: &str) {
        self.visit(server, "/sign-in");
        self.type_into("#name", name);
        self.type_into("#password", password);
        self.click(".sign-in button");
    }

    /// Signs in for the first time: with the password for one time, and then chooses one.
    #[track_caller]
    pub fn sign_in_first(&self, server: &Server, name: &str) {
        self.sign_in_with(server, name, FIRST_PASSWORD);
        self.choose_password(FIRST_PASSWORD);
    }

    /// Chooses the password that everybody has here.
    #[track_caller]
    pub fn choose_password(&self, old: &str) {
        self.type_into("#old", old);
        self.type_into("#new", PASSWORD);
        self.type_into("#again", PASSWORD);
        self.click("main form button");
        self.shows(".notice", "Your password is changed");
    }
}
