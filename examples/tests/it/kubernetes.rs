//! Every manifest through the types of `k8s-openapi` and back: no field that they do not know, none of another kind, none
//! lost.
//!
//! Here and not in `wasm-bundle`, whose tests would compile 40 MB of types for this one.

use k8s_openapi::api::{
    apps::v1::Deployment,
    autoscaling::v2::HorizontalPodAutoscaler,
    batch::v1::Job,
    core::v1::{Pod, Service},
    node::v1::RuntimeClass,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use wasm_bundle::kubernetes::{App, Controller, Via};

const IMAGE: &str = "ghcr.io/me/app@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn through<T: Serialize + DeserializeOwned>(object: &Value) -> Value {
    let typed: T = serde_json::from_value(object.clone()).unwrap();
    serde_json::to_value(typed).unwrap()
}

#[test]
fn every_manifest_is_what_kubernetes_own_types_say() {
    let mut kinds = vec![];
    for via in [Via::Crun, Via::Youki, Via::Shim("wasmtime".into())] {
        for controller in [Controller::Pod, Controller::Deployment, Controller::Job] {
            let mut app =
                App::new("app", IMAGE, via.clone()).unwrap().controller(controller).port(8080).replicas(3);
            app.namespace = Some("shop".into());
            app.probe = Some("/healthz".into());
            app.command = vec!["/app.wasm".into()];
            app.args = vec!["--x".into()];
            app.env = [("A".into(), "1".into())].into();
            app.autoscale = (controller == Controller::Deployment).then_some(9);
            for object in app.manifests().unwrap().objects() {
                let kind = object["kind"].as_str().unwrap().to_owned();
                let back = match kind.as_str() {
                    "RuntimeClass" => through::<RuntimeClass>(object),
                    "Pod" => through::<Pod>(object),
                    "Deployment" => through::<Deployment>(object),
                    "Job" => through::<Job>(object),
                    "Service" => through::<Service>(object),
                    "HorizontalPodAutoscaler" => through::<HorizontalPodAutoscaler>(object),
                    other => panic!("no type for {other}"),
                };
                assert_eq!(&back, object, "{kind}");
                kinds.push(kind);
            }
        }
    }
    kinds.sort();
    kinds.dedup();
    assert_eq!(kinds, ["Deployment", "HorizontalPodAutoscaler", "Job", "Pod", "RuntimeClass", "Service"]);
}
