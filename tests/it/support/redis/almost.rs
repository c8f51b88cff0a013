//! Servers that speak Redis's protocol, up to where they do not.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};

use crate::support::raw;

/// What is said to a command.
#[derive(Debug, Clone)]
pub enum Says {
    This(Vec<u8>),
    /// This, and then nothing any more.
    ThenNothing(Vec<u8>),
    /// This, and then an orderly close.
    ThenCloses(Vec<u8>),
    /// This, and then the other again and again.
    Endlessly(Vec<u8>, Vec<u8>),
}

/// What a Redis says to `HELLO`.
pub const HELLO: &[u8] =
    b"%3\r\n$6\r\nserver\r\n$5\r\nredis\r\n$5\r\nproto\r\n:3\r\n$4\r\nrole\r\n$6\r\nmaster\r\n";

/// What a Redis says to `COMMAND INFO` of a command that reads.
pub const READS: &[u8] =
    b"*1\r\n*7\r\n$3\r\nget\r\n:2\r\n~2\r\n+readonly\r\n+fast\r\n:1\r\n:1\r\n:1\r\n~1\r\n+@read\r\n";

/// A server that answers each command as `answer` says.
pub fn serve(answer: impl Fn(&[String]) -> Says + Send + Sync + 'static) -> SocketAddr {
    raw::serve(move |stream| converse(stream, &answer))
}

fn converse(mut stream: TcpStream, answer: &impl Fn(&[String]) -> Says) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    loop {
        match answer(&command(&mut reader)?) {
            Says::This(bytes) => stream.write_all(&bytes).ok()?,
            Says::ThenNothing(bytes) => {
                stream.write_all(&bytes).ok()?;
                return read_to_end(&mut reader);
            }
            Says::ThenCloses(bytes) => {
                stream.write_all(&bytes).ok()?;
                stream.shutdown(Shutdown::Write).ok()?;
                return read_to_end(&mut reader);
            }
            Says::Endlessly(first, again) => {
                stream.write_all(&first).ok()?;
                let many = again.repeat(1 + 16_384 / again.len());
                while stream.write_all(&many).is_ok() {}
                return None;
            }
        }
    }
}

fn read_to_end(reader: &mut BufReader<TcpStream>) -> Option<()> {
    while reader.read(&mut [0; 4096]).ok()? > 0 {}
    Some(())
}

/// A command as clients send it: a list of texts.
fn command(reader: &mut BufReader<TcpStream>) -> Option<Vec<String>> {
    let mut number = |kind: char| {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let length = line.trim_end().strip_prefix(kind)?.parse::<usize>().ok()?;
        if kind == '*' {
            return Some((length, Vec::new()));
        }
        let mut text = vec![0; length + 2];
        reader.read_exact(&mut text).ok()?;
        text.truncate(length);
        Some((length, text))
    };
    let (length, _) = number('*')?;
    (0..length).map(|_| Some(String::from_utf8_lossy(&number('$')?.1).into_owned())).collect()
}
