//! Tasks from what container runtimes say.
//!
//! An adapter converts through [`wasm_bundle::Workload`], which is where specifications are parsed; none parses one by
//! itself.

pub mod bundle;
