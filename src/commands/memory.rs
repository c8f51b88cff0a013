//! What the commands that only look at a suite do with memory.

/// Has the allocator keep the memory that it is given back. glibc's returns pieces of more than 128 KiB to the system,
/// until it has been given back a larger one, and to get them again is a tenth of the time of reading a large suite.
/// Of this piece nothing is ever touched.
pub(super) fn keep_memory() {
    const LARGE: usize = 16 * 1024 * 1024;
    let mut piece: Vec<u8> = Vec::new();
    let _ = std::hint::black_box(&mut piece).try_reserve_exact(LARGE);
}

/// Leaves what was read to the end of the process, which gives it back in one go: to free it piece by piece takes a
/// tenth of the time that it took to read it.
pub(super) fn leave<T>(read: T) {
    std::mem::forget(read);
}
