//! A name service that never responds, or returns two addresses: a library that replaces the C library's name
//! resolution.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::LazyLock;

use super::scratch;

/// Resolving a name that ends in `.stalled.test` never returns. `two.test` has the addresses 127.0.0.1 and 127.0.0.2,
/// in this order. Every other name is resolved normally.
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
    if (!node || strcmp(node, "two.test")) return real(node, service, hints, found);
    int failed = real("127.0.0.1", service, hints, found);
    struct addrinfo *last = failed ? NULL : *found;
    while (last && last->ai_next) last = last->ai_next;
    return failed ? failed : real("127.0.0.2", service, hints, &last->ai_next);
}
"#;

/// Returns the library for a run's `LD_PRELOAD`.
///
/// # Panics
/// When there is no C compiler.
pub fn library() -> PathBuf {
    static LIBRARY: LazyLock<PathBuf> = LazyLock::new(|| compiled("stalled_dns", SOURCE));
    LIBRARY.clone()
}

/// Compiles a library from this C source.
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
