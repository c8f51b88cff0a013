//! The fields of a packet.
//!
//! `mysql_common` has such a reader, too, but it skips length checks that its caller should have made. A packet from
//! something that is not a MySQL server may be cut off anywhere.
//! Source: <https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_basic_dt_integers.html>.

use std::io::{Error, ErrorKind, Result};

/// Reads fields one after another.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fields<'p>(&'p [u8]);

impl<'p> Fields<'p> {
    pub fn of(packet: &'p [u8]) -> Fields<'p> {
        Fields(packet)
    }

    /// Returns the unread bytes.
    pub fn rest(self) -> &'p [u8] {
        self.0
    }

    pub fn take(&mut self, length: usize) -> Result<&'p [u8]> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or_else(cut_off)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const LENGTH: usize>(&mut self) -> Result<[u8; LENGTH]> {
        let (taken, rest) = self.0.split_first_chunk().ok_or_else(cut_off)?;
        self.0 = rest;
        Ok(*taken)
    }

    pub fn u8(&mut self) -> Result<u8> {
        self.array().map(|[byte]| byte)
    }

    pub fn u16(&mut self) -> Result<u16> {
        self.array().map(u16::from_le_bytes)
    }

    pub fn u32(&mut self) -> Result<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub fn u64(&mut self) -> Result<u64> {
        self.array().map(u64::from_le_bytes)
    }

    pub fn f32(&mut self) -> Result<f32> {
        self.array().map(f32::from_le_bytes)
    }

    pub fn f64(&mut self) -> Result<f64> {
        self.array().map(f64::from_le_bytes)
    }

    /// Reads a length-encoded integer. `None` is null.
    pub fn length(&mut self) -> Result<Option<u64>> {
        Ok(Some(match self.u8()? {
            0xfb => return Ok(None),
            0xfc => self.u16()?.into(),
            0xfd => {
                let [low, middle, high] = self.array()?;
                u32::from_le_bytes([low, middle, high, 0]).into()
            }
            0xfe => self.u64()?,
            0xff => return Err(cut_off()),
            small => small.into(),
        }))
    }

    /// Reads length-encoded bytes. `None` is null.
    pub fn bytes(&mut self) -> Result<Option<&'p [u8]>> {
        let Some(length) = self.length()? else { return Ok(None) };
        self.take(usize::try_from(length).map_err(|_| cut_off())?).map(Some)
    }

    /// Reads length-encoded text.
    pub fn text(&mut self) -> Result<String> {
        Ok(String::from_utf8_lossy(self.bytes()?.unwrap_or_default()).into_owned())
    }

    /// Reads bytes up to a zero byte, or to the end if there is none.
    pub fn until_zero(&mut self) -> &'p [u8] {
        let end = self.0.iter().position(|byte| *byte == 0);
        let text = &self.0[..end.unwrap_or(self.0.len())];
        self.0 = end.map_or(&[], |end| &self.0[end + 1..]);
        text
    }
}

fn cut_off() -> Error {
    Error::new(ErrorKind::InvalidData, "the server sent a packet that is cut off")
}

/// Writes length-encoded bytes.
pub(super) fn put_bytes(buffer: &mut Vec<u8>, bytes: &[u8]) {
    put_length(buffer, bytes.len());
    buffer.extend_from_slice(bytes);
}

fn put_length(buffer: &mut Vec<u8>, length: usize) {
    let bytes = (length as u64).to_le_bytes();
    match length {
        0..=0xfa => buffer.push(bytes[0]),
        0xfb..=0xffff => {
            buffer.push(0xfc);
            buffer.extend_from_slice(&bytes[..2]);
        }
        0x1_0000..=0xff_ffff => {
            buffer.push(0xfd);
            buffer.extend_from_slice(&bytes[..3]);
        }
        _ => {
            buffer.push(0xfe);
            buffer.extend_from_slice(&bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_that_is_cut_off_anywhere_is_an_error_and_no_panic() {
        let mut written = Vec::new();
        for length in [0, 250, 251, 65_535, 65_536] {
            put_bytes(&mut written, &vec![7; length]);
        }
        let mut fields = Fields::of(&written);
        for length in [0, 250, 251, 65_535, 65_536] {
            assert_eq!(fields.bytes().unwrap().map(<[u8]>::len), Some(length));
        }
        assert_eq!(fields.rest(), b"");
        for cut in [
            &[][..],
            &[3, 1, 2],
            &[0xfc, 1],
            &[0xfd, 1, 1],
            &[0xfe, 255, 255, 255, 255, 255, 255, 255, 255],
            &[0xff],
        ] {
            assert!(Fields::of(cut).bytes().is_err(), "{cut:?}");
        }
        assert_eq!(Fields::of(&[0xfb]).bytes().unwrap(), None);
    }
}
