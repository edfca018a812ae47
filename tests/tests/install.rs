//! Installing on a real API server, by Helm, by `heddlectl` and by manifests, over nothing and over istiod's own
//! objects; and going back. Pods do not run there: what a controller would report of a Deployment, the test reports.

mod install {
    mod charts;
    mod commands;
    mod documents;
    mod helm;
    mod istio;
    mod manifests;
    mod takeover;
    pub(crate) mod tools;
}
