//! The calls by which a kubelet starts, watches and removes a pod, and no others.
//!
//! `cri-client SOCKET run POD.json` prints the pod's id, then for each container its name and id; `cri-client SOCKET
//! states POD_ID` prints for each container its name, state and exit code; `cri-client SOCKET remove POD_ID` removes the
//! pod and what is in it. The first call that fails ends the program with exit code 1; what was started stays.

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;
use std::{env, fs};

use hyper_util::rt::TokioIo;
use k8s_cri::v1::runtime_service_client::RuntimeServiceClient;
use k8s_cri::v1::{
    ContainerFilter, ContainerStatusRequest, CreateContainerRequest, ListContainersRequest,
    RemovePodSandboxRequest, RunPodSandboxRequest, StartContainerRequest, StopPodSandboxRequest,
};
use tokio::net::UnixStream;
use tonic::transport::{Channel, Endpoint, Uri};
use tower::service_fn;

use crate::pod::Pod;

mod pod;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// How long one call may take.
const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let args: Vec<_> = env::args().skip(1).collect();
    let args: Vec<_> = args.iter().map(String::as_str).collect();
    let result = match args[..] {
        [socket, "run", file] => run(socket, file).await,
        [socket, "states", pod] => states(socket, pod).await,
        [socket, "remove", pod] => remove(socket, pod).await,
        _ => Err("usage: cri-client SOCKET run POD.json | states POD_ID | remove POD_ID".into()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(socket: &str, file: &str) -> Result<()> {
    let pod: Pod = serde_json::from_slice(&fs::read(file)?)?;
    let mut runtime = connect(socket).await?;
    let config = pod.config();
    let request = RunPodSandboxRequest { config: Some(config.clone()), runtime_handler: pod.handler.clone() };
    let pod_sandbox_id = runtime.run_pod_sandbox(request).await?.into_inner().pod_sandbox_id;
    println!("{pod_sandbox_id}");
    for container in &pod.containers {
        let request = CreateContainerRequest {
            pod_sandbox_id: pod_sandbox_id.clone(),
            config: Some(container.config()),
            sandbox_config: Some(config.clone()),
        };
        let container_id = runtime.create_container(request).await?.into_inner().container_id;
        println!("{} {container_id}", container.name);
        runtime.start_container(StartContainerRequest { container_id }).await?;
    }
    Ok(())
}

async fn states(socket: &str, pod: &str) -> Result<()> {
    let mut runtime = connect(socket).await?;
    let filter = ContainerFilter { pod_sandbox_id: pod.to_owned(), ..Default::default() };
    let request = ListContainersRequest { filter: Some(filter) };
    for container in runtime.list_containers(request).await?.into_inner().containers {
        let request = ContainerStatusRequest { container_id: container.id, verbose: false };
        let status = runtime.container_status(request).await?.into_inner().status.unwrap_or_default();
        let name = status.metadata.as_ref().map_or("", |metadata| metadata.name.as_str());
        println!("{name} {} {}", status.state().as_str_name(), status.exit_code);
    }
    Ok(())
}

async fn remove(socket: &str, pod: &str) -> Result<()> {
    let mut runtime = connect(socket).await?;
    let pod_sandbox_id = pod.to_owned();
    // Without a time to stop in, as for a pod whose grace period is over: its containers are killed.
    runtime.stop_pod_sandbox(StopPodSandboxRequest { pod_sandbox_id: pod_sandbox_id.clone() }).await?;
    runtime.remove_pod_sandbox(RemovePodSandboxRequest { pod_sandbox_id }).await?;
    Ok(())
}

async fn connect(socket: &str) -> Result<RuntimeServiceClient<Channel>> {
    let socket = socket.to_owned();
    // The address is not used, but there must be one.
    let channel = Endpoint::try_from("http://[::]")?
        .timeout(PATIENCE)
        .connect_with_connector(service_fn(move |_: Uri| {
            let socket = socket.clone();
            async move { Ok::<_, std::io::Error>(TokioIo::new(UnixStream::connect(socket).await?)) }
        }))
        .await?;
    Ok(RuntimeServiceClient::new(channel))
}
