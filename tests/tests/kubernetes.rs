//! Heddle and a real Kubernetes: definitions, source, authority and webhooks against an API server, all of it together
//! on a node.

mod kubernetes {
    mod analyze;
    mod api_server;
    mod authority;
    mod findings;
    mod ingress;
    mod istioctl;
    mod node;
    mod secrets;
    mod source;
    mod status;
    mod watcher;
    mod webhook;
}
