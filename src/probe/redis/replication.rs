//! A check that a replica has its master.
//!
//! A replica that has lost its master keeps answering, with outdated data.
//! Source: <https://redis.io/docs/latest/commands/info/>, section `replication`.

use super::url::Place;
use crate::outcome::{Failure, Fault};
use crate::secret::{Message, message};

/// Returns what is wrong with the server at `place`, according to its own `INFO replication`.
pub(super) fn fault(information: &str, place: &Place) -> Option<Failure> {
    let field = |name: &str| {
        information.lines().find_map(|line| line.trim_end().strip_prefix(name)?.strip_prefix(':'))
    };
    if field("role") != Some("slave") || field("master_link_status") != Some("down") {
        return None;
    }
    let [host, port] = ["master_host", "master_port"].map(|name| field(name).unwrap_or_default());
    let doing = message!("asking the replica {} for its master", place);
    let (cause, hint) = if field("master_sync_in_progress") == Some("1") {
        (message!("it still copies its data from {}:{}", host, port), "`poll` waits until it has them")
    } else {
        let cause = message!("it has no link to its master {}:{}", host, port);
        let since = field("master_link_down_since_seconds").and_then(|since| since.parse::<u64>().ok());
        let cause = match since {
            Some(seconds) => cause.words(format!(" since {seconds} s, and answers with the data of then")),
            // The replica never had a link.
            None => cause.words(", and had none yet"),
        };
        (cause, "look at the master, at the network between the two, and at `masterauth` of the replica")
    };
    Some(Failure::fault(Fault::Connect, doing, cause).with_hint(Message::new().words(hint)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::dial::Target;

    #[test]
    fn a_replica_without_its_master_is_told_and_nothing_else_is() {
        let place = Place::Tcp(Target { host: "cache".to_owned(), port: 6379 });
        let told = |text: &str| fault(text, &place).map(|failure| failure.to_string());
        assert_eq!(told("# Replication\r\nrole:master\r\nconnected_slaves:0\r\n"), None);
        assert_eq!(told(""), None);
        let replica = "role:slave\r\nmaster_host:db\r\nmaster_port:6380\r\n";
        assert_eq!(told(&format!("{replica}master_link_status:up\r\n")), None);
        let down = format!("{replica}master_link_status:down\r\nmaster_link_down_since_seconds:12\r\n");
        assert_eq!(
            told(&down).as_deref(),
            Some(
                "asking the replica cache:6379 for its master: it has no link to its master db:6380 since 12 s, and answers with the data of then"
            )
        );
        let copies = format!("{replica}master_link_status:down\r\nmaster_sync_in_progress:1\r\n");
        assert!(told(&copies).is_some_and(|text| text.ends_with("it still copies its data from db:6380")));
    }
}
