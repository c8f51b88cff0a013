//! Content codings (RFC 9110, section 8.4).

use std::io::{self, Read};

use flate2::bufread::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use hyper::header::{CONTENT_ENCODING, HeaderMap};

/// The default `Accept-Encoding`.
pub const ACCEPTED: &str = "gzip, deflate";

/// The supported codings.
pub(super) const KNOWN: &str = "gzip, deflate, br and zstd";

/// A coding of a response.
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
    /// It is invalid in its coding.
    Broken(&'static str, io::Error),
    /// It exceeds the limit.
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

/// Returns the codings of a response, in the order in which they were applied.
///
/// # Errors
/// Returns the name of an unknown coding.
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

/// Decodes `bytes`, the last coding first. The result has at most `limit` bytes.
///
/// # Errors
/// Fails if the bytes are invalid, or if the result exceeds the limit.
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
        // There may be several members.
        Coding::Gzip => read(MultiGzDecoder::new(bytes), limit, into).map(drop),
        // With a zlib wrapper as specified, or without, as some servers send it.
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

/// Reads to the end, or to one byte above the limit.
fn read<R: Read>(mut decoder: R, limit: usize, into: &mut Vec<u8>) -> io::Result<R> {
    let allowed = u64::try_from(limit.saturating_sub(into.len())).unwrap_or(u64::MAX).saturating_add(1);
    decoder.by_ref().take(allowed).read_to_end(into)?;
    Ok(decoder)
}

/// Rejects data after the end of the coding.
fn ends(rest: &[u8], was_cut: bool) -> io::Result<()> {
    if rest.is_empty() || was_cut {
        Ok(())
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidData, format!("{} bytes follow its end", rest.len())))
    }
}

/// Whether the data has a zlib header. Source: RFC 1950, section 2.2.
fn is_zlib(bytes: &[u8]) -> bool {
    matches!(bytes, [method, flags, ..] if method & 0xf == 8 && (u16::from(*method) << 8 | u16::from(*flags)) % 31 == 0)
}
