//! Heddle and a real Kubernetes: definitions, source, authority and webhooks against an API server, all of it together on
//! a node.

mod kubernetes {
    mod api_server;
    mod authority;
    mod node;
    mod ingress;
    mod inspect;
    mod place;
    mod secrets;
    mod source;
    mod status;
    mod webhook;
}
