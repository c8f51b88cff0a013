//! The environment variables that smoke reads, for the manual page and the documentation.

/// Each variable or group of variables, with its effect.
pub const ENVIRONMENT: &[(&str, &str)] = &[
    ("NO_COLOR", "if set and not empty, `--color auto` uses no colour"),
    ("TERM", "if `dumb`, `--color auto` uses no colour"),
    ("CI", "if set, `--progress auto` shows no progress bar"),
    ("GITHUB_ACTIONS", "if `true`, failures are annotated and the step summary is written"),
    ("GITHUB_WORKSPACE", "folder that the paths in annotations are relative to"),
    ("GITHUB_STEP_SUMMARY", "file that the step summary is appended to"),
    ("GITLAB_CI", "if `true`, the lines of the checks are a collapsible section of the log"),
    (
        "HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY",
        "proxy of HTTP requests without `proxy`, also in lower case",
    ),
    ("REQUEST_METHOD", "if set, which it is for CGI programs, the proxy variables are ignored"),
    ("SSL_CERT_FILE, SSL_CERT_DIR", "certificates to trust instead of the system's"),
    ("PGUSER", "user of a PostgreSQL URL without one"),
    ("PGPASSWORD", "password of a PostgreSQL URL without one"),
    ("REDISCLI_AUTH", "password of a Redis URL without one"),
    (
        "MYSQL_HOST, MYSQL_TCP_PORT, MYSQL_UNIX_PORT, MYSQL_PWD",
        "host, port, socket and password of a MySQL URL without one; `HOME` also for `.my.cnf`",
    ),
    ("USER, USERNAME", "PostgreSQL or MySQL user, if the operating system has no name for the current user"),
    (
        "XDG_STATE_HOME, HOME, LOCALAPPDATA",
        "folder for what `--rerun-failed` needs: the first that is set, `HOME` with `.local/state`; \
         `HOME` also for the certificates in `.postgresql`",
    ),
    ("HOSTNAME, COMPUTERNAME", "name of the machine in JUnit reports, if the system does not know it"),
    ("SHOP_PASSWORD, SHOP_FAULT", "read by the demo shop, which `smoke demo` starts"),
];
