//! A name service that never answers: a library that replaces the C library's lookup.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::LazyLock;

use super::scratch;

/// The lookup of a name that ends in `.stalled.test` never returns; every other name is looked up as usual.
const SOURCE: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <string.h>
#include <unistd.h>

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **found) {
    const char *stalled = ".stalled.test";
    if (node && strlen(node) > strlen(stalled) && !strcmp(node + strlen(node) - strlen(stalled), stalled))
        for (;;) pause();
    int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **) =
        dlsym(RTLD_NEXT, "getaddrinfo");
    return real(node, service, hints, found);
}
"#;

/// The library, for a run's `LD_PRELOAD`.
///
/// # Panics
/// When there is no C compiler.
pub fn library() -> PathBuf {
    static LIBRARY: LazyLock<PathBuf> = LazyLock::new(|| compiled("stalled_dns", SOURCE));
    LIBRARY.clone()
}

/// A library of this C source.
///
/// # Panics
/// When there is no C compiler.
pub fn compiled(name: &str, text: &str) -> PathBuf {
    let folder = scratch::folder();
    let (source, library) = (folder.join(format!("{name}.c")), folder.join(format!("{name}.so")));
    fs::write(&source, text).expect("write the library");
    let mut compiler = Command::new("cc");
    compiler.args(["-shared", "-fPIC", "-o"]).arg(&library).arg(&source).arg("-ldl");
    let output = compiler.output().expect("run cc");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    library
}
