//! Content codings: from the bytes of an answer to those of its body (RFC 9110, section 8.4).

use std::io::{self, Read};

use flate2::bufread::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use hyper::header::{CONTENT_ENCODING, HeaderMap};

/// What smoke asks for, where the suite does not say.
pub const ACCEPTED: &str = "gzip, deflate";

/// The codings that are undone.
pub(super) const KNOWN: &str = "gzip, deflate, br and zstd";

/// One coding that an answer is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    Gzip,
    Deflate,
    Brotli,
    Zstd,
}

/// Why a body cannot be decoded.
#[derive(Debug)]
pub(super) enum DecodeError {
    /// It does not fit its coding.
    Broken(&'static str, io::Error),
    /// It is larger than it may be.
    TooLarge,
}

impl Coding {
    fn name(self) -> &'static str {
        match self {
            Coding::Gzip => "gzip",
            Coding::Deflate => "deflate",
            Coding::Brotli => "br",
            Coding::Zstd => "zstd",
        }
    }
}

/// The codings of an answer, in the order in which they were applied.
///
/// # Errors
/// The name of one that is not known.
pub(super) fn codings(headers: &HeaderMap) -> Result<Vec<Coding>, String> {
    let mut codings = Vec::new();
    for value in headers.get_all(CONTENT_ENCODING) {
        let value = String::from_utf8_lossy(value.as_bytes()).to_ascii_lowercase();
        for name in value.split(',').map(str::trim) {
            codings.push(match name {
                "" | "identity" => continue,
                "gzip" | "x-gzip" => Coding::Gzip,
                "deflate" => Coding::Deflate,
                "br" => Coding::Brotli,
                "zstd" => Coding::Zstd,
                unknown => return Err(unknown.to_owned()),
            });
        }
    }
    Ok(codings)
}

/// Undoes `codings`, the last one first. What comes of it has at most `limit` bytes.
///
/// # Errors
/// The bytes do not fit, or there is more of them.
pub(super) fn decode(bytes: Vec<u8>, codings: &[Coding], limit: usize) -> Result<Vec<u8>, DecodeError> {
    codings.iter().rev().try_fold(bytes, |bytes, coding| {
        let mut decoded = Vec::new();
        undo(*coding, &bytes, limit, &mut decoded)
            .map_err(|error| DecodeError::Broken(coding.name(), error))?;
        if decoded.len() > limit { Err(DecodeError::TooLarge) } else { Ok(decoded) }
    })
}

fn undo(coding: Coding, bytes: &[u8], limit: usize, into: &mut Vec<u8>) -> io::Result<()> {
    match coding {
        // As many members as there are.
        Coding::Gzip => read(MultiGzDecoder::new(bytes), limit, into).map(drop),
        // With the frame of zlib, as it should be, or without, as some servers send it.
        Coding::Deflate if is_zlib(bytes) => {
            let decoder = read(ZlibDecoder::new(bytes), limit, into)?;
            ends(decoder.into_inner(), into.len() > limit)
        }
        Coding::Deflate => {
            let decoder = read(DeflateDecoder::new(bytes), limit, into)?;
            ends(decoder.into_inner(), into.len() > limit)
        }
        Coding::Brotli => read(brotli_decompressor::Decompressor::new(bytes, 4096), limit, into).map(drop),
        Coding::Zstd => {
            let mut rest = bytes;
            while !rest.is_empty() && into.len() <= limit {
                let frame = ruzstd::decoding::StreamingDecoder::new(&mut rest).map_err(io::Error::other)?;
                read(frame, limit, into)?;
            }
            Ok(())
        }
    }
}

/// Reads to the end, or one byte more than may be.
fn read<R: Read>(mut decoder: R, limit: usize, into: &mut Vec<u8>) -> io::Result<R> {
    let allowed = u64::try_from(limit.saturating_sub(into.len())).unwrap_or(u64::MAX).saturating_add(1);
    decoder.by_ref().take(allowed).read_to_end(into)?;
    Ok(decoder)
}

/// Nothing may follow what was decoded to its end.
fn ends(rest: &[u8], was_cut: bool) -> io::Result<()> {
    if rest.is_empty() || was_cut {
        Ok(())
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidData, format!("{} bytes follow its end", rest.len())))
    }
}

/// Source: RFC 1950, section 2.2.
fn is_zlib(bytes: &[u8]) -> bool {
    matches!(bytes, [method, flags, ..] if method & 0xf == 8 && (u16::from(*method) << 8 | u16::from(*flags)) % 31 == 0)
}
