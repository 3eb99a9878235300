//! Kubernetes: manifests that are known to start, what is wrong with those that are there, and what became of old ones.
//!
//! [`App`] writes a `RuntimeClass` and what runs a program (`Pod`, `Deployment` or `Job`, `Service`, autoscaler), [`Shim`]
//! what installs a shim; [`lint`] finds the mistakes that keep WebAssembly from starting; [`migrate`] brings manifests of
//! Krustlet and KWasm, and lines of Docker Desktop, into today's form. Nothing here talks to a cluster.
//!
//! The objects are structs of our own and hold only what we set; tests compare them with the types of `k8s-openapi`, and
//! with the schemas of each Kubernetes that the Python package `kubernetes-validate` knows.

mod app;
mod build;
mod docker;
mod lint;
mod migrate;
mod object;
mod rules;
mod shim;
mod subject;
mod view;
mod yaml;

pub use self::{
    app::{App, Controller, Manifests, Via},
    lint::lint,
    migrate::{Migration, migrate},
    rules::RULES,
    shim::Shim,
    subject::Subject,
};
