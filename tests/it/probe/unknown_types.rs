//! A PostgreSQL server whose types refer to each other endlessly. The library would look up each one within the lookup
//! of the previous one, on the stack. Smoke looks up none of them.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;

use crate::support::smoke::Smoke;

/// The first type ID that no real server uses.
const UNKNOWN: u32 = 100_000;

/// How the server describes a type.
#[derive(Clone, Copy)]
pub enum Types {
    /// The query about a type returns columns of unknown types itself.
    InEachAnswer,
    /// The type is a domain over another one.
    Domains,
}

/// Starts the server.
///
/// # Panics
/// When there is no free port.
pub fn server(types: Types) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("listen");
    let address = listener.local_addr().expect("know the port");
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            stream.set_nodelay(true).expect("answer at once");
            thread::spawn(move || serve(stream, types));
        }
    });
    address
}

/// Serves until the client disconnects.
fn serve(mut stream: TcpStream, types: Types) -> Option<()> {
    // A request for TLS has eight bytes. The start-up message is longer, and is read completely at once.
    if u32::from_be_bytes(read::<4>(&mut stream)?) == 8 {
        read::<4>(&mut stream)?;
        stream.write_all(b"N").ok()?;
        return serve(stream, types);
    }
    let _ = stream.read(&mut [0; 4096]).ok()?;
    let key = message(b'K', &[0, 0, 0, 1, 0, 0, 0, 2]);
    stream.write_all(&[message(b'R', &[0; 4]), key, message(b'Z', b"I")].concat()).ok()?;
    answer(stream, types)
}

fn answer(mut stream: TcpStream, types: Types) -> Option<()> {
    let mut is_about_a_type = false;
    let mut unknown = UNKNOWN;
    loop {
        let [kind] = read::<1>(&mut stream)?;
        let length = usize::try_from(u32::from_be_bytes(read::<4>(&mut stream)?)).ok()?;
        let mut body = vec![0; length - 4];
        stream.read_exact(&mut body).ok()?;
        let said = match kind {
            b'Q' => [message(b'C', b"BEGIN\0"), message(b'Z', b"T")].concat(),
            b'P' => {
                is_about_a_type = String::from_utf8_lossy(&body).contains("pg_catalog.pg_type");
                message(b'1', b"")
            }
            b'D' => {
                let columns = match (types, is_about_a_type) {
                    // A name, a character and identifiers.
                    (Types::Domains, true) => vec![19, 18, 26, 26, 26, 19, 26],
                    (Types::InEachAnswer | Types::Domains, _) => vec![UNKNOWN],
                };
                let parameters: &[u8] = if is_about_a_type { &[0, 1, 0, 0, 0, 26] } else { &[0, 0] };
                [message(b't', parameters), message(b'T', &description(&columns))].concat()
            }
            b'B' => message(b'2', b""),
            b'E' => {
                unknown += 1;
                let domain: [&[u8]; 7] =
                    [b"a", b"d", &[0; 4], &[0; 4], &unknown.to_be_bytes(), b"public", &[0; 4]];
                [message(b'D', &row(&domain)), message(b'C', b"SELECT 1\0")].concat()
            }
            b'S' => message(b'Z', b"T"),
            _ => Vec::new(),
        };
        stream.write_all(&said).ok()?;
    }
}

fn read<const LENGTH: usize>(stream: &mut TcpStream) -> Option<[u8; LENGTH]> {
    let mut bytes = [0; LENGTH];
    stream.read_exact(&mut bytes).ok()?;
    Some(bytes)
}

/// Encodes a type, a length that includes itself, and the body.
fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).expect("a short message");
    [&[kind], &length.to_be_bytes()[..], body].concat()
}

fn description(types: &[u32]) -> Vec<u8> {
    let mut text = u16::try_from(types.len()).expect("few columns").to_be_bytes().to_vec();
    for kind in types {
        text.extend_from_slice(b"a\0\0\0\0\0\0\0");
        text.extend_from_slice(&kind.to_be_bytes());
        text.extend_from_slice(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 1]);
    }
    text
}

fn row(cells: &[&[u8]]) -> Vec<u8> {
    let mut text = u16::try_from(cells.len()).expect("few columns").to_be_bytes().to_vec();
    for cell in cells {
        text.extend_from_slice(&u32::try_from(cell.len()).expect("a short cell").to_be_bytes());
        text.extend_from_slice(cell);
    }
    text
}

#[test]
fn types_without_an_end_are_an_error_of_their_check_alone() {
    for types in [Types::InEachAnswer, Types::Domains] {
        let suite = format!(
            "[[boot]]\nname = \"shop\"\ncommand = [\"sleep\", \"300.25\"]\n[[database]]\nname = \"orders\"\n\
             url = \"postgres://u@{}/d\"\nquery = \"select a\"\n",
            server(types)
        );
        let ran = Smoke::new().suite(&suite).run();
        ran.exits(1);
        assert!(ran.stderr.contains("the server sent a row of other columns than it said"), "{}", ran.stderr);
        assert!(ran.pipes_closed, "the booted process has ended");
    }
}
