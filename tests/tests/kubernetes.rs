//! Heddle and a real Kubernetes API server: definitions, source, authority, webhooks.

mod kubernetes {
    mod api_server;
    mod authority;
    mod place;
    mod source;
    mod webhook;
}
