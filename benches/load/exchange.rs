//! The same calls by HL7 version 2 over MLLP and by FHIR, as interface engines and portals make them.

use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use empi_proto::v1;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tonic::Status;

use crate::calls::Outcome;
use crate::patients::Patients;

/// SHA-256 of `load`, the token of the driver.
const TOKEN_SHA256: &str = "0cf67fc72b3c86c7a454f6d86b43ed245a8e491d0e5288d4da8c7ff43a7bcdb0";

/// Bytes that an answer may have.
const ANSWER_BYTES_MAX: usize = 16 << 20;

/// Writes the server's configuration: what was given, and the interfaces with every source as a domain.
pub(crate) fn config(
    folder: &Path,
    given: Option<&Path>,
    sources: &[String],
) -> anyhow::Result<PathBuf> {
    let mut text = given.map(std::fs::read_to_string).transpose()?.unwrap_or_default();
    for (number, source) in (1..).zip(sources) {
        write!(
            text,
            "\n[[authority]]\nname = \"{source}\"\nnamespace = \"N{number}\"\n\
             universal_id = \"2.999.{number}\"\nsenders = [{{ application = \"LOAD\" }}]\n"
        )?;
    }
    write!(text, "\n[[fhir.clients]]\nname = \"load\"\ntoken_sha256 = \"{TOKEN_SHA256}\"\n")?;
    let file = folder.join("server.toml");
    std::fs::write(&file, text)?;
    Ok(file)
}

/// A connection with one message under way at a time; it is made when it is needed.
#[derive(Clone)]
struct Line {
    address: Arc<str>,
    stream: Arc<Mutex<Option<TcpStream>>>,
}

impl Line {
    fn at(address: &str) -> Self {
        Self { address: address.into(), stream: Arc::default() }
    }

    /// Sends bytes, and reads until the answer is whole, as `is_whole` says.
    async fn ask(&self, bytes: &[u8], is_whole: fn(&[u8]) -> bool) -> io::Result<Vec<u8>> {
        let mut place = self.stream.lock().await;
        let mut stream = match place.take() {
            Some(stream) => stream,
            None => {
                let stream = TcpStream::connect(&*self.address).await?;
                stream.set_nodelay(true)?;
                stream
            }
        };
        stream.write_all(bytes).await?;
        let mut answer = Vec::new();
        while !is_whole(&answer) {
            if stream.read_buf(&mut answer).await? == 0 || answer.len() > ANSWER_BYTES_MAX {
                return Err(io::Error::other("the answer breaks off"));
            }
        }
        *place = Some(stream);
        Ok(answer)
    }
}

/// A caller over MLLP.
#[derive(Clone)]
pub(crate) struct Mllp(Line);

/// A caller over FHIR.
#[derive(Clone)]
pub(crate) struct Fhir(Line);

impl Mllp {
    pub(crate) fn at(address: &str) -> Self {
        Self(Line::at(address))
    }
}

impl Fhir {
    pub(crate) fn at(address: &str) -> Self {
        Self(Line::at(address))
    }
}

/// Registers a record that was not registered before: ADT^A04 and its acknowledgement.
pub(crate) async fn feed(client: Mllp, patients: Arc<Patients>, number: u64) -> Outcome {
    let record = patients.next()?;
    let message = message(&record, &patients, number);
    let framed = [b"\x0B", message.as_bytes(), b"\x1C\r"].concat();
    let answer = client.0.ask(&framed, |answer| answer.ends_with(b"\x1C\r")).await;
    Some(match answer {
        Err(error) => Err(Status::unavailable(error.to_string())),
        Ok(answer) if answer.windows(7).any(|seven| seven == b"\rMSA|AA") => Ok(()),
        Ok(_) => Err(Status::internal("the message was not accepted")),
    })
}

/// A record as a message of its source's registration system.
fn message(record: &v1::SourceRecord, patients: &Patients, number: u64) -> String {
    let (source, id) =
        record.key.as_ref().map_or(("", ""), |key| (key.source.as_str(), key.record_id.as_str()));
    let domain = patients.sources.iter().position(|it| it == source).map_or(0, |at| at + 1);
    let name = record.names.first().map_or_else(String::new, |name| {
        [&name.family, &name.given, &name.middle, &name.suffix].map(|it| escaped(it)).join("^")
    });
    let address = record.addresses.first().map_or_else(String::new, |address| {
        let v1::PostalAddress { street, unit, city, state, postal_code, country } = address;
        [street, unit, city, state, postal_code, country].map(|it| escaped(it)).join("^")
    });
    let date = if is_iso(&record.birth_date) {
        record.birth_date.replace('-', "")
    } else {
        escaped(&record.birth_date)
    };
    let phones: Vec<String> = record.phones.iter().map(|phone| escaped(phone)).collect();
    format!(
        "MSH|^~\\&|LOAD|ALL|MPI|HIE|20260301101500||ADT^A04^ADT_A01|{number}-{id}|P|2.5|||||||UNICODE UTF-8\r\
         EVN||20260301101500\r\
         PID|||{}^^^N{domain}||{name}|{}|{date}|{}|||{address}||{}||||||{}\r",
        escaped(id),
        escaped(&record.mother_maiden_name),
        record.sex.chars().next().unwrap_or('U'),
        phones.join("~"),
        escaped(&record.ssn),
    )
}

/// Whether a date is written as FHIR writes it.
fn is_iso(date: &str) -> bool {
    date.len() == 10 && date.bytes().filter(|byte| *byte == b'-').count() == 2
}

/// A text with what separates in HL7 escaped.
fn escaped(text: &str) -> String {
    let mut written = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\\' => written.push_str("\\E\\"),
            '|' => written.push_str("\\F\\"),
            '^' => written.push_str("\\S\\"),
            '&' => written.push_str("\\T\\"),
            '~' => written.push_str("\\R\\"),
            letter => written.push(letter),
        }
    }
    written
}

/// Asks whom a record resembles: `Patient/$match` and its bundle.
pub(crate) async fn matching(client: Fhir, patients: Arc<Patients>, number: u64) -> Outcome {
    let body = patient(&patients.stranger(number)?);
    let request = format!(
        "POST /fhir/Patient/$match HTTP/1.1\r\nHost: load\r\nAuthorization: Bearer load\r\n\
         Content-Type: application/fhir+json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let answer = client.0.ask(request.as_bytes(), is_whole).await;
    Some(match answer {
        Err(error) => Err(Status::unavailable(error.to_string())),
        Ok(answer) if answer.starts_with(b"HTTP/1.1 200") => Ok(()),
        Ok(answer) if answer.starts_with(b"HTTP/1.1 429") => Err(Status::resource_exhausted("")),
        Ok(_) => Err(Status::internal("the match was not done")),
    })
}

/// A record as a Patient.
fn patient(record: &v1::SourceRecord) -> String {
    let names = record.names.iter().map(|name| {
        let given = [&name.given, &name.middle];
        let given: Vec<&str> =
            given.into_iter().filter(|it| !it.is_empty()).map(|it| it.as_str()).collect();
        json!({ "family": name.family, "given": given })
    });
    let addresses = record.addresses.iter().map(|address| {
        json!({
            "line": [address.street], "city": address.city, "state": address.state,
            "postalCode": address.postal_code,
        })
    });
    let phones = record.phones.iter().map(|it| json!({ "system": "phone", "value": it }));
    let mut patient = json!({
        "resourceType": "Patient",
        "name": names.collect::<Vec<_>>(),
        "address": addresses.collect::<Vec<_>>(),
        "telecom": phones.collect::<Vec<_>>(),
    });
    let gender = match record.sex.chars().next() {
        Some('F' | 'f') => "female",
        Some('M' | 'm') => "male",
        _ => "unknown",
    };
    let ssn = json!([{ "system": "http://hl7.org/fhir/sid/us-ssn", "value": record.ssn }]);
    let birth_date = json!(record.birth_date);
    for (name, value, is_there) in [
        ("gender", json!(gender), true),
        ("birthDate", birth_date, is_iso(&record.birth_date)),
        ("identifier", ssn, !record.ssn.is_empty()),
    ] {
        if is_there && let Some(elements) = patient.as_object_mut() {
            elements.insert(name.to_owned(), value);
        }
    }
    patient.to_string()
}

/// Whether an answer has all the bytes that its head announces.
fn is_whole(answer: &[u8]) -> bool {
    let Some(end) = answer.windows(4).position(|four| four == b"\r\n\r\n") else { return false };
    let head = String::from_utf8_lossy(answer.get(..end).unwrap_or_default());
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    length.is_some_and(|length| answer.len() >= end + 4 + length)
}
