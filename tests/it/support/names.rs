//! Host names with addresses that the test chooses: a library that replaces the C library's name resolution.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use super::smoke::Smoke;
use super::stalled_dns::compiled;

/// Each line of the file in `TEST_NAMES` has a name and its addresses. It is read for each lookup. The networks
/// reserved for documentation are unreachable, whatever this machine's routes.
const SOURCE: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **found) {
    int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **) =
        dlsym(RTLD_NEXT, "getaddrinfo");
    const char *path = getenv("TEST_NAMES");
    FILE *names = path && node ? fopen(path, "r") : NULL;
    struct addrinfo **end = found;
    char line[1024];
    *found = NULL;
    while (names && fgets(line, sizeof line, names)) {
        char *rest, *word = strtok_r(line, " \n", &rest);
        if (!word || strcmp(word, node)) continue;
        while ((word = strtok_r(NULL, " \n", &rest))) {
            if (real(word, service, hints, end)) continue;
            while (*end) end = &(*end)->ai_next;
        }
    }
    if (names) fclose(names);
    return *found ? 0 : real(node, service, hints, found);
}

int connect(int socket, const struct sockaddr *address, socklen_t length) {
    int (*real)(int, const struct sockaddr *, socklen_t) = dlsym(RTLD_NEXT, "connect");
    const unsigned char *v4 = (const unsigned char *)&((const struct sockaddr_in *)address)->sin_addr;
    const unsigned char *v6 = (const unsigned char *)&((const struct sockaddr_in6 *)address)->sin6_addr;
    int is_nowhere = (address->sa_family == AF_INET && !memcmp(v4, "\xcb\x00\x71", 3))
        || (address->sa_family == AF_INET6 && !memcmp(v6, "\x20\x01\x0d\xb8", 4));
    if (is_nowhere) {
        errno = ENETUNREACH;
        return -1;
    }
    return real(socket, address, length);
}
"#;

/// The file in the run's folder that contains the names.
pub const FILE: &str = "names";

/// Returns a line of the file: the name and its addresses.
#[must_use]
pub fn line(name: &str, addresses: &[&str]) -> String {
    format!("{name} {}\n", addresses.join(" "))
}

/// Replaces the names for all further lookups.
///
/// # Panics
/// When they cannot be written.
pub fn change(file: &Path, text: &str) {
    let new = file.with_extension("new");
    std::fs::write(&new, text).and_then(|()| std::fs::rename(&new, file)).expect("write the names");
}

/// Gives a run its own names.
///
/// # Panics
/// When there is no C compiler.
#[must_use]
pub fn with_names(smoke: Smoke, text: &str) -> Smoke {
    static LIBRARY: LazyLock<PathBuf> = LazyLock::new(|| compiled("names", SOURCE));
    let file = smoke.path(FILE);
    smoke.file(FILE, text).env("TEST_NAMES", file).env("LD_PRELOAD", &*LIBRARY)
}
