//! Heddle and a real Kubernetes API server: its definitions of resources, and its objects as a source.

mod kubernetes {
    mod api_server;
    mod place;
    mod source;
}
