//! Server-sent events out of bytes that come in any pieces. Ids and reconnection times are skipped: a
//! reply is never taken up again where it broke.

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    /// Its name, empty where none was given.
    pub name: String,
    /// Its data, lines joined.
    pub data: String,
}

/// An event beyond the bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an event is larger than {0} bytes")]
pub(crate) struct TooLarge(usize);

/// What is kept between pieces.
#[derive(Debug)]
pub(crate) struct Parser {
    max: usize,
    line: Vec<u8>,
    name: String,
    data: String,
    has_data: bool,
    after_cr: bool,
    at_start: bool,
}

impl Parser {
    /// One for events of at most `max` bytes.
    pub(crate) fn new(max: usize) -> Self {
        Self {
            max,
            line: Vec::new(),
            name: String::new(),
            data: String::new(),
            has_data: false,
            after_cr: false,
            at_start: true,
        }
    }

    /// The events that are complete with this piece.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Result<Vec<Event>, TooLarge> {
        let mut events = Vec::new();
        let mut rest = bytes;
        while let Some((&first, others)) = rest.split_first() {
            if std::mem::take(&mut self.after_cr) && first == b'\n' {
                // The second half of one line end.
                rest = others;
                continue;
            }
            let end = rest.iter().position(|byte| matches!(byte, b'\r' | b'\n'));
            let (part, ended) = rest.split_at(end.unwrap_or(rest.len()));
            if self.line.len() + self.data.len() + part.len() > self.max {
                return Err(TooLarge(self.max));
            }
            self.line.extend_from_slice(part);
            let Some((end, others)) = ended.split_first() else {
                break;
            };
            self.after_cr = *end == b'\r';
            rest = others;
            events.extend(self.end_line());
        }
        Ok(events)
    }

    fn end_line(&mut self) -> Option<Event> {
        let line = std::mem::take(&mut self.line);
        let line = String::from_utf8_lossy(&line);
        let line: &str = if std::mem::take(&mut self.at_start) {
            line.strip_prefix('\u{feff}').unwrap_or(&line)
        } else {
            &line
        };
        if line.is_empty() {
            let (name, data) = (
                std::mem::take(&mut self.name),
                std::mem::take(&mut self.data),
            );
            return std::mem::take(&mut self.has_data).then_some(Event { name, data });
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.name),
            "data" => {
                if self.has_data {
                    self.data.push('\n');
                }
                self.data.push_str(value);
                self.has_data = true;
            }
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    const MAX: usize = 1024;

    fn events(pieces: &[&[u8]]) -> Result<Vec<(String, String)>, TooLarge> {
        let mut parser = Parser::new(MAX);
        let mut all = Vec::new();
        for piece in pieces {
            all.extend(parser.push(piece)?);
        }
        Ok(all
            .into_iter()
            .map(|event| (event.name, event.data))
            .collect())
    }

    #[test]
    fn streams_are_read_as_the_standard_says() {
        for (stream, wanted) in [
            ("event: a\ndata: 1\n\n", vec![("a", "1")]),
            ("event: a\r\ndata: 1\r\n\r\n", vec![("a", "1")]),
            ("event: a\rdata: 1\r\r", vec![("a", "1")]),
            ("\u{feff}data:1\n\n", vec![("", "1")]),
            ("data: 1\ndata: 2\n\n", vec![("", "1\n2")]),
            ("data:  two blanks\n\n", vec![("", " two blanks")]),
            (": a comment\nid: 7\nretry: 1\ndata: x\n\n", vec![("", "x")]),
            ("data\n\n", vec![("", "")]),
            ("event: lost\n\ndata: x\n\n", vec![("", "x")]),
            ("\n\n\ndata: x\n\n\n", vec![("", "x")]),
            ("data: never ended\n", vec![]),
            ("data: ü\u{1f980}\n\n", vec![("", "ü\u{1f980}")]),
        ] {
            let wanted: Vec<_> = wanted
                .into_iter()
                .map(|(name, data)| (name.to_owned(), data.to_owned()))
                .collect();
            assert_eq!(
                events(&[stream.as_bytes()]),
                Ok(wanted.clone()),
                "{stream:?}"
            );
            for at in 0..=stream.len() {
                let (left, right) = stream.as_bytes().split_at(at);
                assert_eq!(
                    events(&[left, right]),
                    Ok(wanted.clone()),
                    "{stream:?} at {at}"
                );
            }
            let single: Vec<_> = stream.as_bytes().chunks(1).collect();
            assert_eq!(events(&single), Ok(wanted), "{stream:?} byte by byte");
        }
    }

    #[test]
    fn an_event_without_end_is_refused_before_it_fills_memory() {
        let mut parser = Parser::new(MAX);
        let refused = (0..10).find_map(|_| parser.push(&[b'x'; 500]).err());
        assert_eq!(refused, Some(TooLarge(MAX)));
        let lines = "data: some\n".repeat(MAX);
        assert_eq!(events(&[lines.as_bytes()]), Err(TooLarge(MAX)));
    }

    /// Bytes of which many are line ends and fields.
    fn soup() -> impl Strategy<Value = Vec<u8>> {
        let word = prop_oneof![
            Just(b"data: ".to_vec()),
            Just(b"event:".to_vec()),
            Just(b"\n".to_vec()),
            Just(b"\r".to_vec()),
            Just(b"\r\n\r\n".to_vec()),
            Just(vec![0xef, 0xbb, 0xbf]),
            vec(any::<u8>(), 0..20),
        ];
        vec(word, 0..60).prop_map(|words| words.concat())
    }

    proptest! {
        /// Any bytes, in any pieces: no panic, nothing kept beyond the bound, the same events.
        #[test]
        fn pieces_change_nothing(bytes in soup(), cuts in vec(any::<prop::sample::Index>(), 0..6)) {
            let mut at: Vec<_> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
            at.extend([0, bytes.len()]);
            at.sort_unstable();
            let pieces: Vec<_> = at.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
            let (whole, cut) = (events(&[&bytes]), events(&pieces));
            prop_assert_eq!(whole, cut);
        }
    }
}
