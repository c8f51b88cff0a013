//! Recognises lists of numbers that are the bytes of a text, as debuggers and languages print them: `[112, 97, 115]`,
//! `{0x70,0x61,0x73}`, or `-61 -68` with signed bytes.

/// Reads numbers byte by byte.
#[derive(Debug, Default)]
pub struct Numbers {
    number: Option<Number>,
    /// Whether a minus sign precedes the number.
    is_negative: bool,
    /// Whether a list is open. Any character that is not a separator ends it.
    in_list: bool,
    /// Whether the list has ended after a number that was already returned.
    has_ended: bool,
}

#[derive(Debug)]
struct Number {
    start: usize,
    value: u32,
    radix: u32,
    is_negative: bool,
}

/// What the last character completes.
#[derive(Debug, PartialEq, Eq)]
pub enum Item {
    /// A byte of a list, and where it starts in the text.
    Byte(u8, usize),
    /// The end of a list, if one was open.
    End,
}

impl Numbers {
    #[inline]
    pub fn read(&mut self, byte: u8, at: usize) -> Option<Item> {
        let has_ended = std::mem::take(&mut self.has_ended);
        self.item(byte, at).or_else(|| has_ended.then_some(Item::End))
    }

    #[inline]
    fn item(&mut self, byte: u8, at: usize) -> Option<Item> {
        match byte {
            b'0'..=b'9' => self.digit(u32::from(byte - b'0'), at),
            b'a'..=b'f' | b'A'..=b'F' if self.number.as_ref().is_some_and(|number| number.radix == 16) => {
                self.digit(u32::from(byte.to_ascii_lowercase() - b'a') + 10, at)
            }
            b'x' if self.number.as_ref().is_some_and(|number| number.value == 0 && number.radix == 10) => {
                if let Some(number) = &mut self.number {
                    number.radix = 16;
                }
                None
            }
            _ => {
                let number = self.number.take();
                self.is_negative = byte == b'-';
                let separates = match byte {
                    b',' | b';' | b'-' | b' ' | b'\n' | b'\r' | b'\t' => true,
                    b']' | b'}' | b')' => number.is_some(),
                    _ => false,
                };
                match (number.map(|number| number.byte()), separates) {
                    (Some(Some(item)), _) => {
                        self.in_list = separates;
                        self.has_ended = !separates;
                        Some(item)
                    }
                    (None, true) => None,
                    (Some(None), _) | (None, false) => std::mem::take(&mut self.in_list).then_some(Item::End),
                }
            }
        }
    }

    fn digit(&mut self, digit: u32, at: usize) -> Option<Item> {
        let number = self.number.get_or_insert(Number {
            start: at,
            value: 0,
            radix: 10,
            is_negative: self.is_negative,
        });
        number.value = (number.value * number.radix + digit).min(1000);
        None
    }

    /// Returns the number at the end of the text, if there is one.
    pub fn last(&mut self) -> Option<Item> {
        self.number.take().and_then(|number| number.byte())
    }
}

impl Number {
    fn byte(&self) -> Option<Item> {
        let byte = match self.is_negative {
            false => u8::try_from(self.value).ok()?,
            true if (1..=128).contains(&self.value) => u8::try_from(256 - self.value).ok()?,
            true => return None,
        };
        Some(Item::Byte(byte, self.start))
    }
}
