//! Spans, as a collector of OpenTelemetry receives them.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;

use crate::feature_server::{FeatureServer, REQUEST, users};

/// A collector: where it listens, and the bodies it receives, each with its path.
fn collector() -> (String, Receiver<(String, Vec<u8>)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(received) = receive(&mut stream.unwrap()) else { continue };
            if sender.send(received).is_err() {
                return;
            }
        }
    });
    (address, receiver)
}

fn receive(stream: &mut TcpStream) -> std::io::Result<(String, Vec<u8>)> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let (mut first, mut length) = (String::new(), 0);
    reader.read_line(&mut first)?;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        if line.trim().is_empty() {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")?;
    Ok((first, body))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_request_is_a_span_of_its_callers_trace_with_its_read_and_its_transforms() {
    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    const CALLER: &str = "b7ad6b7169203331";
    let repository = users("");
    let (address, received) = collector();
    let mut server = FeatureServer::with(repository.path(), &[], |command| {
        command.env("OTEL_EXPORTER_OTLP_ENDPOINT", &address).env("OTEL_SERVICE_NAME", "scoring")
    });
    let headers = format!("traceparent: 00-{TRACE}-{CALLER}-01\r\nx-request-id: order-66\r\n");
    assert_eq!(server.request("POST", "/get-online-features", &headers, REQUEST.as_bytes()).status, 200);
    // What is not sent yet is sent at the end.
    server.terminate();
    assert_eq!(server.wait(), Some(0));

    let (first, body) = received.recv().unwrap();
    assert!(first.starts_with("POST /v1/traces "), "{first}");
    let mut spans: Vec<Span> = Vec::new();
    let request = ExportTraceServiceRequest::decode(body.as_slice()).unwrap();
    for resource in request.resource_spans {
        let name = resource.resource.unwrap().attributes.into_iter().find(|found| found.key == "service.name").unwrap();
        assert!(format!("{name:?}").contains("scoring"), "{name:?}");
        spans.extend(resource.scope_spans.into_iter().flat_map(|scope| scope.spans));
    }
    let span =
        |name: &str| spans.iter().find(|span| span.name == name).unwrap_or_else(|| panic!("{name} in {spans:?}"));
    let request = span("request");
    assert_eq!((hex(&request.trace_id), hex(&request.parent_span_id)), (TRACE.to_owned(), CALLER.to_owned()));
    assert!(request.attributes.iter().any(|attribute| attribute.key == "request_id"), "{request:?}");
    for name in ["online_store_read", "transform"] {
        assert_eq!(span(name).parent_span_id, request.span_id, "{name}");
        assert_eq!(hex(&span(name).trace_id), TRACE);
    }
}
