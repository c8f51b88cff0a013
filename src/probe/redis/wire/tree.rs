//! Nested answers.

use serde_json::{Map, Value};

use super::{Broken, Token, Wire, take};

/// The maximum nesting depth of an answer, the same as for JSON.
const DEEPEST: usize = 127;

/// A list or a map that is not complete yet.
struct Open {
    values: Vec<Value>,
    left: u64,
    is_map: bool,
}

impl Wire {
    /// Reads the value that begins with `token`.
    pub(super) async fn tree(&mut self, mut token: Token, room: &mut usize) -> Result<Value, Broken> {
        let mut open: Vec<Open> = Vec::new();
        loop {
            let mut value = match token {
                Token::Value(value) => value,
                // An error is one item of several: the others are kept.
                Token::Refused(text) => Value::from(text),
                Token::Text(length, has_format) => {
                    let text = self.text(length, room).await?;
                    // A verbatim string starts with its format, such as `txt:`.
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
            // The value may be the last item of its container, and that container the last item of another.
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

    /// Reads `left` values, and discards them. They count toward the same size limit: not much may come before an
    /// answer.
    pub(super) async fn skip(&mut self, mut left: u64, room: &mut usize) -> Result<(), Broken> {
        while left > 0 {
            // A push has no other push inside it.
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

/// Builds a map from its keys and values. Keys are nearly always strings.
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
