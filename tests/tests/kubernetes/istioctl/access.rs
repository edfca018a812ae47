//! Who may see what of the debug pages.

use anyhow::{Result, ensure};
use heddle_tests::control::Control;
use heddle_tests::xds_client::{CLUSTER, DeltaClient, node};
use serde_json::json;
use tonic::Code;
use tonic::transport::Channel;

use super::{DUMP, OBJECTS, PAGE, SOON, SYNC, ask, page, proxy};

/// The class of CVE-2026-31838: a debug request about the mesh from another namespace.
#[tokio::test]
async fn who_is_not_of_the_control_plane_sees_its_own_namespace() -> Result<()> {
    let control = Control::start(OBJECTS).await?;
    let _victim = proxy(&control, "vault-1", "bank").await?;
    let secure = control.channel(None).await?;
    let bank = Some((&control, "bank"));
    ensure!(ask(&secure, bank, DUMP, &["vault-1.bank"]).await.is_ok());
    ensure!(ask(&secure, bank, PAGE, &["config_dump?proxyID=vault-1.bank"]).await.is_ok());

    // Streams that call themselves after the victim, in spellings that something on the way might decode.
    let mut posing = Vec::new();
    for name in ["vault-1%2Ebank", "vault-1.bank", "vault-1.bank%00", "x&proxyID=vault-1.bank"] {
        let id = format!("sidecar~10.0.0.66~{name}~evil.svc.cluster.local");
        let metadata = json!({"NAMESPACE": "evil", "SERVICE_ACCOUNT": "default"});
        let token = control.token("evil", "default")?;
        let mut stream = DeltaClient::over(secure.clone(), node(&id, &metadata), Some(&token)).await?;
        stream.subscribe(CLUSTER, &[]).await?;
        stream.accept(CLUSTER, SOON).await?;
        posing.push(stream);
    }
    let evil = (&control, "evil");
    for spelling in [
        "vault-1.bank",
        "vault-1%2Ebank",
        "vault-1%2ebank",
        "%76ault-1.bank",
        "vault-1.bank%00",
        "vault-1.bank.evil&proxyID=vault-1.bank",
        "x&proxyID=vault-1.bank",
        "sidecar~10.0.0.9~vault-1.bank~bank.svc.cluster.local",
    ] {
        for page in ["config_dump", "edsz", "ndsz"] {
            let name = format!("{page}?proxyID={spelling}");
            let refused = ask(&secure, Some(evil), PAGE, &[&name]).await.err().map(|status| status.code());
            ensure!(matches!(refused, Some(Code::PermissionDenied | Code::InvalidArgument)), "{name}: {refused:?}");
        }
        let refused = ask(&secure, Some(evil), DUMP, &[spelling]).await.err().map(|status| status.code());
        ensure!(refused == Some(Code::PermissionDenied), "{spelling}: {refused:?}");
    }
    let list: Vec<String> = serde_json::from_str(&page(&secure, (&control, "istio-system"), "list").await?)?;
    let paths = list.iter().map(String::as_str).chain(["config_dump/?proxyID=vault-1.bank", "", "../metrics"]);
    let asked: Vec<_> = paths.map(|path| (PAGE, vec![path])).chain([(SYNC, Vec::new())]).collect();
    for (type_url, names) in asked {
        let refused = ask(&secure, Some(evil), type_url, &names).await.err().map(|status| status.code());
        ensure!(refused == Some(Code::PermissionDenied), "{type_url} {names:?}: {refused:?}");
        let nobody = ask(&secure, None, type_url, &names).await.err().map(|status| status.code());
        ensure!(nobody == Some(Code::Unauthenticated), "{type_url} {names:?}: {nobody:?}");
    }
    // Nor does the operator see another proxy under the victim's name.
    let shown = control.json("/debug/syncz").await?;
    let named = |name: &str| shown.as_array().into_iter().flatten().filter(|proxy| proxy["proxy"] == name).count();
    ensure!(named("vault-1.bank") == 1 && named("vault-1.bank.evil") == 1, "{shown}");
    let plain = Channel::from_shared(format!("http://{}", control.address("grpc")?))?.connect().await?;
    let refused = ask(&plain, None, SYNC, &[]).await.err().map(|status| status.code());
    ensure!(refused == Some(Code::Unauthenticated), "{refused:?}");
    Ok(())
}
