//! The compressed bomb: 256 MiB of zeros as 256 KiB of gzip.

use flate2::{Compress, Compression, Crc, FlushCompress};

/// The decompressed size of the bomb.
pub const UNPACKED: u32 = PIECE * PIECES;

const PIECE: u32 = 1024 * 1024;
const PIECES: u32 = 256;

/// A gzip file (RFC 1952) of [`UNPACKED`] zeros.
///
/// One mebibyte is compressed and flushed so that it refers to nothing before it, and is then repeated
/// in the file: fast even without optimisation.
pub fn gzip() -> Vec<u8> {
    let zeros = vec![0; PIECE as usize];
    let mut piece_sum = Crc::new();
    piece_sum.update(&zeros);
    let piece = deflate(&zeros, FlushCompress::Full);

    let mut file = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 255];
    let mut sum = Crc::new();
    for _ in 0..PIECES {
        file.extend_from_slice(&piece);
        sum.combine(&piece_sum);
    }
    file.extend(deflate(&[], FlushCompress::Finish));
    file.extend(sum.sum().to_le_bytes());
    file.extend(UNPACKED.to_le_bytes());
    file
}

fn deflate(bytes: &[u8], flush: FlushCompress) -> Vec<u8> {
    let mut compressed = Vec::with_capacity(64 * 1024);
    let mut compress = Compress::new(Compression::best(), false);
    compress.compress_vec(bytes, &mut compressed, flush).expect("compress zeros");
    compressed
}
