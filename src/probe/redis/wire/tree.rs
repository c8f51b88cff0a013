//! Answers that have answers in them.

use serde_json::{Map, Value};

use super::{Broken, Token, Wire, take};

/// How deep an answer may be nested: as JSON may.
const DEEPEST: usize = 127;

/// A list or a map of which values are still to come.
struct Open {
    values: Vec<Value>,
    left: u64,
    is_map: bool,
}

impl Wire {
    /// The value that begins with `token`.
    pub(super) async fn tree(&mut self, mut token: Token, room: &mut usize) -> Result<Value, Broken> {
        let mut open: Vec<Open> = Vec::new();
        loop {
            let mut value = match token {
                Token::Value(value) => value,
                // One of several: the others are worth having.
                Token::Refused(text) => Value::from(text),
                Token::Text(length, has_format) => {
                    let text = self.text(length, room).await?;
                    // `txt:` comes before a text with a format.
                    Value::from(if has_format { text.get(4..).unwrap_or_default().to_owned() } else { text })
                }
                Token::List(0) => Value::Array(Vec::new()),
                Token::Map(0) => Value::Object(Map::new()),
                Token::List(_) | Token::Map(_) if open.len() == DEEPEST => return Err(Broken::TooLarge),
                Token::List(left) => {
                    open.push(Open { values: Vec::new(), left, is_map: false });
                    token = self.token(room).await?;
                    continue;
                }
                Token::Map(entries) => {
                    let left = entries.checked_mul(2).ok_or(Broken::TooLarge)?;
                    open.push(Open { values: Vec::new(), left, is_map: true });
                    token = self.token(room).await?;
                    continue;
                }
            };
            // It may be the last of what it is in, and that the last of another.
            loop {
                let Some(inner) = open.last_mut() else { return Ok(value) };
                inner.values.push(value);
                inner.left -= 1;
                if inner.left > 0 {
                    break;
                }
                let Some(Open { values, is_map, .. }) = open.pop() else { break };
                value = if is_map { object(values) } else { Value::Array(values) };
            }
            token = self.token(room).await?;
        }
    }

    /// Reads so many values, and keeps none. They take of the same room: an answer comes before much else.
    pub(super) async fn skip(&mut self, mut left: u64, room: &mut usize) -> Result<(), Broken> {
        while left > 0 {
            // What is pushed has nothing pushed in it.
            let line = self.line().await?;
            take(room, line.len())?;
            let garbage = || Broken::Garbage(line.clone());
            let length = line.get(1..).and_then(|rest| std::str::from_utf8(rest).ok()?.parse::<u64>().ok());
            left -= 1;
            match (line.first(), length) {
                (Some(b'$' | b'=' | b'!'), Some(length)) => {
                    let length = usize::try_from(length).map_err(|_| Broken::TooLarge)?;
                    self.text(length, room).await?;
                }
                (Some(b'*' | b'~'), Some(items)) => left = left.checked_add(items).ok_or_else(garbage)?,
                (Some(b'%'), Some(entries)) => {
                    let items = entries.checked_mul(2).ok_or_else(garbage)?;
                    left = left.checked_add(items).ok_or_else(garbage)?;
                }
                (Some(_), _) => {}
                (None, _) => return Err(garbage()),
            }
        }
        Ok(())
    }
}

/// The keys and values of a map, which are nearly always texts.
fn object(values: Vec<Value>) -> Value {
    let mut entries = Map::new();
    let mut values = values.into_iter();
    while let (Some(key), Some(value)) = (values.next(), values.next()) {
        let key = match key {
            Value::String(text) => text,
            other => other.to_string(),
        };
        entries.insert(key, value);
    }
    Value::Object(entries)
}
