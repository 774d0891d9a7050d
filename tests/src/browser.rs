//! A real Chromium without a window, driven through WebDriver (W3C): what a steward sees and presses.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::http::http;

/// What the driver prints, before its port, when it takes commands.
const READY: &str = "started successfully on port ";

/// The name under which an element's reference comes (WebDriver §12.1).
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A browser with a profile of its own. Dropping it closes it.
#[derive(Debug)]
pub struct Browser {
    driver: Child,
    address: String,
    session: String,
    _profile: TempDir,
}

impl Browser {
    /// Starts a browser whose pages are so many pixels wide, or says how to install it.
    #[must_use]
    #[track_caller]
    pub fn start(width: u32, height: u32) -> Self {
        let profile = TempDir::new().expect("there is room for a profile");
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver starts: `.ci/setup` installs it");
        let stdout = driver.stdout.take().expect("stdout is piped");
        let mut lines = BufReader::new(stdout).lines().map_while(Result::ok);
        let port = lines.find_map(|line| {
            let (_, port) = line.split_once(READY)?;
            Some(port.trim_end_matches('.').to_owned())
        });
        let address = format!("127.0.0.1:{}", port.expect("chromedriver says where it listens"));
        // It must never wait for a reader.
        std::thread::spawn(move || lines.for_each(drop));
        let mut browser = Self { driver, address, session: String::new(), _profile: profile };
        browser.open(width, height);
        browser
    }

    fn open(&mut self, width: u32, height: u32) {
        let arguments = [
            "--headless".to_owned(),
            "--no-sandbox".to_owned(),
            "--disable-gpu".to_owned(),
            "--disable-quic".to_owned(),
            "--no-first-run".to_owned(),
            "--disable-background-networking".to_owned(),
            "--disable-component-update".to_owned(),
            "--disable-sync".to_owned(),
            format!("--window-size={width},{height}"),
            format!("--user-data-dir={}", self._profile.path().display()),
        ];
        let capabilities = json!({"capabilities": {"alwaysMatch": {
            "goog:chromeOptions": {"args": arguments},
            "unhandledPromptBehavior": "ignore",
            "timeouts": {"script": 30_000, "pageLoad": 30_000},
        }}});
        let opened = self.command("POST", "/session", &capabilities);
        let opened = opened.expect("chromium starts: `.ci/setup` installs it");
        self.session = opened["sessionId"].as_str().expect("a session has an ID").to_owned();
    }

    /// One command of WebDriver: its value, or its error's code and message.
    fn command(&self, method: &str, path: &str, body: &Value) -> Result<Value, String> {
        let body = if method == "POST" { body.to_string() } else { String::new() };
        let headers = [("Content-Type", "application/json; charset=utf-8")];
        let answer = http(&self.address, method, path, &headers, &body)
            .map_err(|error| format!("the driver does not answer: {error}"))?;
        let value: Value = serde_json::from_str(&answer.body).map_err(|error| error.to_string())?;
        let value = value["value"].clone();
        if answer.status == 200 { Ok(value) } else { Err(value.to_string()) }
    }

    fn session_command(&self, method: &str, path: &str, body: &Value) -> Result<Value, String> {
        self.command(method, &format!("/session/{}{path}", self.session), body)
    }

    #[track_caller]
    fn must(&self, method: &str, path: &str, body: &Value) -> Value {
        match self.session_command(method, path, body) {
            Ok(value) => value,
            Err(error) => panic!("{method} {path}: {error}"),
        }
    }

    /// Goes to a page and waits until it is loaded.
    #[track_caller]
    pub fn go(&self, url: &str) {
        self.must("POST", "/url", &json!({ "url": url }));
    }

    /// Where the browser is.
    #[must_use]
    #[track_caller]
    pub fn url(&self) -> String {
        self.must("GET", "/url", &Value::Null).as_str().unwrap_or_default().to_owned()
    }

    /// The title of the page.
    #[must_use]
    #[track_caller]
    pub fn title(&self) -> String {
        self.must("GET", "/title", &Value::Null).as_str().unwrap_or_default().to_owned()
    }

    /// Waits until a condition holds, asking the browser again and again. Each question is a round trip, so
    /// this is no busy loop; it gives up after some thousands.
    #[track_caller]
    pub fn wait<T>(&self, what: &str, condition: impl Fn(&Self) -> Option<T>) -> T {
        for _ in 0..5_000 {
            if let Some(found) = condition(self) {
                return found;
            }
        }
        let text = self.run("return document.documentElement.innerText", &json!([]));
        panic!(
            "waited in vain for {what} at {}:\n{}",
            self.url(),
            text.as_str().unwrap_or_default()
        );
    }

    /// Waits for an element and gives its reference.
    #[track_caller]
    pub fn element(&self, css: &str) -> String {
        self.wait(css, |browser| browser.find(css))
    }

    /// An element, if it is there now.
    #[must_use]
    pub fn find(&self, css: &str) -> Option<String> {
        let wanted = json!({"using": "css selector", "value": css});
        let found = self.session_command("POST", "/element", &wanted).ok()?;
        Some(found[ELEMENT].as_str()?.to_owned())
    }

    /// The text that an element shows.
    #[must_use]
    #[track_caller]
    pub fn text(&self, css: &str) -> String {
        self.wait(css, |browser| {
            let path = format!("/element/{}/text", browser.find(css)?);
            // It may have gone in between: then it is looked for again.
            let text = browser.session_command("GET", &path, &Value::Null).ok()?;
            Some(text.as_str()?.to_owned())
        })
    }

    /// Waits until an element shows a text.
    #[track_caller]
    pub fn shows(&self, css: &str, part: &str) {
        self.wait(&format!("`{part}` in {css}"), |browser| {
            let path = format!("/element/{}/text", browser.find(css)?);
            let text = browser.session_command("GET", &path, &Value::Null).ok()?;
            text.as_str()?.contains(part).then_some(())
        });
    }

    /// Clicks an element.
    #[track_caller]
    pub fn click(&self, css: &str) {
        self.wait(&format!("a click on {css}"), |browser| {
            let path = format!("/element/{}/click", browser.find(css)?);
            browser.session_command("POST", &path, &json!({})).ok()
        });
    }

    /// Types into a field.
    #[track_caller]
    pub fn type_into(&self, css: &str, text: &str) {
        let element = self.element(css);
        self.must("POST", &format!("/element/{element}/value"), &json!({ "text": text }));
    }

    /// Presses keys on the page, one after the other, as from a keyboard.
    #[track_caller]
    pub fn keys(&self, keys: &str) {
        let pressed: Vec<Value> = keys
            .chars()
            .flat_map(|key| {
                ["keyDown", "keyUp"].map(|kind| json!({"type": kind, "value": key.to_string()}))
            })
            .collect();
        let actions = json!({"actions": [{"type": "key", "id": "keyboard", "actions": pressed}]});
        self.must("POST", "/actions", &actions);
    }

    /// Runs a script on the page, outside its content security policy.
    #[track_caller]
    pub fn run(&self, script: &str, arguments: &Value) -> Value {
        self.must("POST", "/execute/sync", &json!({"script": script, "args": arguments}))
    }

    /// Runs a script that calls its last argument with its result.
    #[track_caller]
    pub fn run_async(&self, script: &str, arguments: &Value) -> Value {
        self.must("POST", "/execute/async", &json!({"script": script, "args": arguments}))
    }

    /// Forgets every cookie, as a browser that was closed.
    #[track_caller]
    pub fn forget_cookies(&self) {
        self.must("DELETE", "/cookie", &Value::Null);
    }

    /// Writes a picture of the page as PNG.
    #[track_caller]
    pub fn picture(&self, file: &Path) {
        let encoded = self.must("GET", "/screenshot", &Value::Null);
        let bytes = decoded(encoded.as_str().unwrap_or_default());
        std::fs::write(file, bytes).expect("there is room for a picture");
    }
}

/// Base 64 (RFC 4648 §4), as screenshots come.
fn decoded(text: &str) -> Vec<u8> {
    let digit = |byte: u8| match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    };
    let digits: Vec<u32> = text.bytes().filter_map(digit).map(u32::from).collect();
    let bytes = digits.chunks(4).flat_map(|four| {
        let number = four.iter().fold(0, |sum, digit| sum << 6 | digit) << (6 * (4 - four.len()));
        let [_, bytes @ ..] = number.to_be_bytes();
        bytes.into_iter().take(four.len() - 1)
    });
    bytes.collect()
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The driver closes the browser; when it is gone already there is nothing to close.
        let _ = self.session_command("DELETE", "", &Value::Null);
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_decoded() {
        for (text, bytes) in
            [("", ""), ("Zg==", "f"), ("Zm8=", "fo"), ("Zm9v", "foo"), ("Zm9vYmFy", "foobar")]
        {
            assert_eq!(decoded(text), bytes.as_bytes());
        }
    }
}
