//! How `summary.json` is laid out: fields below one another, and each element of a list on one line.

use std::io::{self, Write};

use serde_json::ser::Formatter;

/// Lays out objects on several lines and what lies in lists on one.
#[derive(Debug, Default)]
struct OneLineElements {
    objects: usize,
    lists: usize,
    has_value: bool,
}

/// A value as text that ends with a line break.
pub(crate) fn to_lines(value: &impl serde::Serialize) -> serde_json::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let formatter = OneLineElements::default();
    value.serialize(&mut serde_json::Serializer::with_formatter(&mut bytes, formatter))?;
    bytes.push(b'\n');
    Ok(bytes)
}

impl OneLineElements {
    fn new_line<W: ?Sized + Write>(&self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b"\n")?;
        (0..self.objects + self.lists).try_for_each(|_| writer.write_all(b"  "))
    }

    /// Parts an item from the one before, on a line of its own or behind a blank.
    fn begin_item<W: ?Sized + Write>(
        &self,
        writer: &mut W,
        first: bool,
        has_own_line: bool,
    ) -> io::Result<()> {
        if !first {
            writer.write_all(b",")?;
        }
        match (has_own_line, first) {
            (true, _) => self.new_line(writer),
            (false, true) => Ok(()),
            (false, false) => writer.write_all(b" "),
        }
    }
}

impl Formatter for OneLineElements {
    fn begin_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.lists += 1;
        self.has_value = false;
        writer.write_all(b"[")
    }

    fn end_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.lists -= 1;
        if self.lists == 0 && self.has_value {
            self.new_line(writer)?;
        }
        self.has_value = true;
        writer.write_all(b"]")
    }

    fn begin_array_value<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        self.begin_item(writer, first, self.lists == 1)
    }

    fn end_array_value<W: ?Sized + Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.has_value = true;
        Ok(())
    }

    fn begin_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        if self.lists == 0 {
            self.objects += 1;
        }
        self.has_value = false;
        writer.write_all(b"{")
    }

    fn end_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        if self.lists == 0 {
            self.objects -= 1;
            if self.has_value {
                self.new_line(writer)?;
            }
        }
        self.has_value = true;
        writer.write_all(b"}")
    }

    fn begin_object_key<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        self.begin_item(writer, first, self.lists == 0)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b": ")
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.has_value = true;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_of_lists_lie_on_one_line() {
        let value = serde_json::json!({
            "a": 1, "b": {"c": [], "d": {}}, "e": [{"f": [1, 2], "g": {"h": null}}, 3]
        });
        let text = String::from_utf8(to_lines(&value).unwrap()).unwrap();
        let expected = "{\n  \"a\": 1,\n  \"b\": {\n    \"c\": [],\n    \"d\": {}\n  },\n  \"e\": [\n    \
                        {\"f\": [1, 2], \"g\": {\"h\": null}},\n    3\n  ]\n}\n";
        assert_eq!(text, expected);
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
    }
}
