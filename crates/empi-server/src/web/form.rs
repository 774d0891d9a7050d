//! What was typed into a form, as the browser sends it.

/// Most fields of one form.
const FIELDS_MAX: usize = 2_000;

/// The fields of a form in the order in which they were sent. Prints nothing: they may be patient data.
#[derive(Clone, Default)]
pub(super) struct Fields(Vec<(String, String)>);

impl Fields {
    /// Reads an URL-encoded body; `None` for one with too many fields.
    pub(super) fn parse(body: &[u8]) -> Option<Self> {
        let fields: Vec<(String, String)> =
            form_urlencoded::parse(body).take(FIELDS_MAX + 1).map(owned).collect();
        (fields.len() <= FIELDS_MAX).then_some(Self(fields))
    }

    /// The first value of a field, without blanks around it; empty when it was not sent.
    pub(super) fn get(&self, name: &str) -> &str {
        self.exact(name).trim()
    }

    /// The first value of a field as it was typed, for passwords.
    pub(super) fn exact(&self, name: &str) -> &str {
        self.all(name).next().unwrap_or_default()
    }

    /// Every value of a field that was sent several times.
    pub(super) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(field, _)| field == name).map(|(_, value)| value.as_str())
    }
}

fn owned<'a>(
    (name, value): (std::borrow::Cow<'a, str>, std::borrow::Cow<'a, str>),
) -> (String, String) {
    (name.into_owned(), value.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_come_as_they_were_typed() {
        let fields = Fields::parse(b"name=+ines%20&key=a&key=%3Cb%3E&empty=").unwrap();
        assert_eq!((fields.get("name"), fields.exact("name")), ("ines", " ines "));
        assert_eq!(fields.all("key").collect::<Vec<_>>(), ["a", "<b>"]);
        assert_eq!((fields.get("empty"), fields.get("missing")), ("", ""));
        assert!(Fields::parse("a=1&".repeat(FIELDS_MAX + 1).as_bytes()).is_none());
    }
}
