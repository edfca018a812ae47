//! Which fields of a message exclude each other: protobuf's `oneof`, written as plain optional fields.
//!
//! One table serves both sides, the reader that refuses two of them and the schema that says so to the API server.

/// A message's name in this crate and, for each of its oneofs, the fields in the spelling of the API.
pub const ONEOFS: &[(&str, &[&[&str]])] = &[
    ("StringMatchFields", &[&["exact", "prefix", "regex"]]),
    ("Redirect", &[&["port", "derivePort"]]),
    ("DirectResponseBody", &[&["string", "bytes"]]),
    ("FaultDelay", &[&["fixedDelay", "exponentialDelay"]]),
    ("FaultAbort", &[&["httpStatus", "grpcStatus", "http2Error"]]),
    ("LoadBalancer", &[&["simple", "consistentHash", "backendUtilization"]]),
    (
        "ConsistentHash",
        &[&["httpHeaderName", "httpCookie", "useSourceIp", "httpQueryParameterName"], &["ringHash", "maglev"]],
    ),
    ("Probe", &[&["httpGet", "tcpSocket", "exec", "grpc"]]),
    ("ObjectMatch", &[&["listener", "routeConfiguration", "cluster", "waypoint"]]),
    ("CustomTag", &[&["literal", "environment", "header", "formatter"]]),
    ("MetricSelector", &[&["metric", "customMetric"]]),
];

/// The first two fields of one oneof of `message` that are both set.
pub(crate) fn conflict(message: &str, is_set: impl Fn(&str) -> bool) -> Option<(&'static str, &'static str)> {
    let (_, oneofs) = ONEOFS.iter().find(|(name, _)| *name == message)?;
    oneofs.iter().find_map(|fields| {
        let mut set = fields.iter().copied().filter(|field| is_set(field));
        Some((set.next()?, set.next()?))
    })
}
