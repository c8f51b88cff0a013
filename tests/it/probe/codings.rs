//! Bodies are decoded completely, and headers stay as the server sent them.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

use super::wire::{frame, http_2};
use crate::support::http::{HttpServer, Response};
use crate::support::verdicts::{case, health};

const PAGE: &[u8] = b"a stack trace";

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text).and_then(|()| encoder.finish()).expect("compress")
}

/// The page, encoded with `zstd` and `brotli`.
const ZSTD: &[u8] = b"\x28\xb5\x2f\xfd\x24\x0d\x69\x00\x00a stack trace\xb8\x0e\x02\x1a";
const BROTLI: &[u8] = b"\x0b\x06\x80a stack trace\x03";

/// Serves bodies by path, each with its claimed coding.
fn server() -> HttpServer {
    HttpServer::start(|request| {
        let coded =
            |coding: &str, body: Vec<u8>| Response::new(200).header("content-encoding", coding).body(body);
        let zlib = || {
            let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(PAGE).and_then(|()| encoder.finish()).expect("compress")
        };
        let raw = || {
            let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(PAGE).and_then(|()| encoder.finish()).expect("compress")
        };
        match request.path.as_str() {
            "/gzip" => coded("GZIP", gzip(PAGE)),
            "/x-gzip" => coded("x-gzip", gzip(PAGE)),
            "/members" => coded("gzip", [gzip(b"a stack"), gzip(b" trace")].concat()),
            "/list" => coded("gzip, identity", gzip(PAGE)),
            "/twice" => coded("deflate, gzip", gzip(&zlib())),
            "/deflate" => coded("deflate", zlib()),
            "/raw" => coded("deflate", raw()),
            "/zstd" => coded("zstd", ZSTD.to_vec()),
            "/br" => coded("br", BROTLI.to_vec()),
            "/garbage" => coded("gzip", [gzip(PAGE), b"and more".to_vec()].concat()),
            "/cut" => coded("gzip", gzip(PAGE)[..12].to_vec()),
            _ => coded("compress", PAGE.to_vec()),
        }
    })
}

#[test]
fn a_body_is_judged_as_its_codings_make_it() {
    let server = server();
    let paths = ["/gzip", "/x-gzip", "/members", "/list", "/twice", "/deflate", "/raw", "/zstd", "/br"];
    let cases =
        paths.map(|path| case(format!("url = {:?}\nexpect.body = \"a stack trace\"", server.url(path)), ""));
    let _ = health(&cases);
}

#[test]
fn what_cannot_be_decoded_is_an_error_where_it_is_judged() {
    let server = server();
    let of = |path: &str| format!("reading the body of {}: ", server.url(path));
    let judged = |path: &str| format!("url = {:?}\nexpect.body.not.contains = \"nothing\"", server.url(path));
    let _ = health(&[
        case(judged("/garbage"), of("/garbage") + "the body cannot be decoded: it is not whole `gzip`: …"),
        case(judged("/cut"), of("/cut") + "the body cannot be decoded: it is not whole `gzip`: …"),
        case(
            judged("/unknown"),
            of("/unknown")
                + "its content-encoding `compress` is unknown: gzip, deflate, br and zstd are decoded",
        ),
        case(format!("url = {:?}\nexpect.status = 200", server.url("/unknown")), ""),
    ]);
}

#[test]
fn the_headers_of_a_coded_answer_are_the_servers_own() {
    let server = server();
    let length = gzip(PAGE).len();
    let _ = health(&[
        case(
            format!(
                "url = {:?}\nexpect.header = {{ content-encoding = \"GZIP\", content-length = \"{length}\" }}",
                server.url("/gzip")
            ),
            "",
        ),
        case(
            format!("url = {:?}\nexpect.header.content-encoding = {{ exists = false }}", server.url("/gzip")),
            "expected header content-encoding not to exist, got \"GZIP\"",
        ),
    ]);
}

#[test]
fn a_stream_given_up_without_an_error_is_not_whole() {
    let (data, headers, reset) = (0, 1, 3);
    // A 200 response, with or without `content-length: 4`.
    let head = |length: bool| {
        if length { frame(headers, 4, 1, b"\x88\x0f\x0d\x014") } else { frame(headers, 4, 1, &[0x88]) }
    };
    let no_error = frame(reset, 0, 1, &[0; 4]);
    let body = frame(data, 0, 1, b"half");
    let cut = http_2([head(false), body.clone(), no_error.clone()].concat());
    let whole = http_2([head(false), frame(data, 1, 1, b"half")].concat());
    let with_length = http_2([head(true), body, no_error].concat());
    let of = |address| format!("url = \"http://{address}/\"\nhttp = \"2\"\nexpect.body = \"half\"");
    let _ = health(&[
        case(
            of(cut.0),
            format!(
                "reading the body of http://{}/: the server ended the exchange (HTTP/2) before the body was complete",
                cut.0
            ),
        ),
        case(of(whole.0), ""),
        case(of(with_length.0), ""),
    ]);
}

#[test]
fn a_stream_is_not_read_where_only_its_head_is_asked_for() {
    let (address, _server) = super::wire::serve(|_, mut stream| async move {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        super::wire::request_line(&mut stream).await?;
        stream
            .write_all(
                b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n\r\ndata: 1\n\n",
            )
            .await?;
        while stream.read(&mut [0; 64]).await? > 0 {}
        Ok(())
    });
    let url = format!("url = \"http://{address}/\"\nbudget = \"2s\"");
    let _ = health(&[
        case(
            format!("{url}\nexpect = {{ status = 200, header.content-type.contains = \"event-stream\" }}"),
            "",
        ),
        case(format!("{url}\nexpect.status = 201"), "expected status 201, got 200"),
        case(
            format!("{url}\nexpect.body.contains = \"data\""),
            "no end of the body within 2s (check budget), …",
        ),
    ]);
}
