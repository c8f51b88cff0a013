//! The commands that send nothing: they look at a suite, or write the first one.

mod check;
mod init;
mod list;
mod plan;
mod warnings;

pub use self::check::check;
pub use self::init::init;
pub use self::list::list;
pub use self::plan::plan;
use crate::suite::SuiteError;

/// A suite's mistakes as they may be shown: with stars over the secrets that stand in its files.
#[must_use]
pub fn covered(error: &SuiteError) -> SuiteError {
    warnings::covered(error)
}

/// Has the allocator keep the memory that it is given back. glibc's returns pieces of more than 128 KiB to the system,
/// until it has been given back a larger one, and to get them again is a tenth of the time of reading a large suite.
/// Of this piece nothing is ever touched.
fn keep_memory() {
    const LARGE: usize = 16 * 1024 * 1024;
    let mut piece: Vec<u8> = Vec::new();
    let _ = std::hint::black_box(&mut piece).try_reserve_exact(LARGE);
}

/// Leaves what was read to the end of the process, which gives it back in one go: to free it piece by piece takes a
/// tenth of the time that it took to read it.
fn leave<T>(read: T) {
    std::mem::forget(read);
}

/// The version of the JSON documents here. New keys may come; one that changes its meaning or goes raises it.
const SCHEMA_VERSION: u32 = 1;
