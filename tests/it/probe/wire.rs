//! Responses are parsed as by curl and browsers.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::support::background::Background;
use crate::support::fault::{Fault, FaultServer};
use crate::support::http::{HttpServer, Response};
use crate::support::journeys::{journey, run, step};
use crate::support::smoke::Smoke;
use crate::support::verdicts::{case, health, suite};

/// A server that passes each connection, with its number, to `converse`.
pub(super) fn serve<F>(converse: impl Fn(usize, TcpStream) -> F + Send + 'static) -> (SocketAddr, Background)
where
    F: Future<Output = std::io::Result<()>> + Send + 'static,
{
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("listen on a free port");
    listener.set_nonblocking(true).expect("listen without blocking");
    let address = listener.local_addr().expect("know the port");
    let serve = async move {
        let listener = TcpListener::from_std(listener).expect("hand the listener over");
        for number in 1.. {
            let (stream, _) = listener.accept().await.expect("accept a connection");
            let _ = stream.set_nodelay(true);
            // A client may disconnect at any time.
            let conversation = converse(number, stream);
            tokio::spawn(async move {
                let _ = conversation.await;
            });
        }
    };
    (address, Background::start(serve))
}

#[test]
fn cookies_are_sent_by_path_length_then_by_age() {
    let server = HttpServer::start(|request| match request.path.as_str() {
        "/" => ('a'..='f').fold(Response::new(200), |answer, name| {
            answer.header("set-cookie", &format!("{name}=1; Path=/"))
        }),
        "/app/login" => ["b=app; Path=/app", "z=deep; Path=/app/me", "a=again; Path=/"]
            .iter()
            .fold(Response::new(200), |answer, cookie| answer.header("set-cookie", cookie)),
        _ => Response::new(500),
    });
    let steps =
        ["/", "/app/login", "/app/me"].map(|path| step(path, &format!("get = \"{{{{base}}}}{path}\"")));
    let ran = run(&server, &journey("it", "", &steps));
    let cookies = "z=deep; b=app; a=again; b=1; c=1; d=1; e=1; f=1";
    assert_eq!(server.requests()[2].header("cookie"), Some(cookies));
    assert!(ran.stderr.contains(&format!(" -b '{cookies}' ")), "{}", ran.stderr);
}

/// Answers the first request of each connection and closes it at the second, like a server that closes an idle
/// connection just as it is reused. Requests to `/crash` are never answered. Records the requests, each with
/// the number of its connection.
fn closes_what_is_kept() -> (String, Arc<Mutex<Vec<String>>>, Background) {
    let asked: Arc<Mutex<Vec<String>>> = Arc::default();
    let record = Arc::clone(&asked);
    let (address, background) = serve(move |number, mut stream| {
        let record = Arc::clone(&record);
        async move {
            for answers in [true, false] {
                let line = request_line(&mut stream).await?;
                let crashes = line.contains("/crash");
                record.lock().unwrap_or_else(PoisonError::into_inner).push(format!("{number} {line}"));
                if !answers || crashes {
                    return stream.shutdown().await;
                }
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await?;
            }
            Ok(())
        }
    });
    (format!("http://{address}"), asked, background)
}

/// Reads a request without a body.
pub(super) async fn request_line(stream: &mut (impl AsyncRead + Unpin)) -> std::io::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    Ok(head.split(" HTTP/1.1").next().unwrap_or_default().to_owned())
}

fn steps(base: &str, requests: &[(&str, &str)]) -> String {
    let steps: Vec<String> =
        requests.iter().map(|(verb, path)| step(path, &format!("{verb} = \"{base}{path}\""))).collect();
    suite(&journey("it", "", &steps))
}

#[test]
fn a_closed_keep_alive_connection_fails_nothing_and_repeats_no_unsafe_request() {
    let (base, asked, _server) = closes_what_is_kept();
    let requests = [
        ("get", "/1"),
        ("get", "/2"),
        ("post", "/3"),
        ("patch", "/4"),
        ("put", "/5"),
        ("head", "/6"),
        ("delete", "/7"),
    ];
    Smoke::new().suite(&steps(&base, &requests)).run().exits(0);
    let asked = asked.lock().unwrap_or_else(PoisonError::into_inner);
    let expected = [
        "1 GET /1",
        "1 GET /2",
        "2 GET /2",
        "3 POST /3",
        "4 PATCH /4",
        "4 PUT /5",
        "5 PUT /5",
        "5 HEAD /6",
        "6 HEAD /6",
        "6 DELETE /7",
        "7 DELETE /7",
    ];
    assert_eq!(*asked, expected);
}

#[test]
fn a_new_connection_closed_without_an_answer_is_not_retried() {
    let (base, asked, _server) = closes_what_is_kept();
    for (requests, expected) in [
        (vec![("get", "/crash")], vec!["1 GET /crash"]),
        (vec![("get", "/1"), ("get", "/crash")], vec!["2 GET /1", "2 GET /crash", "3 GET /crash"]),
        (vec![("get", "/1"), ("post", "/crash")], vec!["4 GET /1", "5 POST /crash"]),
    ] {
        let ran = Smoke::new().suite(&steps(&base, &requests)).run();
        ran.exits(1);
        let message = format!(
            "step {} `/crash`: waiting for the answer of {base}/crash: the connection was closed without an answer",
            requests.len()
        );
        assert_eq!(ran.junit().case("it").message, Some(message));
        let asked = std::mem::take(&mut *asked.lock().unwrap_or_else(PoisonError::into_inner));
        assert_eq!(asked, expected);
    }
    let server = FaultServer::start(Fault::Reset);
    let ran = Smoke::new().suite(&steps(server.url().trim_end_matches('/'), &[("get", "/")])).run();
    ran.exits(1);
    assert_eq!(server.connections(), 1);
}

#[test]
fn a_body_is_decoded_with_its_own_charset() {
    let page = "<p>St\u{f6}rung</p>";
    let latin: Vec<u8> = page.chars().map(|c| u8::try_from(u32::from(c)).expect("Latin-1")).collect();
    let utf_16 = |text: &str| -> Vec<u8> { text.encode_utf16().flat_map(u16::to_be_bytes).collect() };
    let marked = |mark: &[u8], body: &[u8]| [mark, body].concat();
    let json = "{\"a\": \"St\u{f6}rung\"}";
    let server = HttpServer::start(move |request| {
        let answer = |kind: &str, body: Vec<u8>| Response::new(200).header("content-type", kind).body(body);
        match request.path.as_str() {
            "/latin" => answer("text/html; charset=iso-8859-1", latin.clone()),
            "/quoted" => answer("text/html;level=1; Charset=\"ISO-8859-1\"", latin.clone()),
            "/unnamed" => answer("text/html", page.into()),
            "/unknown" => answer("text/html; charset=klingon", page.into()),
            "/utf-16" => answer("text/html; charset=utf-16be", utf_16(page)),
            "/mark" => answer("text/html; charset=iso-8859-1", marked(b"\xfe\xff", &utf_16(page))),
            "/mark-8" => answer("text/html", marked(b"\xef\xbb\xbf", page.as_bytes())),
            "/json" => answer("application/json", marked(b"\xfe\xff", &utf_16(json))),
            "/json-8" => answer("application/json", marked(b"\xef\xbb\xbf", json.as_bytes())),
            "/json-latin" => {
                answer("application/json; charset=windows-1252", json.chars().map(|c| c as u8).collect())
            }
            _ => answer("text/html; charset=iso-8859-1", utf_16(page)),
        }
    });
    let pages = ["/latin", "/quoted", "/unnamed", "/unknown", "/utf-16", "/mark", "/mark-8"].map(|path| {
        let expects =
            format!("expect.body = {page:?}\nexpect.html.p = {{ not = {{ contains = \"\u{fffd}\" }} }}");
        case(format!("url = {:?}\n{expects}", server.url(path)), "")
    });
    let documents = ["/json", "/json-8", "/json-latin"].map(|path| {
        case(format!("url = {:?}\nexpect.json.\"$.a\" = \"St\u{f6}rung\"", server.url(path)), "")
    });
    let _ = health(&[pages.to_vec(), documents.to_vec()].concat());
}

#[test]
fn a_response_may_have_many_headers() {
    let server = HttpServer::start(|request| {
        let many: usize = request.path[1..].parse().expect("a number");
        // The server adds `content-length` and `date`.
        (2..many).fold(Response::new(200), |answer, n| answer.header(&format!("x-{n}"), "a"))
    });
    let large = "the headers are too large: more than 256 of them, or more than 400 KiB";
    let _ = health(&[
        case(format!("url = {:?}\nexpect.header.x-255 = \"a\"", server.url("/256")), ""),
        case(
            format!("url = {:?}", server.url("/257")),
            format!("waiting for the answer of {}: {large}", server.url("/257")),
        ),
    ]);
}

/// A frame of HTTP/2 (RFC 9113, section 4.1).
pub(super) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a small frame").to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// Speaks just enough HTTP/2 to answer a request with these frames.
pub(super) fn http_2(frames: Vec<u8>) -> (SocketAddr, Background) {
    serve(move |_, stream| http_2_over(stream, frames.clone()))
}

/// Speaks it over a stream.
pub(super) async fn http_2_over(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    frames: Vec<u8>,
) -> std::io::Result<()> {
    const PREFACE: usize = 24;
    const HEADERS: u8 = 1;
    const SETTINGS: u8 = 4;
    stream.write_all(&frame(SETTINGS, 0, 0, &[])).await?;
    stream.read_exact(&mut [0; PREFACE]).await?;
    let mut head = [0; 9];
    while head[3] != HEADERS {
        stream.read_exact(&mut head).await?;
        let length = usize::from(head[1]) << 8 | usize::from(head[2]);
        stream.read_exact(&mut vec![0; length]).await?;
    }
    stream.write_all(&frames).await?;
    stream.flush().await?;
    while stream.read(&mut [0; 1024]).await? > 0 {}
    Ok(())
}

#[test]
fn http_2_errors_are_reported_as_what_they_are() {
    let (headers, reset, go_away) = (1, 3, 7);
    let ok = frame(headers, 4, 1, &[0x88]);
    let cases = [
        (
            frame(go_away, 0, 0, &[0; 8]),
            "waiting for the answer of",
            "the server ended the connection (HTTP/2): not a result of an error",
        ),
        (
            frame(reset, 0, 1, &[0, 0, 0, 7]),
            "waiting for the answer of",
            "the server ended the exchange (HTTP/2): refused stream before processing any application logic",
        ),
        (
            [ok.clone(), frame(reset, 0, 1, &[0, 0, 0, 2])].concat(),
            "reading the body of",
            "the server ended the exchange (HTTP/2): unexpected internal error encountered",
        ),
        (
            [ok, frame(reset, 0, 3, &[0, 0, 0, 2])].concat(),
            "reading the body of",
            "what came is not HTTP/2: connection error detected: unspecific protocol error detected",
        ),
    ];
    let servers: Vec<_> = cases.iter().map(|(frames, _, _)| http_2(frames.clone())).collect();
    let cases: Vec<_> = std::iter::zip(&servers, &cases)
        .map(|((address, _), (_, doing, cause))| {
            case(
                format!("url = \"http://{address}/\"\nhttp = \"2\""),
                format!("{doing} http://{address}/: {cause}"),
            )
        })
        .collect();
    let _ = health(&cases);
}

#[test]
fn headers_that_curl_and_browsers_take_are_taken_and_others_are_named() {
    let answer = |head: &'static str| {
        serve(move |_, mut stream| async move {
            request_line(&mut stream).await?;
            stream
                .write_all(format!("HTTP/1.1 200 OK\r\n{head}content-length: 0\r\n\r\n").as_bytes())
                .await?;
            while stream.read(&mut [0; 64]).await? > 0 {}
            Ok(())
        })
    };
    let servers = ["x-a : b\r\n", "x-a: b\r\n c\r\n", "x a: b\r\n", "no colon\r\n"].map(answer);
    let malformed = "a header of the answer is malformed: invalid HTTP header parsed";
    let [spaced, folded, split, bare] = servers.each_ref().map(|(address, _)| format!("http://{address}/"));
    let _ = health(&[
        case(format!("url = {spaced:?}\nexpect.header.x-a = \"b\""), ""),
        case(format!("url = {folded:?}\nexpect.header.x-a.contains = \"c\""), ""),
        case(format!("url = {split:?}"), format!("waiting for the answer of {split}: {malformed}")),
        case(format!("url = {bare:?}"), format!("waiting for the answer of {bare}: {malformed}")),
    ]);
}

#[test]
fn large_headers_over_http_2_are_read() {
    // A literal header without indexing, with a plain name and value: the length is 127 plus the rest in groups of
    // seven bits (RFC 7541).
    let value = vec![b'a'; 200_000];
    let length = value.len() - 127;
    let seven = |shift: usize, more: u8| u8::try_from(length >> shift & 0x7f).expect("seven bits") | more;
    let field =
        [&b"\x88\x00\x05x-big\x7f"[..], &[seven(0, 0x80), seven(7, 0x80), seven(14, 0)], &value].concat();
    let mut chunks = field.chunks(16_384).peekable();
    let mut frames = frame(1, 1, 1, chunks.next().expect("a first part"));
    while let Some(chunk) = chunks.next() {
        frames.extend(frame(9, if chunks.peek().is_none() { 4 } else { 0 }, 1, chunk));
    }
    let (address, _server) = http_2(frames);
    let _ = health(&[case(
        format!("url = \"http://{address}/\"\nhttp = \"2\"\nexpect.header.x-big.length = 200000"),
        "",
    )]);
}

/// Encodes a PostgreSQL message: its type, a length that includes itself, and the rest.
fn message(kind: u8, rest: &[u8]) -> Vec<u8> {
    let length = u32::try_from(rest.len() + 4).expect("a short message").to_be_bytes();
    [&[kind], &length[..], rest].concat()
}

/// Sends `first` to each client, waits for a query if there is a `then`, and sends those of `again` in
/// turn, as fast as they are read.
fn endless_postgres(
    first: Vec<u8>,
    then: Vec<u8>,
    again: impl Fn(usize) -> Vec<u8> + Copy + Send + 'static,
) -> (String, Background) {
    let (address, background) = serve(move |_, mut stream| {
        let (first, then) = (first.clone(), then.clone());
        async move {
            let length = stream.read_i32().await?;
            stream.read_exact(&mut vec![0; usize::try_from(length - 4).expect("a length")]).await?;
            stream.write_all(&first).await?;
            if !then.is_empty() {
                stream.read_u8().await?;
                stream.write_all(&then).await?;
            }
            for number in 0.. {
                stream.write_all(&again(number)).await?;
            }
            Ok(())
        }
    });
    (format!("postgres://smoke:secret@{address}/smoke?sslmode=disable"), background)
}

#[test]
fn an_endless_postgresql_response_uses_bounded_memory() {
    let welcome = [message(b'R', &[0; 4]), message(b'Z', b"I")].concat();
    let huge = |kind: u8| [&[kind], &0x7fff_fff0_u32.to_be_bytes()[..]].concat();
    let noise = |_| vec![b'x'; 1 << 20];
    let parameter = |number| message(b'S', format!("p{number}\0{}\0", "v".repeat(60_000)).as_bytes());
    let notice = |_| message(b'N', format!("SNOTICE\0M{}\0\0", "x".repeat(60_000)).as_bytes());
    let row = |_| message(b'D', &[b"\0\x01\0\0\xea\x60", vec![b'x'; 60_000].as_slice()].concat());
    let columns =
        message(b'T', &[b"\0\x01a\0", &[0; 6][..], b"\0\0\0\x19\xff\xff\xff\xff\xff\xff\0\0"].concat());
    let kept = "the server sent more than 1 MiB for the login and its parameters";
    let long = "running the query: the server sent a row of 2147483632 bytes, and 1 MiB is read at most: \
        select fewer columns, or the `length` of one";
    let (let_in, nothing) = (message(b'R', &[0; 4]), Vec::new);
    let servers = [
        (endless_postgres(huge(b'R'), nothing(), noise), kept),
        (endless_postgres(huge(b'E'), nothing(), noise), kept),
        (endless_postgres(let_in.clone(), nothing(), parameter), kept),
        (endless_postgres(let_in, nothing(), notice), kept),
        // After the login, none of them is kept.
        (endless_postgres(welcome.clone(), message(b'I', b""), parameter), "within 1s (check budget)"),
        (endless_postgres(welcome.clone(), huge(b'D'), noise), long),
        (endless_postgres(welcome, columns, row), "within 1s (check budget)"),
    ];
    for ((url, _server), cause) in &servers {
        let budget = if cause.starts_with("within") { "1s" } else { "30s" };
        for (attributes, keys) in
            [("", ""), ("", "query = \"select 1\""), ("&target_session_attrs=primary", "")]
        {
            let url = format!("{url}{attributes}");
            let check = format!("[[database]]\nname = \"it\"\nurl = {url:?}\nbudget = {budget:?}\n{keys}\n");
            let ran = Smoke::new().suite(&suite(&check)).watch_memory().run();
            ran.exits(1);
            let told = ran.junit().case("it").message.clone().unwrap_or_default();
            assert!(told.contains(cause), "{url} {keys}: {told}");
            if let Some(peak) = ran.peak_memory {
                assert!(peak < 100 << 20, "{url} {keys}: {peak} bytes");
            }
        }
    }
}

#[test]
fn bidi_controls_are_shown_as_code_points() {
    let server = HttpServer::start(|_| Response::new(500).body("\u{202e}evil\u{2066} \u{200f}\u{61c}"));
    let ran = health(&[case(format!("url = {:?}", server.url("/")), "expected status 2xx, got 500")]);
    assert!(ran.stderr.contains(r"\u{202e}evil\u{2066} \u{200f}\u{61c}"), "{}", ran.stderr);
}
