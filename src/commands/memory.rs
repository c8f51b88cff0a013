//! Memory handling of the commands that only read a suite.

/// Makes the allocator keep freed memory. glibc returns freed blocks above 128 KiB to the system until a larger block
/// has been freed, and allocating them again takes a tenth of the time to read a large suite. The block allocated here
/// is never touched.
pub(super) fn keep_memory() {
    const LARGE: usize = 16 * 1024 * 1024;
    let mut piece: Vec<u8> = Vec::new();
    let _ = std::hint::black_box(&mut piece).try_reserve_exact(LARGE);
}

/// Leaks a value until the process exits, which frees it at once. Freeing it piece by piece takes a tenth of the time
/// to read it.
pub(super) fn leave<T>(read: T) {
    std::mem::forget(read);
}
